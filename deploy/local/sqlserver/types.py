"""SQL Server's types on the wire: TYPE_INFO, the text of a declaration, code page 1252."""

from __future__ import annotations

import codecs
import re
import struct

from deploy.local.sqlserver.errors import Unsupported
from deploy.local.sqlserver.results import Parameter, SqlType

__all__ = [
    "COLLATION",
    "canonical",
    "decode_1252",
    "encode_1252",
    "is_max",
    "parameters_declared",
    "parse",
    "type_info",
]

COLLATION = bytes.fromhex("0904d00034")  # SQL_Latin1_General_CP1_CI_AS, code page 1252

# Windows gives the five bytes that cp1252 leaves open to the control characters.
_TABLE = "".join(bytes([n]).decode("cp1252", "ignore") or chr(n) for n in range(256))
_ENCODING = codecs.charmap_build(_TABLE)

_ALIASES = {
    "integer": SqlType("int"),
    "dec": SqlType("decimal"),
    "sysname": SqlType("nvarchar", 128),
    "rowversion": SqlType("binary", 8),
    "timestamp": SqlType("binary", 8),
    "xml": SqlType("nvarchar", -1),
    "sql_variant": SqlType("nvarchar", 4000),
}
_FIXED = {
    "tinyint": b"\x26\x01",
    "smallint": b"\x26\x02",
    "int": b"\x26\x04",
    "bigint": b"\x26\x08",
    "bit": b"\x68\x01",
    "real": b"\x6d\x04",
    "float": b"\x6d\x08",
    "smallmoney": b"\x6e\x04",
    "money": b"\x6e\x08",
    "smalldatetime": b"\x6f\x04",
    "datetime": b"\x6f\x08",
    "uniqueidentifier": b"\x24\x10",
    "date": b"\x28",
    "image": b"\x22\xff\xff\xff\x7f",
    "text": b"\x23\xff\xff\xff\x7f" + COLLATION,
    "ntext": b"\x63\xfe\xff\xff\x7f" + COLLATION,
}
_SCALED = {"time": 0x29, "datetime2": 0x2A, "datetimeoffset": 0x2B}
_STRINGS = {"char": 0xAF, "varchar": 0xA7, "nchar": 0xEF, "nvarchar": 0xE7}
_BINARIES = {"binary": 0xAD, "varbinary": 0xA5}
_DECIMALS = {"decimal": 0x6A, "numeric": 0x6C}
_DECLARED = re.compile(
    r"\s*(?P<name>@[\w@#$]+)\s+(?:AS\s+)?(?P<type>\[?\w+\]?(?:\s*\([^)]*\))?)"
    r"(?:\s*=\s*(?:NULL|[-\w.]+|N?'(?:[^']|'')*'))?(?:\s+(?P<output>OUT(?:PUT)?))?\s*(?:,|$)",
    re.IGNORECASE,
)
_TYPE = re.compile(r"\s*\[?(?P<name>\w+)\]?\s*(?:\(\s*(?P<inside>[^)]*?)\s*\))?\s*")


def decode_1252(data: bytes) -> str:
    return codecs.charmap_decode(data, "strict", _TABLE)[0]


def encode_1252(text: str) -> bytes:
    """Return the text as a varchar holds it: what code page 1252 lacks becomes `?`."""
    return codecs.charmap_encode(text, "replace", _ENCODING)[0]


def canonical(kind: SqlType) -> SqlType:
    """Return the type under the name it travels by, with what it leaves open filled in."""
    if kind.name in _ALIASES:
        kind = _ALIASES[kind.name]
    if kind.name in _SCALED and kind.scale is None:
        return SqlType(kind.name, scale=7)
    if kind.name in _DECIMALS and kind.precision is None:
        return SqlType(kind.name, precision=18, scale=0)
    if kind.name in _STRINGS or kind.name in _BINARIES:
        return kind if kind.length is not None else SqlType(kind.name, 1)
    return kind


def is_max(kind: SqlType) -> bool:
    """Tell whether values travel in chunks: varchar(max) and its relatives."""
    if kind.length is None or kind.name not in _STRINGS | _BINARIES:
        return False
    return kind.length < 0 or kind.length > (4000 if kind.name.startswith("n") else 8000)


def type_info(kind: SqlType) -> bytes:
    """Return TYPE_INFO for a canonical type, always in the form that allows NULL."""
    name = kind.name
    if name in _FIXED:
        return _FIXED[name]
    if name in _SCALED:
        return bytes([_SCALED[name], 7 if kind.scale is None else kind.scale])
    if name in _DECIMALS:
        precision = kind.precision or 18
        return bytes([_DECIMALS[name], decimal_bytes(precision), precision, kind.scale or 0])
    if name in _STRINGS or name in _BINARIES:
        width = 2 if name in {"nchar", "nvarchar"} else 1
        size = 0xFFFF if is_max(kind) else max(1, kind.length or 1) * width
        tail = COLLATION if name in _STRINGS else b""
        return struct.pack("<BH", {**_STRINGS, **_BINARIES}[name], size) + tail
    raise Unsupported(f"the type {name}")


def decimal_bytes(precision: int) -> int:
    """Return how many bytes a decimal takes, its sign included."""
    return 5 if precision <= 9 else 9 if precision <= 19 else 13 if precision <= 28 else 17


def parse(text: str) -> SqlType:
    """Return the type that T-SQL writes as `decimal(10, 2)` or `[nvarchar](max)`."""
    match = _TYPE.fullmatch(text)
    if match is None:
        raise Unsupported(f"the type {text.strip()}")
    name = match["name"].lower()
    inside = (match["inside"] or "").lower()
    try:
        numbers = [-1 if n.strip() == "max" else int(n) for n in inside.split(",") if n.strip()]
    except ValueError:
        raise Unsupported(f"the type {text.strip()}") from None
    if name == "float":
        return SqlType("real" if numbers and numbers[0] <= 24 else "float")
    if name in _SCALED:
        return SqlType(name, scale=numbers[0] if numbers else 7)
    if name in {*_DECIMALS, "dec"}:
        precision, scale = (*numbers, 18, 0)[:2] if len(numbers) != 1 else (numbers[0], 0)
        return SqlType("decimal" if name == "dec" else name, precision=precision, scale=scale)
    if name in _STRINGS or name in _BINARIES:
        return SqlType(name, numbers[0] if numbers else 1)
    kind = canonical(SqlType(name))
    type_info(kind)
    return kind


def parameters_declared(text: str) -> tuple[Parameter, ...]:
    """Return the parameters that `@P1 int, @P2 nvarchar(10) OUTPUT` declares."""
    declared: list[Parameter] = []
    position = 0
    while text[position:].strip():
        match = _DECLARED.match(text, position)
        if match is None:
            raise Unsupported(f"the parameter declaration {text[position:].strip()[:80]!r}")
        declared.append(
            Parameter(match["name"], parse(match["type"]), output=match["output"] is not None)
        )
        position = match.end()
    return tuple(declared)
