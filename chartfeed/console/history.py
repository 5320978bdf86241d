"""What was seen over the last hours, in memory that does not grow: events, lag and latency.

Times fall into slots of half a minute; the oldest slot makes room for the newest.
"""

from __future__ import annotations

import math
from array import array
from collections import deque
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from producers.capture.view import View

__all__ = ["ALL", "HOURS", "SLOT", "History", "Latency", "Point"]

HOURS: Final = 6
SLOT: Final = 30
SLOTS: Final = HOURS * 3600 // SLOT
# The name under which all centers together are kept; a center's name is never empty.
ALL: Final = ""
# Latencies from a millisecond up to 1000 s, twelve steps for each factor of ten.
STEPS: Final = 12
LOWEST: Final = 0.001
BINS: Final = 6 * STEPS + 1
# So many of one size are counted in half a minute, and no more.
MOST: Final = 2**16 - 1
NOTHING: Final = array("H", bytes(2 * BINS))
RATE_SECONDS: Final = 20.0


class Latency:
    """Counts lengths of time by size; a percentile is right to a tenth."""

    __slots__ = ("counts",)

    def __init__(self) -> None:
        self.counts = array("L", bytes(BINS * array("L").itemsize))

    def merge(self, counts: Iterable[int]) -> None:
        """Take in how many there are of each size."""
        for at, count in enumerate(counts):
            if count:
                self.counts[at] += count

    @property
    def total(self) -> int:
        return sum(self.counts)

    def percentile(self, share: float) -> float | None:
        """Give the length that this share stays below; None where nothing was counted."""
        due, seen = share * self.total, 0
        if due == 0:
            return None
        for at, count in enumerate(self.counts):
            seen += count
            if seen >= due:
                # The middle of its step.
                return LOWEST * 10 ** ((at - 0.5) / STEPS)
        return None


def _bin(seconds: float) -> int:
    at = 0 if seconds <= LOWEST else math.ceil(STEPS * math.log10(seconds / LOWEST))
    return min(at, BINS - 1)


@dataclass(frozen=True, slots=True)
class Point:
    """Some slots taken together, from `at` (Unix time) on; None where nothing was seen."""

    at: float
    seconds: float
    events: float | None
    lag: float | None
    latency: Latency


class _Series:
    """A ring of slots; a slot that was not reached yet is empty, not what was there before."""

    def __init__(self) -> None:
        self.newest = 0
        self.events = array("d", [math.nan]) * SLOTS
        self.lag = array("d", [math.nan]) * SLOTS
        self.latency = NOTHING * SLOTS
        """Each slot's counts by size in a row: objects for all slots took six times as much."""

    def reach(self, slot: int) -> bool:
        """Make room up to a slot; tells whether it is not too old to be kept."""
        for gone in range(max(self.newest + 1, slot - SLOTS + 1), slot + 1):
            self.events[gone % SLOTS] = self.lag[gone % SLOTS] = math.nan
            self.latency[_row(gone)] = NOTHING
        self.newest = max(self.newest, slot)
        return slot > self.newest - SLOTS


def _row(slot: int) -> slice:
    """Give where a slot's latencies are."""
    begins = slot % SLOTS * BINS
    return slice(begins, begins + BINS)


class History:
    """For one thread that writes; others may read at any time, and see some of it or all."""

    def __init__(self, centers: Iterable[str]) -> None:
        self._series = {name: _Series() for name in (ALL, *centers)}
        self._totals: dict[str, int] = {}
        self._recent: dict[str, deque[tuple[float, int]]] = {}

    def saw(self, at: float, views: Iterable[View]) -> None:
        """Take in what is said of the centers at a moment."""
        fresh, worst = 0, 0.0
        for one in views:
            if one.center_id not in self._series:
                continue
            before = self._totals.get(one.center_id)
            # A producer that starts anew counts from nothing again.
            new = 0 if before is None else one.events_total - before
            new = one.events_total if new < 0 else new
            self._totals[one.center_id] = one.events_total
            self._add(one.center_id, at, new, one.lag_seconds)
            fresh += new
            worst = max(worst, one.lag_seconds or 0.0)
            recent = self._recent.setdefault(one.center_id, deque(maxlen=2 * int(RATE_SECONDS)))
            recent.append((at, new))
        self._add(ALL, at, fresh, worst)

    def applied(self, center_id: str, at: float, seconds: float) -> None:
        """Take in how long a change took from the source to its row."""
        for name in (ALL, center_id):
            series = self._series.get(name)
            if series is not None and series.reach(int(at // SLOT)):
                place = _row(int(at // SLOT)).start + _bin(seconds)
                series.latency[place] = min(series.latency[place] + 1, MOST)

    def rates(self, now: float) -> Mapping[str, float]:
        """Give each center's events a second, over the last twenty seconds."""
        return {
            name: sum(new for at, new in recent if at > now - RATE_SECONDS) / RATE_SECONDS
            for name, recent in list(self._recent.items())
        }

    def points(self, name: str, now: float, minutes: int, most: int = 180) -> list[Point]:
        """Give a center's last minutes in at most so many points, oldest first."""
        series = self._series[name]
        last = int(now // SLOT)
        count = min(minutes * 60 // SLOT, SLOTS)
        width = math.ceil(count / most)
        first = last - count + 1
        return [
            self._point(series, range(start, min(start + width, last + 1)), now)
            for start in range(first, last + 1, width)
        ]

    def _point(self, series: _Series, slots: range, now: float) -> Point:
        latency = Latency()
        events: list[float] = []
        lags: list[float] = []
        for slot in slots:
            if not series.newest - SLOTS < slot <= series.newest:
                continue
            at = slot % SLOTS
            if not math.isnan(series.events[at]):
                events.append(series.events[at])
            if not math.isnan(series.lag[at]):
                lags.append(series.lag[at])
            counts = series.latency[_row(slot)]
            if counts != NOTHING:
                latency.merge(counts)
        return Point(
            slots.start * SLOT,
            # The slot that is not over yet counts for as long as it lasted.
            max(1.0, min(len(slots) * SLOT, now - slots.start * SLOT)),
            sum(events) if events else None,
            max(lags, default=None),
            latency,
        )

    def _add(self, name: str, at: float, events: int, lag: float | None) -> None:
        series, slot = self._series[name], int(at // SLOT)
        if not series.reach(slot):
            return
        slot %= SLOTS
        before = series.events[slot]
        series.events[slot] = events if math.isnan(before) else before + events
        if lag is not None:
            worst = series.lag[slot]
            series.lag[slot] = lag if math.isnan(worst) else max(worst, lag)
