"""The tokens of a reply, each as bytes."""

from __future__ import annotations

import struct
from collections.abc import Sequence

from deploy.local.sqlserver.errors import SqlError
from deploy.local.sqlserver.results import Column, Parameter
from deploy.local.sqlserver.rows import null_value, value_encoder
from deploy.local.sqlserver.types import COLLATION, canonical, type_info

__all__ = [
    "DONE",
    "DONE_IN_PROCEDURE",
    "DONE_PROCEDURE",
    "changed_collation",
    "changed_database",
    "changed_language",
    "changed_packet_size",
    "columns",
    "done",
    "error",
    "information",
    "login_acknowledged",
    "reset_acknowledged",
    "return_status",
    "return_value",
    "transaction_begun",
    "transaction_ended",
]

DONE = 0xFD
DONE_PROCEDURE = 0xFE
DONE_IN_PROCEDURE = 0xFF
SERVER = "standin"
_MORE, _ERROR, _COUNT, _ATTENTION = 0x01, 0x02, 0x10, 0x20
_SELECT, _OTHER = 0xC1, 0xC3
_WITH_TABLE_NAME = {"text", "ntext", "image"}


def columns(described: Sequence[Column]) -> bytes:
    """Return COLMETADATA."""
    parts = [struct.pack("<BH", 0x81, len(described))]
    for column in described:
        kind = canonical(column.type)
        flags = 0x08 | (0x01 if column.nullable else 0) | (0x10 if column.identity else 0)
        parts.append(struct.pack("<IH", 0, flags) + type_info(kind))
        if kind.name in _WITH_TABLE_NAME:
            parts.append(b"\x01\0\0")
        parts.append(_short(column.name))
    return b"".join(parts)


def done(
    token: int,
    *,
    count: int | None = None,
    select: bool = False,
    more: bool = False,
    failed: bool = False,
    attention: bool = False,
) -> bytes:
    status = (
        (_MORE if more else 0)
        | (_ERROR if failed else 0)
        | (_COUNT if count is not None else 0)
        | (_ATTENTION if attention else 0)
    )
    command = 0 if count is None and not select else _SELECT if select else _OTHER
    return struct.pack("<BHHQ", token, status, command, count or 0)


def error(problem: SqlError, *, line: int = 1) -> bytes:
    return _message(
        0xAA,
        problem.message,
        number=problem.number,
        state=problem.state,
        severity=problem.severity,
        line=line,
    )


def information(number: int, message: str) -> bytes:
    severity = 0 if number == 0 else 10
    return _message(0xAB, message, number=number, state=1, severity=severity, line=1)


def changed_database(old: str, new: str) -> bytes:
    return _changed(1, _short(new), _short(old)) + information(
        5701, f"Changed database context to '{new}'."
    )


def changed_language() -> bytes:
    return _changed(2, _short("us_english"), _short("")) + information(
        5703, "Changed language setting to us_english."
    )


def changed_packet_size(old: int, new: int) -> bytes:
    return _changed(4, _short(str(new)), _short(str(old)))


def changed_collation() -> bytes:
    return _changed(7, bytes([len(COLLATION)]) + COLLATION, b"\0")


def transaction_begun(descriptor: int) -> bytes:
    return _changed(8, b"\x08" + struct.pack("<Q", descriptor), b"\0")


def transaction_ended(descriptor: int, *, committed: bool) -> bytes:
    return _changed(9 if committed else 10, b"\0", b"\x08" + struct.pack("<Q", descriptor))


def reset_acknowledged() -> bytes:
    return _changed(18, b"\0", b"\0")


def login_acknowledged(tds_version: int, server_version: tuple[int, int, int]) -> bytes:
    major, minor, build = server_version
    body = (
        struct.pack(">BI", 1, tds_version)
        + _short("Microsoft SQL Server")
        + struct.pack(">BBH", major, minor, build)
    )
    return struct.pack("<BH", 0xAD, len(body)) + body


def return_status(status: int) -> bytes:
    return struct.pack("<Bi", 0x79, status)


def return_value(ordinal: int, parameter: Parameter) -> bytes:
    kind = canonical(parameter.type)
    value = (
        null_value(kind)
        if parameter.value is None
        else value_encoder(parameter.type)(parameter.value)
    )
    head = struct.pack("<BH", 0xAC, ordinal) + _short(parameter.name)
    return head + struct.pack("<BIH", 0x01, 0, 0x01) + type_info(kind) + value


def _message(
    token: int, message: str, *, number: int, state: int, severity: int, line: int
) -> bytes:
    text = _utf16(message[:2000])
    body = (
        struct.pack("<iBBH", number, state, severity, len(text) // 2)
        + text
        + _short(SERVER)
        + _short("")
        + struct.pack("<i", line)
    )
    return struct.pack("<BH", token, len(body)) + body


def _changed(kind: int, new: bytes, old: bytes) -> bytes:
    return struct.pack("<BHB", 0xE3, 1 + len(new) + len(old), kind) + new + old


def _short(text: str) -> bytes:
    data = _utf16(text[:255])
    return bytes([len(data) // 2]) + data


def _utf16(text: str) -> bytes:
    return text.encode("utf-16-le", "surrogatepass")
