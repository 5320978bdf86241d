"""A center's transaction that its broker has lost: over for the coordinator, open in partitions.

Once our id was initialised no transaction of ours is open. Yet a broker of version 4 that stops
while it ends one may write down that it has ended and never the markers that say so, where a
partition has no leader at that moment. Then nobody who reads what is committed gets past its
first record, and nothing but another transaction of the same producer ends it: an abort if
nobody can have seen any of it, a commit if a part of it was marked as committed.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Final

from producers.capture.ends import COMMITTED, UNCOMMITTED, Ends
from producers.capture.events import Headers, Message
from schemas import topics
from schemas.topics import Topic

if TYPE_CHECKING:
    import threading

    from confluent_kafka import Message as Received

    from producers.capture.readback import Readback
    from schemas.records import Checkpoint

__all__ = ["Hanging", "again", "find", "was_committed"]

Hanging = Mapping[Topic, list["Received"]]
"""Per topic the messages of the transaction, in their order."""

WRITTEN: Final = (*topics.SOURCE, topics.CHECKPOINTS, topics.DEAD_LETTERS, topics.COMMANDS)
# Others' transactions last no longer; one that does is theirs to end, and the reader says so.
PATIENCE: Final = 15.0
AGAIN_SECONDS: Final = 0.05


def find(readback: Readback, ends: Ends, center_id: str, stop: threading.Event) -> Hanging:
    """Give what hangs of a center, nothing where nothing does; its id must be initialised.

    The first record that is held back belongs to a transaction that is open. While that is
    another's, ours may be behind it.
    """
    at = {(topic.name, readback.partition): topic for topic in WRITTEN}
    written = ends.of(at, UNCOMMITTED)
    known: set[tuple[Topic, int]] = set()
    deadline = time.monotonic() + PATIENCE
    while time.monotonic() < deadline and not stop.is_set():
        held_back = {
            at[where]: (end, written[where])
            for where, end in ends.of(at, COMMITTED).items()
            if end < written[where]
        }
        if not held_back:
            return {}
        found = {}
        for topic, (start, end) in held_back.items():
            if (topic, start) not in known:
                found[topic] = _ours(readback, topic, start, end, center_id.encode())
                known.add((topic, start))
        if any(found.values()):
            return {topic: messages for topic, messages in found.items() if messages}
        stop.wait(AGAIN_SECONDS)
    return {}


def was_committed(
    found: Hanging,
    readback: Readback,
    center_id: str,
    decode: Callable[[bytes], Checkpoint],
) -> bool:
    """Tell whether any part of what hangs was marked as committed where it does not hang."""
    key = center_id.encode()
    hanging = found.get(topics.CHECKPOINTS)
    before = None if hanging is None else hanging[0].offset()
    value = readback.last(topics.CHECKPOINTS, key, before)
    known = {} if value is None else {at.topic: at.offset for at in decode(value).offsets}
    if hanging is None:
        # Its checkpoint ended in order: it is committed if a checkpoint covers the events.
        events = [topic for topic in found if topic in topics.SOURCE]
        return not events or any(
            known.get(topic.name, -1) >= (found[topic][0].offset() or 0) for topic in events
        )
    due = decode(hanging[-1].value() or b"").offsets
    ended = [
        (topic, at.offset)
        for at in due
        for topic in topics.SOURCE
        if topic.name == at.topic and topic not in found and known.get(at.topic, -1) < at.offset
    ]
    return any(readback.is_there(topic, offset) for topic, offset in ended)


def again(found: Hanging) -> list[Message]:
    """Give the last message of each topic once more: said twice it says nothing else."""
    return [
        Message(
            topic.name,
            messages[-1].key() or b"",
            messages[-1].value(),
            _headers(messages[-1]),
            "",
            0,
        )
        for topic, messages in found.items()
    ]


def _ours(readback: Readback, topic: Topic, start: int, end: int, center: bytes) -> list[Received]:
    """Give the center's messages if the first one held back is its own."""
    first = readback.uncommitted(topic, start, start + 1)
    if not first or not _is_of(first[0], center):
        return []
    return [one for one in readback.uncommitted(topic, start, end) if _is_of(one, center)]


def _is_of(message: Received, center: bytes) -> bool:
    return (message.key() or b"").partition(b"/")[0] == center


def _headers(message: Received) -> Headers:
    found = dict(message.headers() or ())
    return tuple(
        (name, value if isinstance(value, bytes) else str(value).encode())
        for name, value in found.items()
    )
