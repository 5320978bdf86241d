"""Slices: what one transaction may hold, cut between the source's transactions if it can be."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from producers.capture.events import Message

__all__ = ["cut"]


def cut(messages: Iterable[Message], *, most: int, most_bytes: int) -> Iterator[list[Message]]:
    """Give messages, which come in the order of their source versions, in slices.

    A version is spread over slices only where it alone is larger than one.
    """
    held: list[Message] = []
    size = whole = 0  # `whole`: how many of those held belong to versions that are complete
    for message in messages:
        if held and held[-1].version != message.version:
            whole = len(held)
        while held and (len(held) == most or size + message.size > most_bytes):
            end = whole or len(held)
            yield held[:end]
            held = held[end:]
            size = sum(kept.size for kept in held)
            whole = 0
        held.append(message)
        size += message.size
    if held:
        yield held
