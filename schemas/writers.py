"""Avro's binary form of our own records: functions put together once for each schema.

fastavro does the same for any schema, and is what the tests hold this against; for records of
a few fields most of its time goes into what is known beforehand. Values are those of the
records: dates and moments, nested records, tuples for arrays.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Mapping
from datetime import UTC, date, datetime, timedelta
from functools import lru_cache
from operator import attrgetter, call
from typing import Any, Final, TypeAlias

from schemas.avro import Json, meaning

__all__ = ["Write", "write_long", "writer"]

Write: TypeAlias = Callable[[Any], bytes]

EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
EPOCH_ORDINAL: Final = date(1970, 1, 1).toordinal()
MICROSECOND: Final = timedelta(microseconds=1)
DOUBLE: Final = struct.Struct("<d")
CACHED: Final = 4096


def _varint(number: int) -> bytes:
    out = bytearray()
    while number > 0x7F:
        out.append(number & 0x7F | 0x80)
        number >>= 7
    out.append(number)
    return bytes(out)


# Every number of up to 14 bits as it ends a varint, and as it stands before more bytes.
ENDS: Final = tuple(_varint(number) for number in range(1 << 14))
BEFORE: Final = tuple(
    bytes((number & 0x7F | 0x80, number >> 7 | 0x80)) for number in range(1 << 14)
)


def write_long(value: int) -> bytes:
    zigzag = value << 1 if value >= 0 else ~(value << 1)
    if zigzag < 1 << 14:
        return ENDS[zigzag]
    if zigzag < 1 << 28:
        return BEFORE[zigzag & 0x3FFF] + ENDS[zigzag >> 14]
    if zigzag >= 1 << 64:
        raise OverflowError("the number needs more than 64 bits")
    return _varint(zigzag)


def write_int(value: int) -> bytes:
    if not -(1 << 31) <= value < 1 << 31:
        raise OverflowError("the number needs more than 32 bits")
    return write_long(value)


def write_text(value: str) -> bytes:
    content = value.encode()
    return write_long(len(content)) + content


@lru_cache(maxsize=CACHED)
def write_date(value: date) -> bytes:
    return write_long(value.toordinal() - EPOCH_ORDINAL)


@lru_cache(maxsize=CACHED)
def write_moment(value: datetime) -> bytes:
    return write_long((value - EPOCH) // MICROSECOND)


def write_boolean(value: bool) -> bytes:  # noqa: FBT001 - it is the value
    return b"\x01" if value else b"\x00"


PRIMITIVES: Final[Mapping[str, tuple[type, Write]]] = {
    "null": (type(None), lambda _: b""),
    "boolean": (bool, write_boolean),
    "int": (int, write_int),
    "long": (int, write_long),
    "double": (float, DOUBLE.pack),
    "string": (str, write_text),
    "date": (date, write_date),
    "timestamp-micros": (datetime, write_moment),
}


def writer(schema: Json) -> Write:
    """Give the function that writes a value of the schema."""
    simple = PRIMITIVES.get(meaning(schema))
    if simple is not None:
        return simple[1]
    match schema:
        case list():
            return _write_union(schema)
        case {"type": "array", "items": items}:
            return _write_array(writer(items))
        case {"type": "map", "values": values}:
            return _write_map(writer(values))
        case {"type": "record"}:
            return _write_record(schema)
        case _:
            raise NotImplementedError(f"no record of ours has a field of type {schema!r}")


def _write_record(schema: Json) -> Write:
    names = [field["name"] for field in schema["fields"]]
    writers = tuple(writer(field["type"]) for field in schema["fields"])
    values = attrgetter(*names)
    return lambda record: b"".join(map(call, writers, values(record)))


def _write_union(branches: list[Json]) -> Write:
    by_type: dict[type, tuple[bytes, Write]] = {}
    nested: tuple[bytes, Write] | None = None
    for index, branch in enumerate(branches):
        written = (write_long(index), writer(branch))
        simple = PRIMITIVES.get(meaning(branch))
        if simple is None:
            nested = written
        else:
            by_type[simple[0]] = written

    def write(value: object) -> bytes:
        head, of = by_type.get(type(value)) or nested or _no_branch(value)
        return head + of(value)

    return write


def _no_branch(value: object) -> tuple[bytes, Write]:
    raise TypeError(f"no branch holds a {type(value).__name__}")


def _write_array(item: Write) -> Write:
    def write(values: tuple[object, ...]) -> bytes:
        if not values:
            return b"\x00"
        return b"".join((write_long(len(values)), *map(item, values), b"\x00"))

    return write


def _write_map(item: Write) -> Write:
    def write(values: dict[str, object]) -> bytes:
        if not values:
            return b"\x00"
        pairs = (write_text(key) + item(value) for key, value in values.items())
        return b"".join((write_long(len(values)), *pairs, b"\x00"))

    return write
