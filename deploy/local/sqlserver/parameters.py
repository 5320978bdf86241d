"""Remote procedure calls as they arrive: names, types and values of their parameters."""

from __future__ import annotations

from dataclasses import dataclass

from deploy.local.sqlserver.errors import Unsupported
from deploy.local.sqlserver.reader import Reader
from deploy.local.sqlserver.results import Parameter
from deploy.local.sqlserver.values import read_type
from deploy.local.sqlserver.wire import Malformed

__all__ = ["Call", "calls"]


_BY_REFERENCE = 0x01
_ENCRYPTED = 0x08
_SEPARATORS = {0xFE, 0xFF}
_PROCEDURES = {
    1: "sp_cursor",
    2: "sp_cursoropen",
    3: "sp_cursorprepare",
    4: "sp_cursorexecute",
    5: "sp_cursorprepexec",
    6: "sp_cursorunprepare",
    7: "sp_cursorfetch",
    8: "sp_cursoroption",
    9: "sp_cursorclose",
    10: "sp_executesql",
    11: "sp_prepare",
    12: "sp_execute",
    13: "sp_prepexec",
    14: "sp_prepexecrpc",
    15: "sp_unprepare",
}


@dataclass(frozen=True, slots=True)
class Call:
    """One procedure call; a message may hold several."""

    procedure: str
    parameters: tuple[Parameter, ...]


def calls(data: bytes) -> list[Call]:
    """Return the calls of an RPC message."""
    reader = Reader(data)
    reader.skip_headers()
    found: list[Call] = []
    while reader.remaining:
        length = reader.u16()
        if length == 0xFFFF:
            number = reader.u16()
            if number not in _PROCEDURES:
                raise Malformed(f"a procedure of unknown number {number}")
            name = _PROCEDURES[number]
        else:
            name = reader.text(length)
        reader.u16()
        parameters: list[Parameter] = []
        while reader.remaining:
            if reader.data[reader.position] in _SEPARATORS:
                reader.u8()
                break
            parameters.append(_parameter(reader))
        found.append(Call(name, tuple(parameters)))
    return found


def _parameter(reader: Reader) -> Parameter:
    length = reader.u8()
    name = reader.text(length) if length else ""
    status = reader.u8()
    if status & _ENCRYPTED:
        raise Unsupported("encrypted parameters")
    kind, decode = read_type(reader)
    return Parameter(name, kind, decode(reader), output=bool(status & _BY_REFERENCE))
