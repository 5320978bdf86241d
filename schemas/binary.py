"""Avro's binary form for our own schemas, by functions put together once for each.

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

from schemas.avro import Json

__all__ = ["Read", "Write", "reader", "writer"]

Write: TypeAlias = Callable[[Any], bytes]
# Takes the bytes and a position; gives the value and the position after it.
Read: TypeAlias = Callable[[bytes, int], tuple[Any, int]]

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


def read_long(data: bytes, at: int) -> tuple[int, int]:
    # Most numbers here take one to three bytes: written out, for a loop costs as much as they.
    number = data[at]
    if number < 0x80:
        return number >> 1 ^ -(number & 1), at + 1
    byte = data[at + 1]
    number += (byte << 7) - 0x80
    if byte < 0x80:
        return number >> 1 ^ -(number & 1), at + 2
    byte = data[at + 2]
    number += (byte << 14) - 0x4000
    if byte < 0x80:
        return number >> 1 ^ -(number & 1), at + 3
    number -= 0x200000
    shift = 21
    for end in range(at + 3, at + 10):
        byte = data[end]
        number |= (byte & 0x7F) << shift
        if byte < 0x80:
            if number >= 1 << 64:
                break
            return number >> 1 ^ -(number & 1), end + 1
        shift += 7
    raise ValueError("a number of more than 64 bits")


def read_text(data: bytes, at: int) -> tuple[str, int]:
    length = data[at]
    if length < 0x80 and not length & 1:
        start = at + 1
        end = start + (length >> 1)
    else:
        size, start = read_long(data, at)
        if size < 0:
            raise ValueError("a text of negative length")
        end = start + size
    if end > len(data):
        raise EOFError("a text goes on behind the end")
    return data[start:end].decode(), end


def _remembering(usual: int, make: Callable[[int], Any]) -> Read:
    """Give a reader of numbers that mean more, which remembers those of the usual length.

    An event's day and moment are mostly those of the event before it, and a number of that many
    bytes is known by its bytes.
    """
    known: dict[bytes, Any] = {}

    def read(data: bytes, at: int) -> tuple[Any, int]:
        end = at + usual
        key = data[at:end]
        found = known.get(key)
        if found is not None:
            return found, end
        number, after = read_long(data, at)
        value = make(number)
        if after == end:
            if len(known) >= CACHED:
                known.clear()
            known[key] = value
        return value, after

    return read


# From 1992 to 4840 a day takes three bytes; from 1978 to 3111 a moment takes eight.
read_date: Final = _remembering(3, lambda days: date.fromordinal(days + EPOCH_ORDINAL))
read_moment: Final = _remembering(8, lambda micros: EPOCH + timedelta(microseconds=micros))


def read_boolean(data: bytes, at: int) -> tuple[bool, int]:
    byte = data[at]
    if byte > 1:
        raise ValueError("a truth value is 0 or 1")
    return byte == 1, at + 1


def read_double(data: bytes, at: int) -> tuple[float, int]:
    return DOUBLE.unpack_from(data, at)[0], at + DOUBLE.size


PRIMITIVES: Final[Mapping[str, tuple[type, Write, Read]]] = {
    "null": (type(None), lambda _: b"", lambda _, at: (None, at)),
    "boolean": (bool, write_boolean, read_boolean),
    "int": (int, write_int, read_long),
    "long": (int, write_long, read_long),
    "double": (float, DOUBLE.pack, read_double),
    "string": (str, write_text, read_text),
    "date": (date, write_date, read_date),
    "timestamp-micros": (datetime, write_moment, read_moment),
}


def _primitive(schema: Json) -> tuple[type, Write, Read] | None:
    if isinstance(schema, dict):
        return PRIMITIVES.get(str(schema.get("logicalType", schema["type"])))
    return PRIMITIVES.get(schema) if isinstance(schema, str) else None


def writer(schema: Json) -> Write:
    """Give the function that writes a value of the schema."""
    primitive = _primitive(schema)
    if primitive is not None:
        return primitive[1]
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
        primitive = _primitive(branch)
        if primitive is None:
            nested = written
        else:
            by_type[primitive[0]] = written

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


def reader(schema: Json, records: Mapping[str, Callable[..., object]]) -> Read:
    """Give the function that reads a value of the schema; `records` makes those it names."""
    primitive = _primitive(schema)
    if primitive is not None:
        return primitive[2]
    match schema:
        case list():
            return _read_union([reader(branch, records) for branch in schema])
        case {"type": "array", "items": items}:
            return _read_array(reader(items, records))
        case {"type": "map", "values": values}:
            return _read_map(reader(values, records))
        case {"type": "record"}:
            fields = tuple(reader(field["type"], records) for field in schema["fields"])
            return _read_record(records[schema["name"]], fields)
        case _:
            raise NotImplementedError(f"no record of ours has a field of type {schema!r}")


def _read_record(make: Callable[..., object], fields: tuple[Read, ...]) -> Read:
    def read(data: bytes, at: int) -> tuple[object, int]:
        values = []
        for field in fields:
            value, at = field(data, at)
            values.append(value)
        return make(*values), at

    return read


def _read_union(branches: list[Read]) -> Read:
    # By the byte that the branch's number is.
    by_byte = {write_long(index)[0]: branch for index, branch in enumerate(branches)}

    def read(data: bytes, at: int) -> tuple[object, int]:
        return by_byte[data[at]](data, at + 1)

    return read


def _blocks(data: bytes, at: int) -> tuple[int, int]:
    """Give how many items the next block has, 0 at the end, and where they begin."""
    count, at = read_long(data, at)
    if count < 0:
        _, at = read_long(data, at)
    return abs(count), at


def _read_array(item: Read) -> Read:
    def read(data: bytes, at: int) -> tuple[tuple[object, ...], int]:
        values = []
        count, at = _blocks(data, at)
        while count:
            for _ in range(count):
                value, at = item(data, at)
                values.append(value)
            count, at = _blocks(data, at)
        return tuple(values), at

    return read


def _read_map(item: Read) -> Read:
    def read(data: bytes, at: int) -> tuple[dict[str, object], int]:
        values = {}
        count, at = _blocks(data, at)
        while count:
            for _ in range(count):
                key, at = read_text(data, at)
                values[key], at = item(data, at)
            count, at = _blocks(data, at)
        return values, at

    return read
