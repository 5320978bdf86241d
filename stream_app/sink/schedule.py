"""What the flusher does next: decided here, done there."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import date
from enum import Enum, auto
from typing import TYPE_CHECKING, Final

from stream_app.sink.pace import FAR_BEHIND, Pace, Past

if TYPE_CHECKING:
    from stream_app.files.targets import Seen
    from stream_app.sink.store import Store
    from stream_app.sink.view import View

__all__ = ["Act", "Job", "Schedule", "Share"]

SHORTEST_WAIT: Final = 0.001
# A state that has not caught up yet does so without a word.
LOOK_AGAIN: Final = 0.2


@dataclass(slots=True, eq=False)
class Share:
    """A partition that is written here, with what is known of its days.

    `since` has the days that wait, each with the time of its first change; `unchecked` those with
    files that have not been read since the assignment, or since they were put in place; `seen`
    what the last listing told. Without a generation nothing has been looked at yet; `lost` says
    that somebody newer writes its days.
    """

    store: Store
    view: View
    since: dict[date, float] = field(default_factory=dict)
    past: dict[date, Past] = field(default_factory=dict)
    unchecked: dict[date, frozenset[str]] = field(default_factory=dict)
    seen: dict[str, Seen] = field(default_factory=dict)
    generation: int | None = None
    lost: str | None = None
    closing: bool = False

    @property
    def ready(self) -> bool:
        """Tell whether days may be written."""
        return self.generation is not None and self.lost is None and not self.closing

    @property
    def new(self) -> bool:
        """Tell whether nothing has been looked at yet."""
        return self.generation is None and self.lost is None and not self.closing


class Act(Enum):
    """What there is to do."""

    SURVEY = auto()
    """Compare a partition's days with the output, and take a generation."""
    WRITE = auto()
    REFRESH = auto()
    """Bring the manifests of open days up to now."""
    AUDIT = auto()
    """Look for files that are missing, or that were put in place since the last time."""
    CHECK = auto()
    """Take a day over, and read those of its files once that have not been."""


@dataclass(frozen=True, slots=True)
class Job:
    act: Act
    share: Share | None = None
    day: date | None = None


@dataclass(slots=True)
class Schedule:
    """All that decides; times are seconds of one clock, handed in."""

    pace: Pace
    refresh_every: float
    audit_every: float
    shares: dict[int, Share] = field(default_factory=dict)
    backlog: int = 0
    """Records that waited in all topics when that was last said."""
    backlog_until: float = math.inf
    """As long as what was said of the backlog counts."""
    check_from: float = 0.0
    """Before that a backlog may not have been noticed yet."""
    not_before: float = 0.0
    refresh_at: float = 0.0
    audit_at: float = 0.0

    def next(self, now: float) -> Job | float:
        """Give what to do now, or else for how many seconds there is nothing."""
        if now < self.not_before:
            return self.not_before - now
        due = list(self._due(self.behind(now)))
        ripe = [(day, share) for at, share, day in due if at <= now]
        job = self._opening()
        if job is None and ripe:
            # The newest day is the one that people look at.
            day, share = max(ripe, key=lambda one: one[0])
            job = Job(Act.WRITE, share, day)
        job = job or self._upkeep(now)
        if job is not None:
            return job
        later = [at - now for at, _, _ in due]
        later += [self.refresh_at - now, self.audit_at - now]
        if any(share.ready and share.unchecked for share in self.shares.values()):
            # Checks wait until that is over.
            later.append((self.check_from if now < self.check_from else self.backlog_until) - now)
        later += [LOOK_AGAIN for share in self.shares.values() if share.new]
        return max(SHORTEST_WAIT, min(later))

    def behind(self, now: float) -> int:
        """Give how many records wait, as far as is known."""
        return self.backlog if now < self.backlog_until else 0

    def waiting(self) -> bool:
        """Tell whether a change waits that can be written."""
        return any(share.since and share.ready for share in self.shares.values())

    def due(self, share: Share, day: date, backlog: int) -> float:
        """Give when a day that waits is to be written."""
        return self.pace.due(share.since[day], share.past.get(day), backlog=backlog)

    def _due(self, backlog: int) -> Iterator[tuple[float, Share, date]]:
        for share in self.shares.values():
            if share.ready:
                for day in share.since:
                    yield self.due(share, day, backlog), share, day

    def _opening(self) -> Job | None:
        for share in self.shares.values():
            if share.new and share.store.whole:
                return Job(Act.SURVEY, share)
        return None

    def _upkeep(self, now: float) -> Job | None:
        if now >= self.refresh_at:
            self.refresh_at = now + self.refresh_every
            return Job(Act.REFRESH)
        if now >= self.audit_at:
            self.audit_at = now + self.audit_every
            return Job(Act.AUDIT)
        if now >= self.check_from and self.behind(now) < FAR_BEHIND:
            for share in self.shares.values():
                if share.ready and share.unchecked:
                    return Job(Act.CHECK, share, next(iter(share.unchecked)))
        return None
