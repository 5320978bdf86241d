"""A day compared with its sources in the background, one comparison at a time."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final, TypeAlias

import structlog

from chartfeed.comparing import Wanted, settle
from producers.days import Span
from schemas.errors import ChartfeedError, RetryLater

if TYPE_CHECKING:
    from datetime import date

    from chartfeed.reconcile.report import CenterResult, Report
    from chartfeed.settings import Settings
    from stream_app.files.targets import Target

__all__ = ["Busy", "Comparison", "Reconciler", "Settle"]

KEPT: Final = 20

Settle: TypeAlias = Callable[[Wanted], "Report"]

log = structlog.get_logger("chartfeed.console")


class Busy(RetryLater):
    """Another comparison is running; it reads all centers, so they come one by one."""


@dataclass(frozen=True, slots=True)
class Comparison:
    """A comparison of a day as far as it is: with a report or an error it has ended."""

    day: date
    asked_by: str
    began_at: datetime
    centers: int
    compared: int = 0
    ended_at: datetime | None = None
    report: Report | None = None
    error: ChartfeedError | None = None

    @property
    def is_running(self) -> bool:
        return self.ended_at is None


class Reconciler:
    """Runs comparisons in a thread of its own and remembers the last ones."""

    def __init__(
        self,
        settings: Settings,
        target: Target,
        *,
        settled: Settle = settle,
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self._settings = settings
        self._target = target
        self._settled = settled
        self._clock = clock
        self._lock = threading.Lock()
        self._known: dict[date, Comparison] = {}
        self._pool = ThreadPoolExecutor(max_workers=1, thread_name_prefix="reconcile")

    def start(self, day: date, asked_by: str) -> Comparison:
        """Begin to compare a day, or raise Busy with what is being compared."""
        centers = self._settings.select(())
        begun = Comparison(day, asked_by, self._clock(), len(centers))
        with self._lock:
            running = self._running()
            if running is not None:
                raise Busy(
                    f"{running.day.isoformat()} is being compared now",
                    hint="try again when it has ended",
                    day=running.day,
                )
            self._known.pop(day, None)
            self._known[day] = begun
            while len(self._known) > KEPT:
                del self._known[next(iter(self._known))]
        log.info("reconcile", day=day.isoformat(), asked_by=asked_by)
        self._pool.submit(self._work, begun, centers)
        return begun

    def of(self, day: date) -> Comparison | None:
        """Give the last comparison of a day since this process began."""
        with self._lock:
            return self._known.get(day)

    def running(self) -> Comparison | None:
        """Give the comparison that runs now."""
        with self._lock:
            return self._running()

    def close(self) -> None:
        """Begin no other; one that runs ends with the process."""
        self._pool.shutdown(wait=False, cancel_futures=True)

    def _running(self) -> Comparison | None:
        return next((one for one in self._known.values() if one.is_running), None)

    def _work(self, begun: Comparison, centers: Sequence[object]) -> None:
        wanted = Wanted(
            self._settings,
            self._settings.select(()),
            self._target,
            Span(begun.day, begun.day),
            told=lambda result: self._told(begun.day, result),
        )
        report = error = None
        try:
            report = self._settled(wanted)
        except ChartfeedError as found:
            error = found
        except Exception as found:  # The page has to say that it ended, whatever it was.
            log.exception("reconcile-failed", day=begun.day.isoformat())
            error = ChartfeedError(f"the comparison failed: {type(found).__name__}")
        with self._lock:
            now = self._known[begun.day]
            self._known[begun.day] = replace(
                now, ended_at=self._clock(), report=report, error=error, compared=len(centers)
            )

    def _told(self, day: date, _result: CenterResult) -> None:
        with self._lock:
            now = self._known[day]
            # A second look counts no center twice.
            self._known[day] = replace(now, compared=min(now.compared + 1, now.centers))
