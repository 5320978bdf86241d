"""Avro's binary form back into our own records, the other way of `writers`."""

from __future__ import annotations

import struct
from collections.abc import Callable, Mapping
from datetime import UTC, date, datetime, timedelta
from typing import Any, Final, TypeAlias

from schemas.avro import Json, meaning

__all__ = ["Read", "read_id", "read_ordinal", "read_text", "reader"]

# Takes the bytes and a position; gives the value and the position after it.
Read: TypeAlias = Callable[[bytes, int], tuple[Any, int]]

EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
EPOCH_ORDINAL: Final = date(1970, 1, 1).toordinal()
DOUBLE: Final = struct.Struct("<d")
CACHED: Final = 4096


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
read_ordinal: Final = _remembering(
    3, lambda days: date.fromordinal(days + EPOCH_ORDINAL).toordinal()
)
"""A date as its ordinal."""
read_moment: Final = _remembering(8, lambda micros: EPOCH + timedelta(microseconds=micros))


def read_boolean(data: bytes, at: int) -> tuple[bool, int]:
    byte = data[at]
    if byte > 1:
        raise ValueError("a truth value is 0 or 1")
    return byte == 1, at + 1


def read_double(data: bytes, at: int) -> tuple[float, int]:
    return DOUBLE.unpack_from(data, at)[0], at + DOUBLE.size


PRIMITIVES: Final[Mapping[str, Read]] = {
    "null": lambda _, at: (None, at),
    "boolean": read_boolean,
    "int": read_long,
    "long": read_long,
    "double": read_double,
    "string": read_text,
    "date": read_date,
    "timestamp-micros": read_moment,
}


def reader(schema: Json, records: Mapping[str, Callable[..., object]]) -> Read:
    """Give the function that reads a value of the schema; `records` makes those it names."""
    simple = PRIMITIVES.get(meaning(schema))
    if simple is not None:
        return simple
    match schema:
        case ["long", "string"]:
            return read_id
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


def read_id(data: bytes, at: int) -> tuple[int | str, int]:
    """Read the union of a number and a text, as each field that is an id has it."""
    branch = data[at]
    if branch == 0:
        # Written out once more, for there are two or three in each event.
        number = data[at + 1]
        if number < 0x80:
            return number >> 1 ^ -(number & 1), at + 2
        byte = data[at + 2]
        if byte < 0x80:
            number += (byte << 7) - 0x80
            return number >> 1 ^ -(number & 1), at + 3
        return read_long(data, at + 1)
    if branch == 2:
        return read_text(data, at + 1)
    raise LookupError("no branch of an id")


def _read_union(branches: list[Read]) -> Read:
    # By the byte that the branch's number is, which counts in twos: negative ones are between.
    by_byte = {2 * index: branch for index, branch in enumerate(branches)}

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
