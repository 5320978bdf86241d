"""Many messages as one value of the outbox: what SQLite keeps by the row, it keeps slowly."""

from __future__ import annotations

from array import array
from collections.abc import Iterable, Iterator
from itertools import islice
from typing import Final, TypeAlias

__all__ = ["Message", "packed", "packs", "unpacked"]

Message: TypeAlias = tuple[int, bytes | None, bytes | None]
"""Partition (-1: by its key), key and value."""

ROWS: Final = 500
BYTES: Final = 1_000_000
NOTHING: Final = -1
HEAD: Final = 3 * array("i").itemsize


def packs(messages: Iterable[Message]) -> Iterator[list[Message]]:
    """Give the messages in lists that make a pack each: not too many, and not too large."""
    found = iter(messages)
    while some := list(islice(found, ROWS)):
        while some:
            size = last = 0
            for last, (_, _, value) in enumerate(some, start=1):  # noqa: B007 - used below
                size += len(value or b"")
                if size > BYTES:
                    break
            yield some[:last]
            some = some[last:]


def packed(messages: list[Message]) -> bytes:
    """Give messages as one value."""
    heads = array("i")
    parts: list[bytes] = [b""]
    for partition, key, value in messages:
        key_size = NOTHING if key is None else len(key)
        heads.extend((partition, key_size, NOTHING if value is None else len(value)))
        if key:
            parts.append(key)
        if value:
            parts.append(value)
    parts[0] = heads.tobytes()
    return b"".join(parts)


def unpacked(pack: bytes, count: int) -> Iterator[Message]:
    """Give the messages of a pack of so many."""
    at = count * HEAD
    heads = iter(array("i", pack[:at]))
    for partition, key_size, value_size in zip(heads, heads, heads, strict=True):
        key = value = None
        if key_size != NOTHING:
            key = pack[at : at + key_size]
            at += key_size
        if value_size != NOTHING:
            value = pack[at : at + value_size]
            at += value_size
        yield partition, key, value
