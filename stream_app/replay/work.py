"""A replay from its first record to its last file; interrupted anywhere, it goes on from there."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import dataclass, replace
from datetime import date, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Final, Protocol

from schemas import topics
from stream_app.join import TOPICS, Contract, Partition
from stream_app.replay import loading, source
from stream_app.replay.claims import Claims
from stream_app.replay.days import Writing
from stream_app.sink.rows import RowReader
from stream_app.sink.store import Identity, Store

if TYPE_CHECKING:
    from stream_app.files.targets import Target
    from stream_app.join.outbox import Applied
    from stream_app.replay.journal import Journal
    from stream_app.replay.source import Options

__all__ = ["Done", "Order", "Progress", "replay"]

LONGEST_REST: Final = timedelta(days=36500)
"""An interrupted replay knows where it ends; nothing it misses matters."""


class Progress(Protocol):
    """Hears how far it is."""

    def reading(self, done: int, of: int) -> None: ...
    def writing(self, done: int, of: int) -> None: ...


@dataclass(frozen=True, slots=True)
class Order:
    """What is to be replayed, and where to."""

    contract: Contract
    kafka: Options
    target: Target
    formats: tuple[str, ...]
    first: date | None = None
    last: date | None = None

    def wants(self, day: date) -> bool:
        return (self.first is None or day >= self.first) and (self.last is None or day <= self.last)


@dataclass(frozen=True, slots=True)
class Done:
    """What a replay did."""

    events: int
    days: int
    rows: int


def replay(order: Order, journal: Journal, progress: Progress) -> Done:
    """Read what the journal's plan says, and write the days."""
    if journal.plan is None:
        raise ValueError("a replay begins with a plan")
    ends: Mapping[str, list[int]] = journal.plan["ends"]
    work = _Work(order, journal.folder, progress)
    applied: dict[str, tuple[Applied, int]] = {}
    meter = _Meter(progress, sum(sum(of) for of in ends.values()))
    now = order.contract.now
    with _store(journal.folder, order) as store, source.opened(order.kafka) as reading:
        for number in range(order.contract.partitions):
            until = {topic: ends[topic][number] for topic in TOPICS}
            with work.partition(number) as partition:
                reading.begin(number, partition.offsets(), until)
                loading.load(partition, reading, meter.at)
                if partition.rebuilding is not None:
                    partition.finish_rebuild([], {})
                loading.drain(partition, store, now())
                applied |= partition.applied()
            meter.before += sum(until.values())
        days = [day for day in store.dirty() if order.wants(day)]
        claims = Claims(order.contract.centers, applied)
        writing = Writing(order.target, order.formats, claims, now)
        written = 0

        def tell(_: date) -> None:
            nonlocal written
            written += 1
            progress.writing(written, len(days))

        rows = writing.write(store, days, tell)
    return Done(meter.total, len(days), rows)


@dataclass(slots=True)
class _Meter:
    """Adds the partitions up."""

    progress: Progress
    total: int
    before: int = 0

    def at(self, positions: Mapping[str, int]) -> None:
        self.progress.reading(self.before + sum(positions.values()), self.total)


@dataclass(frozen=True, slots=True)
class _Work:
    order: Order
    folder: Path
    progress: Progress

    @contextmanager
    def partition(self, number: int) -> Iterator[Partition]:
        """Give a partition's join, which publishes nothing before all is read."""
        contract = replace(self.order.contract, partition=number, stale_after=LONGEST_REST)
        with closing(Partition.open(self.folder / f"join-{number}.sqlite", contract)) as partition:
            if partition.rebuilding is not None:
                # No ends: only what checkpoints cover is applied.
                partition.begin_rebuild({})
            yield partition


@contextmanager
def _store(folder: Path, order: Order) -> Iterator[Store]:
    identity = Identity(0, order.contract.topic_ids[topics.UNIFIED_ENTRIES.name], LONGEST_REST)
    reader = RowReader(order.contract.schema_of)
    with closing(Store(folder / "days.sqlite", identity, reader, order.contract.now())) as store:
        yield store
