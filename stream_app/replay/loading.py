"""A source partition into the join, and from there to the days."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass, replace
from operator import attrgetter
from typing import TYPE_CHECKING, Final

from schemas import topics
from stream_app.batches import Batch
from stream_app.join import TOPICS
from stream_app.replay.source import Record

if TYPE_CHECKING:
    from datetime import datetime

    from stream_app.join import Partition
    from stream_app.replay.source import Source
    from stream_app.sink.store import Store

__all__ = ["Sieve", "drain", "load", "lost"]

CHECKPOINTS: Final = TOPICS[-1]
UNIFIED: Final = topics.UNIFIED_ENTRIES.name
ROWS: Final = 20_000
OFFSET: Final = attrgetter("offset")

Tell = Callable[[Mapping[str, int]], None]
"""Is told up to where each topic is read."""


@dataclass(frozen=True, slots=True)
class Sieve:
    """Lets through what is to be applied: some centers, and their checkpoints up to limits."""

    centers: Collection[str] = ()
    limits: Mapping[str, int] | None = None

    def sift(self, batch: Batch) -> Batch:
        """Give the batch without what is to be passed over; its position stays."""
        if not self.centers and (self.limits is None or batch.topic != CHECKPOINTS):
            return batch
        wanted = frozenset(center.encode() for center in self.centers)
        records = [
            record
            for record in batch.records
            if (not wanted or (record.key or b"").partition(b"/")[0] in wanted)
            and (batch.topic != CHECKPOINTS or self._before(record.key, record.offset))
        ]
        return replace(batch, records=records)

    def _before(self, key: bytes | None, offset: int) -> bool:
        if self.limits is None:
            return True
        return offset < self.limits.get((key or b"").decode(errors="replace"), 0)


def load(
    partition: Partition,
    source: Source,
    sieve: Sieve,
    tell: Tell,
    *,
    see: Callable[[Batch, int], object] = lambda *_: None,
    after: Callable[[], object] = lambda: None,
) -> None:
    """Have the join take in what the source has begun with.

    `see` is shown each batch, with the offset that it begins at, before it is taken in; `after`
    follows each step.
    """
    ahead: frozenset[str] = frozenset()
    while not source.ended:
        starts = dict(source.positions)
        if batches := source.read(ahead):
            for batch in batches:
                see(batch, starts[batch.topic])
            ahead = partition.take(map(sieve.sift, batches)).ahead
            after()
            tell(source.positions)


def lost(batch: Batch, start: int, last: Mapping[str, Mapping[str, int]]) -> Iterator[str]:
    """Give the centers whose last event a batch that begins at `start` should have and has not."""
    for center, events in last.items():
        offset = events.get(batch.topic, -1)
        if start <= offset < batch.position:
            at = bisect_left(batch.records, offset, key=OFFSET)
            if at == len(batch.records) or batch.records[at].offset != offset:
                yield center


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
