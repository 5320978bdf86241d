"""A source partition into the join, and from there to the days."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Final

from schemas import topics
from stream_app.batches import Batch
from stream_app.replay.source import Record

if TYPE_CHECKING:
    from datetime import datetime

    from stream_app.join import Partition
    from stream_app.replay.source import Source
    from stream_app.sink.store import Store

__all__ = ["drain", "load"]

UNIFIED: Final = topics.UNIFIED_ENTRIES.name
ROWS: Final = 20_000

Tell = Callable[[Mapping[str, int]], None]
"""Is told up to where each topic is read."""


def load(
    partition: Partition, source: Source, tell: Tell, after: Callable[[], object] = lambda: None
) -> None:
    """Have the join take in what the source has begun with; `after` follows each step."""
    ahead: frozenset[str] = frozenset()
    while not source.ended:
        if batches := source.read(ahead):
            ahead = partition.take(batches).ahead
            after()
            tell(source.positions)


def drain(partition: Partition, store: Store, now: datetime) -> int:
    """Move what the join has to say into the days, and count it.

    What was moved twice, after a kill between the two, is the same twice.
    """
    count = 0
    while parcel := partition.outbox(ROWS):
        start = store.position or 0
        records = [
            Record(offset, row.key, row.value)
            for offset, row in enumerate(
                (row for row in parcel.rows if row.topic == UNIFIED), start
            )
        ]
        position = start + len(records)
        if records:
            store.take([Batch(UNIFIED, store.identity.partition, records, position)], now)
        partition.sent(parcel, {})
        count += len(records)
    return count
