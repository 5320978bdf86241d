"""The steps of a replay, each whole in itself: a partition is read, some days are written."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass, field, replace
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Final

from schemas import topics
from stream_app.join import Partition
from stream_app.replay import loading, shelf, source
from stream_app.replay.claims import Claims
from stream_app.replay.days import Writing
from stream_app.replay.loading import Sieve

if TYPE_CHECKING:
    from stream_app.batches import Batch
    from stream_app.join.outbox import Applied
    from stream_app.join.waiting import Event
    from stream_app.replay.bounds import Phase
    from stream_app.replay.work import Order
    from stream_app.sink.store import Store

__all__ = ["Load", "Loaded", "Stepper", "Write"]

ENTRIES: Final = topics.CHART_ENTRIES.name


@dataclass(frozen=True, slots=True)
class Load:
    """Read a partition as far as a phase goes, and have its rows in its days.

    With `counting`, days that entries were on and have left count as changed; with `again`, the
    next phase reads the checkpoints that this one passed over. Says how many records are read, and
    which centers lack events.
    """

    number: int
    phase: Phase
    counting: bool = False
    again: bool = False


@dataclass(frozen=True, slots=True)
class Loaded:
    applied: Mapping[str, tuple[Applied, int]]
    """The checkpoint of each center, and its withdrawn rows."""


@dataclass(frozen=True, slots=True)
class Write:
    """Write days; says each of them."""

    days: Sequence[date]
    applied: Mapping[str, tuple[Applied, int]]


@dataclass(slots=True)
class Stepper:
    """Does the steps of an order; its state is kept in a folder."""

    order: Order
    folder: Path

    def do(self, step: Load | Write, say: Callable[[object], None]) -> Loaded | None:
        """Do one step; what is lost has been heard before it is passed over."""
        if isinstance(step, Load):
            return self._load(step, say)
        order = self.order
        with shelf.opened(self.folder, order.contract) as days:
            claims = Claims(order.contract.centers, step.applied, order.centers)
            writing = Writing(order.target, order.formats, claims, order.contract.now)
            writing.write(days, step.days, say)
        return None

    def _load(self, step: Load, say: Callable[[object], None]) -> Loaded:
        order, phase = self.order, step.phase
        now = order.contract.now

        def see(batch: Batch, start: int) -> None:
            if lost := list(loading.lost(batch, start, phase.last)):
                say(lost)

        with (
            shelf.store_of(self.folder, step.number, order.contract) as store,
            source.opened(order.kafka) as reading,
        ):
            with self._partition(step.number) as partition:
                if step.counting:
                    partition.told = _Seen(store).see
                reading.begin(step.number, partition.offsets(), phase.ends)
                loading.load(
                    partition,
                    reading,
                    Sieve(order.centers, phase.limits),
                    lambda positions: say(sum(positions.values())),
                    see=see,
                    after=lambda: loading.drain(partition, store, now()),
                )
                if partition.rebuilding is not None:
                    partition.finish_rebuild([], {})
                loading.drain(partition, store, now())
                applied = partition.applied()
            if step.again and phase.limits:
                with self._partition(step.number) as partition:
                    partition.reread(min(phase.limits.values()))
        say(sum(phase.ends.values()))
        return Loaded(applied)

    @contextmanager
    def _partition(self, number: int) -> Iterator[Partition]:
        """Give a partition's join, which has nothing to say before all is read."""
        contract = replace(self.order.contract, partition=number, stale_after=shelf.LONGEST_REST)
        path = self.folder / f"join-{number}.sqlite"
        with closing(Partition.open(path, contract)) as partition:
            if partition.rebuilding is not None:
                # No ends: only what checkpoints cover is applied.
                partition.begin_rebuild({})
            yield partition


@dataclass(frozen=True, slots=True)
class _Seen:
    """Marks the days of entries, also of those that are gone by the end of their batch.

    Whoever saw the batches otherwise wrote such a day, and has it still, without the row.
    """

    store: Store
    days: set[int] = field(default_factory=set)

    def see(self, topic: str, events: Sequence[Event]) -> None:
        if topic != ENTRIES:
            return
        new = {content[2] for _, _, content, _ in events if content is not None} - self.days
        if new:
            self.store.stale(date.fromordinal(day) for day in new)
            self.days.update(new)
