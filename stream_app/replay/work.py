"""A replay from its first record to its last file; interrupted anywhere, it goes on from there."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass, field, replace
from datetime import date, timedelta
from typing import TYPE_CHECKING, Final, Protocol

from schemas import topics
from stream_app.join import Contract, Partition
from stream_app.replay import loading, source
from stream_app.replay.claims import Claims
from stream_app.replay.days import Writing
from stream_app.replay.loading import Sieve
from stream_app.replay.plan import Plan
from stream_app.sink.rows import RowReader
from stream_app.sink.store import Identity, Store

if TYPE_CHECKING:
    from pathlib import Path

    from stream_app.files.targets import Target
    from stream_app.join.outbox import Applied
    from stream_app.join.waiting import Event
    from stream_app.replay.bounds import Phase
    from stream_app.replay.journal import Journal
    from stream_app.replay.source import Options, Source

__all__ = ["Done", "Order", "Progress", "replay"]

ENTRIES: Final = topics.CHART_ENTRIES.name
CHECKPOINTS: Final = topics.CHECKPOINTS.name
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
    centers: Collection[str] = ()
    wants: Callable[[date], bool] = lambda _: True
    """Tells which days are to be written."""
    open_days: Callable[[], Collection[date]] = tuple
    """Days that have files though they may have no rows."""


@dataclass(frozen=True, slots=True)
class Done:
    """What a replay did."""

    records: int
    days: tuple[date, ...]
    rows: int
    lost: tuple[str, ...]
    """Centers whose events of then the topics do not have any more."""
    unheard: tuple[str, ...]
    """Centers that were asked for and have no checkpoint."""


def replay(order: Order, plan: Plan, journal: Journal, progress: Progress) -> Done:
    """Read what the plan says, and write the days."""
    with _store(journal.folder, order) as store:
        work = _Work(order, journal, store, _Meter(progress, plan.total))
        with source.opened(order.kafka) as reading:
            if plan.before is not None and not journal.settled:
                for number, phase in enumerate(plan.before):
                    work.load(reading, number, phase)
                    work.again(number, phase)
                store.settle()
                journal.settled = True
                journal.save()
                work.meter.before = 0
            for number, phase in enumerate(plan.phases):
                work.load(reading, number, phase, counting=plan.before is None)
        if plan.before is None:
            store.stale(order.open_days())
        dirty = [day for day in store.dirty() if order.wants(day)]
        claims = Claims(order.contract.centers, work.applied, order.centers)
        writing = Writing(order.target, order.formats, claims, order.contract.now)
        writing.write(store, dirty, lambda written: progress.writing(written, len(dirty)))
        # Also those that were written before an interruption.
        days = [known.day for known in store.days() if known.files is not None]
        with closing(store.view()) as view:
            rows = sum(sum(view.counts(day).values()) for day in days)
    return Done(
        records=plan.total,
        days=tuple(days),
        rows=rows,
        lost=tuple(sorted({*plan.missing, *journal.lost})),
        unheard=tuple(sorted(set(order.centers) - work.applied.keys())),
    )


@dataclass(slots=True)
class _Meter:
    """Adds the partitions up."""

    progress: Progress
    total: int
    before: int = 0

    def at(self, positions: Mapping[str, int]) -> None:
        self.progress.reading(self.before + sum(positions.values()), self.total)


@dataclass(slots=True)
class _Work:
    order: Order
    journal: Journal
    store: Store
    meter: _Meter
    applied: dict[str, tuple[Applied, int]] = field(default_factory=dict)
    _days: set[int] = field(default_factory=set)

    def load(self, reading: Source, number: int, phase: Phase, *, counting: bool = False) -> None:
        """Read a partition as far as a phase goes, and have its rows in the store.

        With `counting`, days that entries were on and have left count as changed.
        """
        now = self.order.contract.now
        with self._partition(number) as partition:
            if counting:
                partition.told = self._see
            reading.begin(number, partition.offsets(), phase.ends)
            loading.load(
                partition,
                reading,
                Sieve(self.order.centers, phase.limits),
                self.meter.at,
                see=lambda batch, start: self._miss(loading.lost(batch, start, phase.last)),
                after=lambda: loading.drain(partition, self.store, now()),
            )
            if partition.rebuilding is not None:
                partition.finish_rebuild([], {})
            loading.drain(partition, self.store, now())
            self.applied |= partition.applied()
        self.meter.before += sum(phase.ends.values())

    def again(self, number: int, phase: Phase) -> None:
        """Have the next phase read the checkpoints that this one passed over."""
        if phase.limits:
            with self._partition(number) as partition:
                partition.reread(min(phase.limits.values()))

    def _miss(self, centers: Iterable[str]) -> None:
        """Keep which centers lack an event, for a run that goes on reads behind it."""
        new = set(centers) - set(self.journal.lost)
        if new:
            self.journal.lost += sorted(new)
            self.journal.save()

    def _see(self, topic: str, events: Sequence[Event]) -> None:
        """Mark the days of entries, also of those that are gone by the end of their batch.

        Whoever saw the batches otherwise wrote such a day, and has it still, without the row.
        """
        if topic != ENTRIES:
            return
        new = {content[2] for _, _, content, _ in events if content is not None} - self._days
        if new:
            self.store.stale(date.fromordinal(day) for day in new)
            self._days |= new

    @contextmanager
    def _partition(self, number: int) -> Iterator[Partition]:
        """Give a partition's join, which has nothing to say before all is read."""
        contract = replace(self.order.contract, partition=number, stale_after=LONGEST_REST)
        path = self.journal.folder / f"join-{number}.sqlite"
        with closing(Partition.open(path, contract)) as partition:
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
