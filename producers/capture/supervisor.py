"""All centers of a process, each in a thread of its own: one that fails delays no other."""

from __future__ import annotations

import random
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING, Final, Protocol

import structlog

from schemas.errors import ChartfeedError, Failed, RetryLater

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["Runner", "Supervisor", "delays"]

FIRST_DELAY: Final = 0.5
LONGEST_DELAY: Final = 30.0
# A run that lasted this long was a good one: the next failure is a first failure again.
GOOD_SECONDS: Final = 60.0
ATTEMPTS_ONCE: Final = 4
LEAVING_SECONDS: Final = 4.0

log = structlog.get_logger("chartfeed.capture")


class Runner(Protocol):
    """Something that runs until it is told to stop or can't go on."""

    def run(self, *, once: bool = False) -> None: ...


def delays(dice: Callable[[], float]) -> Iterator[float]:
    """Give how long to wait before each next attempt: doubling to a limit, and jittered.

    `dice` gives numbers from 0 to 1, so that many centers of one server don't come together.
    """
    delay = FIRST_DELAY
    while True:
        yield delay * (0.5 + dice() / 2)
        delay = min(LONGEST_DELAY, delay * 2)


class Supervisor:
    """Runs centers and restarts those that may work later; the others end with their error."""

    def __init__(
        self,
        runners: Mapping[str, Runner],
        stop: threading.Event,
        failed: Callable[[str, ChartfeedError], None],
    ) -> None:
        """`failed` hears of every error that ended a center, for good or for a while."""
        self._runners = runners
        self._stop = stop
        self._failed = failed
        self.failures: dict[str, ChartfeedError] = {}

    def run(self, *, once: bool = False) -> None:
        """Return when every center has ended, or some seconds after it was told to stop."""
        threads = [
            threading.Thread(target=self._watch, args=(name, once), name=name, daemon=True)
            for name in self._runners
        ]
        for thread in threads:
            thread.start()
        self._join(threads)

    def _join(self, threads: Sequence[threading.Thread]) -> None:
        deadline = None
        for thread in threads:
            while thread.is_alive():
                thread.join(0.2)
                if self._stop.is_set():
                    deadline = deadline or time.monotonic() + LEAVING_SECONDS
                    if time.monotonic() > deadline:
                        # A statement hangs; its transaction is aborted by whoever comes next.
                        return

    def _watch(self, name: str, once: bool) -> None:  # noqa: FBT001 - a thread's arguments
        waits = delays(random.random)
        attempts = 0
        told: str | None = None
        while not self._stop.is_set():
            began = time.monotonic()
            failure = self._attempt(name, once=once)
            attempts += 1
            if failure is not None:
                self._failed(name, failure)
            lasting = not isinstance(failure, RetryLater)
            if failure is None or lasting or (once and attempts == ATTEMPTS_ONCE):
                if failure is not None and not self._stop.is_set():
                    self.failures[name] = failure
                    log.error("stopped", center=name, error=str(failure))
                return
            if time.monotonic() - began > GOOD_SECONDS:
                waits, told = delays(random.random), None
            if str(failure) != told:
                told = str(failure)
                log.warning("retrying", center=name, error=told)
            self._stop.wait(next(waits))

    def _attempt(self, name: str, *, once: bool) -> ChartfeedError | None:
        try:
            self._runners[name].run(once=once)
        except ChartfeedError as error:
            return error
        except Exception as error:  # noqa: BLE001 - the one place that no center's failure may pass
            # Its text may hold a value of the source: only where it happened is told.
            frame = error.__traceback__
            while frame is not None and frame.tb_next is not None:
                frame = frame.tb_next
            where = f"{frame.tb_frame.f_code.co_name}:{frame.tb_lineno}" if frame else "?"
            return Failed(f"{name}: {type(error).__name__} in {where}", center=name)
        return None
