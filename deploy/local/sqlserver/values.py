"""Values as they arrive: a type's description on the wire, and what decodes its values."""

from __future__ import annotations

import struct
from collections.abc import Callable
from datetime import UTC, date, datetime, time, timedelta, timezone
from decimal import Decimal
from functools import lru_cache
from typing import TypeAlias
from uuid import UUID

from deploy.local.sqlserver.errors import Unsupported
from deploy.local.sqlserver.reader import Reader
from deploy.local.sqlserver.results import SqlType
from deploy.local.sqlserver.types import decode_1252
from deploy.local.sqlserver.wire import Malformed

__all__ = ["Decoder", "read_type"]

Decoder: TypeAlias = Callable[[Reader], object]

_1900 = datetime(1900, 1, 1)  # noqa: DTZ001 - datetime has no zone in SQL Server
_DECIMAL_SIZES = set(range(2, 18))  # FreeTDS sends no leading zeros
_INTEGER_NAMES = {1: "tinyint", 2: "smallint", 4: "int", 8: "bigint"}


def read_type(reader: Reader) -> tuple[SqlType, Decoder]:
    """Read TYPE_INFO; return the type and what reads a value of it."""
    code = reader.u8()
    if code in _SIZED:
        return _sized(code, reader.u8())
    if code in _STRINGS:
        size = reader.u16()
        name = _STRINGS[code]
        if name not in _BINARIES:
            reader.take(5)
        return _string(name, size)
    if code in _DECIMALS:
        reader.u8()
        return _decimal(reader.u8(), reader.u8())
    if code in _SCALED:
        return _scaled(_SCALED[code], reader.u8())
    if code in _LOBS:
        name, maximum = _LOBS[code], reader.u32()
        if name != "varbinary":
            reader.take(5)
        return SqlType(name, -1 if maximum >= 8000 else maximum), _lob(name)
    if code in _WITHOUT_LENGTH:
        return _WITHOUT_LENGTH[code]
    raise Unsupported(f"parameters of wire type 0x{code:02x}")


_SIZED = {0x26, 0x68, 0x6D, 0x6E, 0x6F, 0x24}
_STRINGS = {
    0xA5: "varbinary",
    0xAD: "binary",
    0xA7: "varchar",
    0xAF: "char",
    0xE7: "nvarchar",
    0xEF: "nchar",
}
_BINARIES = {"binary", "varbinary"}
_DECIMALS = {0x6A, 0x6C}
_SCALED = {0x29: "time", 0x2A: "datetime2", 0x2B: "datetimeoffset"}
_LOBS = {0x22: "varbinary", 0x23: "varchar", 0x63: "nvarchar"}


@lru_cache(maxsize=64)
def _sized(code: int, size: int) -> tuple[SqlType, Decoder]:
    """Return type and decoder of a value whose length precedes it."""
    if code == 0x24:
        return SqlType("uniqueidentifier"), _optional(lambda data: UUID(bytes_le=data), {16})
    if code == 0x68:
        return SqlType("bit"), _optional(lambda data: data[0], {1})
    if code == 0x26 and size in _INTEGER_NAMES:
        signed = size > 1
        return SqlType(_INTEGER_NAMES[size]), _optional(
            lambda data: int.from_bytes(data, "little", signed=signed), {size}
        )
    if code == 0x6D and size in {4, 8}:
        form = struct.Struct("<f" if size == 4 else "<d")
        name = "real" if size == 4 else "float"
        return SqlType(name), _optional(lambda data: form.unpack(data)[0], {size})
    if code == 0x6E and size in {4, 8}:
        return SqlType("smallmoney" if size == 4 else "money"), _optional(_money, {size})
    if code == 0x6F and size in {4, 8}:
        name = "smalldatetime" if size == 4 else "datetime"
        return SqlType(name), _optional(_old_datetime, {size})
    raise Malformed(f"wire type 0x{code:02x} of {size} bytes")


def _optional(decode: Callable[[bytes], object], sizes: set[int]) -> Decoder:
    def read(reader: Reader) -> object:
        size = reader.u8()
        if size == 0:
            return None
        if size not in sizes:
            raise Malformed(f"a value of {size} bytes where {sorted(sizes)} are expected")
        return decode(reader.take(size))

    return read


def _bare(code: int, size: int) -> tuple[SqlType, Decoder]:
    """Return type and decoder of the older form, whose length is in its type."""
    kind, decode = _sized(code, size)
    return kind, lambda reader: decode(Reader(bytes([size]) + reader.take(size)))


@lru_cache(maxsize=1024)
def _string(name: str, size: int) -> tuple[SqlType, Decoder]:
    wide = name in {"nchar", "nvarchar"}
    if size == 0xFFFF:
        return SqlType(name, -1), lambda reader: _text(name, _chunks(reader))

    def read(reader: Reader) -> object:
        length = reader.u16()
        return None if length == 0xFFFF else _text(name, reader.take(length))

    return SqlType(name, max(1, size // 2 if wide else size)), read


def _text(name: str, data: bytes | None) -> object:
    if data is None or name in _BINARIES:
        return data
    if name in {"nchar", "nvarchar"}:
        if len(data) % 2:
            raise Malformed("half a character")
        return data.decode("utf-16-le", "surrogatepass")
    return decode_1252(data)


def _chunks(reader: Reader) -> bytes | None:
    if reader.u64() == 0xFFFF_FFFF_FFFF_FFFF:
        return None
    parts: list[bytes] = []
    while size := reader.u32():
        parts.append(reader.take(size))
    return b"".join(parts)


def _lob(name: str) -> Decoder:
    def read(reader: Reader) -> object:
        size = reader.u32()
        return None if size == 0xFFFF_FFFF else _text(name, reader.take(size))

    return read


@lru_cache(maxsize=1024)
def _decimal(precision: int, scale: int) -> tuple[SqlType, Decoder]:
    if not (1 <= precision <= 38 and scale <= precision):
        raise Malformed(f"decimal({precision}, {scale})")

    def decode(data: bytes) -> object:
        number = int.from_bytes(data[1:], "little")
        digits = tuple(map(int, str(number)))
        return Decimal((0 if data[0] else 1, digits, -scale))

    return SqlType("decimal", precision=precision, scale=scale), _optional(decode, _DECIMAL_SIZES)


@lru_cache(maxsize=64)
def _scaled(name: str, scale: int) -> tuple[SqlType, Decoder]:
    if scale > 7:
        raise Malformed(f"{name}({scale})")
    width = 3 if scale <= 2 else 4 if scale <= 4 else 5

    def clock(data: bytes) -> timedelta:
        return timedelta(microseconds=int.from_bytes(data[:width], "little") * 10**6 // 10**scale)

    def day(data: bytes) -> datetime:
        return datetime.fromordinal(int.from_bytes(data[width : width + 3], "little") + 1)

    def as_time(data: bytes) -> time:
        return (_1900 + clock(data)).time()

    def as_datetime(data: bytes) -> datetime:
        return day(data) + clock(data)

    def as_offset(data: bytes) -> datetime:
        minutes = int.from_bytes(data[width + 3 :], "little", signed=True)
        zone = timezone(timedelta(minutes=minutes))
        return as_datetime(data).replace(tzinfo=UTC).astimezone(zone)

    decode, size = {
        "time": (as_time, width),
        "datetime2": (as_datetime, width + 3),
        "datetimeoffset": (as_offset, width + 5),
    }[name]
    return SqlType(name, scale=scale), _optional(_dated(decode), {size})


def _dated(decode: Callable[[bytes], object]) -> Callable[[bytes], object]:
    def read(data: bytes) -> object:
        try:
            return decode(data)
        except (ValueError, OverflowError) as error:
            raise Malformed(f"a date out of range: {error}") from None

    return read


def _date(data: bytes) -> date:
    return date.fromordinal(int.from_bytes(data, "little") + 1)


def _money(data: bytes) -> Decimal:
    if len(data) == 4:
        number = int.from_bytes(data, "little", signed=True)
    else:
        high, low = struct.unpack("<iI", data)
        number = (high << 32) + low
    return Decimal(number).scaleb(-4)


def _old_datetime(data: bytes) -> datetime:
    try:
        if len(data) == 4:
            days, minutes = struct.unpack("<HH", data)
            return _1900 + timedelta(days=days, minutes=minutes)
        days, ticks = struct.unpack("<iI", data)
        return _1900 + timedelta(days=days, milliseconds=(ticks * 10 + 1) // 3)
    except (ValueError, OverflowError) as error:
        raise Malformed(f"a date out of range: {error}") from None


def _null(_reader: Reader) -> object:
    return None


_WITHOUT_LENGTH: dict[int, tuple[SqlType, Decoder]] = {
    0x1F: (SqlType("nvarchar", 1), _null),
    0x28: (SqlType("date"), _optional(_dated(_date), {3})),
    0x30: _bare(0x26, 1),
    0x32: _bare(0x68, 1),
    0x34: _bare(0x26, 2),
    0x38: _bare(0x26, 4),
    0x3A: _bare(0x6F, 4),
    0x3B: _bare(0x6D, 4),
    0x3C: _bare(0x6E, 8),
    0x3D: _bare(0x6F, 8),
    0x3E: _bare(0x6D, 8),
    0x7A: _bare(0x6E, 4),
    0x7F: _bare(0x26, 8),
}
