"""Conversions to bytes and to uniqueidentifier."""

from __future__ import annotations

import re
from typing import Any

from deploy.local.sqlserver.conversions.limits import Convert, Place, truncated
from deploy.local.sqlserver.errors import SqlError
from deploy.local.sqlserver.results import SqlType
from deploy.local.sqlserver.translation.precedence import BYTES, INTEGERS, NATIONAL, TEXT

_GUID = re.compile(r"^\{?([0-9A-Fa-f]{8}(?:-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12})\}?$")


def to_bytes(source: SqlType, target: SqlType, style: int | None, place: Place | None) -> Convert:
    length = -1 if target.length is None else target.length

    def raw(value: Any) -> bytes:
        if source.name in BYTES:
            return bytes(value)
        if source.name in TEXT:
            if style in (1, 2):
                return bytes.fromhex(value.removeprefix("0x"))
            national = source.name in NATIONAL
            return bytes(value.encode("utf-16-le" if national else "cp1252", "replace"))
        if source.name == "uniqueidentifier":
            return bytes.fromhex(value.replace("-", ""))
        size = {"bigint": 8, "int": 4, "smallint": 2}.get(source.name, 1)
        return int(value).to_bytes(size, "big", signed=size > 1)

    def convert(value: Any) -> bytes:
        found = raw(value)
        if 0 <= length < len(found):
            if source.name in INTEGERS:
                return found[-length:]
            if place is not None:
                raise truncated(place, found[:length].hex())
            found = found[:length]
        return found.ljust(length, b"\0") if target.name == "binary" else found

    return convert


def to_guid(source: SqlType, _: SqlType) -> Convert:
    if source.name in BYTES:
        return lambda value: "-".join(
            (
                value.hex()[:8],
                value.hex()[8:12],
                value.hex()[12:16],
                value.hex()[16:20],
                value.hex()[20:32],
            )
        ).upper()

    def from_text(value: str) -> str:
        found = _GUID.match(value.strip())
        if found is None:
            raise SqlError(
                8169,
                "Conversion failed when converting from a character string to uniqueidentifier.",
            )
        return found[1].upper()

    return from_text
