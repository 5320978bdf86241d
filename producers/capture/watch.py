"""What is told of all centers now and then: how far reading all rows is, whose retention ends.

Each center's headroom is told when it falls under a threshold, and once when it is back: not at
every look.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from enum import IntEnum
from time import monotonic
from typing import TYPE_CHECKING, Final, Self

import structlog

if TYPE_CHECKING:
    from producers.capture.status import Situation

__all__ = ["Headroom", "Level", "Pace", "Waiting", "Watch", "level"]

LOOK_SECONDS: Final = 3.0
# Shares of the source's retention; docs/metrics.md and the alerts name the same.
WARN_BELOW: Final = 0.5
ALARM_BELOW: Final = 0.1

log = structlog.get_logger("chartfeed.capture")


class Level(IntEnum):
    """How near a center is to losing its position."""

    GOOD = 0
    WARN = 1
    ALARM = 2


def level(headroom_seconds: float, retention_seconds: float) -> Level:
    """Say how near the position is to its end, by the share of the retention that is left."""
    share = headroom_seconds / retention_seconds if retention_seconds > 0 else 0.0
    if share < ALARM_BELOW:
        return Level.ALARM
    return Level.WARN if share < WARN_BELOW else Level.GOOD


class Headroom:
    """Tells of each center's retention once when it gets worse, and once when it is good again."""

    def __init__(self) -> None:
        self._told: dict[str, Level] = {}

    def look(self, situations: Mapping[str, Situation], now: datetime) -> None:
        for center, known in situations.items():
            left = known.record(center, "", now).retention_headroom_seconds
            if left is None or known.retention is None:
                continue
            found = level(left, known.retention.total_seconds())
            before = self._told.get(center, Level.GOOD)
            self._told[center] = found
            facts = {"center": center, "state": known.state, "hours_left": round(left / 3600, 1)}
            if found is Level.GOOD and before is not Level.GOOD:
                log.info("retention is no concern any more", **facts)
            elif found > before:
                tell = log.error if found is Level.ALARM else log.warning
                tell("unread changes expire", **facts, next_command=known.next_command)


class Pace:
    """Tells how far the centers that read all their rows have come, in one line for all."""

    def __init__(self) -> None:
        self._before: tuple[float, dict[str, int]] | None = None

    def look(self, situations: Mapping[str, Situation], at: float) -> None:
        """Tell of it, where there is such a center; `at` is a clock that never goes back."""
        reading = {
            center: known.snapshot
            for center, known in situations.items()
            if known.snapshot is not None
        }
        if not reading:
            self._before = None
            return
        done = {center: progress.rows_done for center, progress in reading.items()}
        total = sum(max(each.rows_total, each.rows_done) for each in reading.values())
        facts: dict[str, object] = {
            "centers": len(reading),
            "rows": sum(done.values()),
            "of": total,
            "percent": round(100 * sum(done.values()) / max(1, total)),
        }
        if self._before is not None:
            then, known_before = self._before
            # A center that has just begun, or has ended, is of no pace.
            gone_on = sum(
                max(0, done[one] - known_before[one]) for one in done if one in known_before
            )
            facts["rows_per_second"] = round(gone_on / max(0.001, at - then))
        self._before = at, done
        log.info("reading all rows", **facts)


class Waiting:
    """Tells once that no center of a process may be read at all, and what ends that."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._told = False

    def look(self, situations: Mapping[str, Situation]) -> None:
        states = {known.state for known in situations.values()}
        with self._lock:
            before, self._told = self._told, states == {"unreviewed"}
            if self._told and not before:
                log.warning(
                    "no center is approved: nothing is captured until one is",
                    centers=len(situations),
                    next_command=f"chartfeed review {min(situations)}",
                )


class Watch:
    """Looks at all centers every few seconds, in a thread of its own, while it is entered."""

    def __init__(self, situations: Callable[[], Mapping[str, Situation]]) -> None:
        self._situations = situations
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._look, name="watch", daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ended.set()
        self._thread.join(LOOK_SECONDS)

    def _look(self) -> None:
        headroom, pace = Headroom(), Pace()
        while not self._ended.wait(LOOK_SECONDS):
            situations = self._situations()
            headroom.look(situations, datetime.now(UTC))
            pace.look(situations, monotonic())
