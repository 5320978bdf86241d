"""A replay from its first record to its last file; interrupted anywhere, it goes on from there."""

from __future__ import annotations

import os
from collections.abc import Callable, Collection
from dataclasses import dataclass, field
from datetime import date
from typing import TYPE_CHECKING, Final, Protocol

from stream_app.replay import shelf
from stream_app.replay.hands import Make, spread
from stream_app.replay.steps import Load, Loaded, Write

if TYPE_CHECKING:
    from collections.abc import Sequence

    from stream_app.files.targets import Target
    from stream_app.join import Contract
    from stream_app.join.outbox import Applied
    from stream_app.replay.journal import Journal
    from stream_app.replay.plan import Plan
    from stream_app.replay.source import Options

__all__ = ["Done", "Order", "Progress", "hands_for", "replay"]

# Starting a process costs as much as reading so many.
WORTH_A_PROCESS: Final = 50_000
MOST_HANDS: Final = 8


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


def hands_for(plan: Plan) -> int:
    """Give how many processes are worth their start, on this machine."""
    cores = len(os.sched_getaffinity(0))
    return max(1, min(cores, MOST_HANDS, plan.total // WORTH_A_PROCESS))


def replay(
    order: Order, plan: Plan, journal: Journal, progress: Progress, *, make: Make, hands: int = 1
) -> Done:
    """Read what the plan says, and write the days; `make` makes who does it, in each process."""
    work = _Work(plan, journal, progress, make, hands)
    if plan.before is not None and not journal.settled:
        work.load([Load(number, phase, again=True) for number, phase in enumerate(plan.before)])
        with shelf.opened(journal.folder, order.contract) as days:
            days.settle()
        journal.settled = True
        journal.save()
    counting = plan.before is None
    work.load([Load(number, phase, counting=counting) for number, phase in enumerate(plan.phases)])
    with shelf.opened(journal.folder, order.contract) as days:
        if counting:
            days.stale(order.open_days())
        dirty = [day for day in days.dirty() if order.wants(day)]
    work.write(dirty)
    with shelf.opened(journal.folder, order.contract) as days, days.views() as views:
        # Also those that were written before an interruption.
        written = days.written()
        rows = sum(sum(view.counts(day).values()) for day in written for view in views)
    return Done(
        records=plan.total,
        days=tuple(written),
        rows=rows,
        lost=tuple(sorted({*plan.missing, *journal.lost})),
        unheard=tuple(sorted(set(order.centers) - work.applied.keys())),
    )


@dataclass(slots=True)
class _Work:
    plan: Plan
    journal: Journal
    progress: Progress
    make: Make
    hands: int
    applied: dict[str, tuple[Applied, int]] = field(default_factory=dict)

    def load(self, steps: Sequence[Load]) -> None:
        """Have every partition read, the longest first."""
        steps = sorted(steps, key=lambda step: -sum(step.phase.ends.values()))
        done = [0] * len(steps)

        def hear(number: int, said: object) -> None:
            if isinstance(said, int):
                done[number] = said
                self.progress.reading(sum(done), self.plan.total)
            elif isinstance(said, list):
                self._miss(said)

        found: list[Loaded] = spread(steps, self.make, self.journal.folder, hear, self.hands)
        for loaded in found:
            self.applied |= loaded.applied

    def _miss(self, centers: list[str]) -> None:
        """Keep which centers lack an event, for a run that goes on reads behind it."""
        if new := set(centers) - set(self.journal.lost):
            self.journal.lost += sorted(new)
            self.journal.save()

    def write(self, days: Sequence[date]) -> None:
        """Have days written, in turns."""
        hands = min(self.hands, len(days)) or 1
        steps = [Write(tuple(days[first::hands]), self.applied) for first in range(hands)]
        count = 0

        def hear(_number: int, _said: object) -> None:
            nonlocal count
            count += 1
            self.progress.writing(count, len(days))

        if days:
            spread(steps, self.make, self.journal.folder, hear, hands)
