"""All centers of a process, each in a thread of its own: one that fails delays no other.

A center that failed comes back: soon where the same may work in a while, otherwise when its
approval is another one, when somebody asks for it, or when it is looked at again now and then.
Only one that another producer has taken over stays away, so that the two never fight, until the
files are read again, as somebody asks for who knows that the other one has gone. Where it was
lost before that and nobody had noticed yet, it is taken back as well.
"""

from __future__ import annotations

import math
import random
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Final, Protocol

import structlog

from producers.capture.errors import Paused, TakenOver
from producers.errors import Denied, MappingDamaged, Unapproved
from schemas.errors import BadInput, ChartfeedError, Failed, RetryLater

__all__ = ["Make", "Runner", "Supervisor", "comes_back_after", "delays"]

FIRST_DELAY: Final = 0.5
LONGEST_DELAY: Final = 30.0
# A run that lasted this long was a good one: the next failure is a first failure again.
GOOD_SECONDS: Final = 60.0
ATTEMPTS_ONCE: Final = 4
NEWS_SECONDS: Final = 1.0
# What only a repair at the source ends is looked at this often.
REPAIR_SECONDS: Final = 60.0
# A refused login is tried seldom: many servers lock one that fails often.
LOGIN_SECONDS: Final = 600.0
LOGIN: Final = frozenset({18456, 18470, 18487, 18488})
NEVER: Final = -math.inf

log = structlog.get_logger("chartfeed.capture")


class Runner(Protocol):
    """Something that runs until it is told to leave or can't go on."""

    @property
    def last_commit(self) -> float:
        """Give when it last published, on the monotonic clock: it had the center then."""
        ...

    def run(self, *, once: bool = False) -> None: ...

    def has_news(self) -> bool:
        """Tell whether what the last run began with is another thing now."""
        ...


Make = Callable[[threading.Event], Runner]
"""Makes a runner that leaves when the event is set; equal makers make equal runners."""


def delays(dice: Callable[[], float]) -> Iterator[float]:
    """Give how long to wait before each next attempt: doubling to a limit, and jittered.

    `dice` gives numbers from 0 to 1, so that many centers of one server don't come together.
    """
    delay = FIRST_DELAY
    while True:
        yield delay * (0.5 + dice() / 2)
        delay = min(LONGEST_DELAY, delay * 2)


def comes_back_after(error: ChartfeedError) -> float | None:
    """Give the seconds after which a lasting failure is looked at again, None for never.

    Infinity waits for news: another approval, a command, a reload.
    """
    match error:
        case TakenOver():
            return None
        case Paused() | Unapproved() | MappingDamaged() | BadInput():
            return math.inf
        case Denied() if error.fields.get("number") in LOGIN:
            return LOGIN_SECONDS
        case _:
            return REPAIR_SECONDS


def _no() -> bool:
    return False


@dataclass(slots=True, eq=False)
class _Seat:
    """A center's thread, and how it is told: `leave` ends a run, `told` ends a wait.

    `has_ended` says that the thread does nothing any more, though the center is still wanted;
    `wanted_at` when it was last said that it is, until that has taken it back from another.
    """

    name: str
    make: Make | None
    leave: threading.Event = field(default_factory=threading.Event)
    told: threading.Event = field(default_factory=threading.Event)
    thread: threading.Thread | None = None
    has_ended: bool = False
    wanted_at: float = NEVER

    def look(self, *, leave: bool) -> None:
        if leave:
            self.leave.set()
        self.told.set()

    def wait(self, seconds: float, has_news: Callable[[], bool]) -> bool:
        """Tell whether there was something to look at before the time was over."""
        deadline = time.monotonic() + seconds
        while (left := deadline - time.monotonic()) > 0:
            if self.told.wait(min(left, NEWS_SECONDS)) or has_news():
                return True
        return False


class Supervisor:
    """Runs the centers that are wanted, each for as long as it is wanted."""

    def __init__(
        self,
        failed: Callable[[str, ChartfeedError], None],
        *,
        held: Callable[[str], ChartfeedError | None] = lambda _name: None,
        came: Callable[[str], None] = lambda _name: None,
        gone: Callable[[str], None] = lambda _name: None,
        once: bool = False,
    ) -> None:
        """`failed` hears of every error that ended a center, for good or for a while.

        `held` gives the error that keeps a center from running at all; `came` hears of each
        before it begins, and `gone` when it has ended because it is not wanted any more.
        """
        self._failed = failed
        self._held = held
        self._came = came
        self._gone = gone
        self._once = once
        self._leaving = threading.Event()
        self._lock = threading.Lock()
        self._seats: dict[str, _Seat] = {}
        self.failures: dict[str, ChartfeedError] = {}

    def want(self, makes: Mapping[str, Make]) -> None:
        """Run exactly these from now on.

        Those with another maker than before start over, and one that waits or has ended looks
        again.
        """
        with self._lock:
            for name, seat in self._seats.items():
                make = makes.get(name)
                seat.look(leave=make != seat.make)
                seat.make, seat.wanted_at = make, time.monotonic()
                if seat.has_ended:
                    del self.failures[name]
                    self._start(seat)
            for name in makes.keys() - self._seats.keys():
                self._seats[name] = self._seated(name, makes[name])

    def look(self, name: str) -> None:
        """Have a center look at once whether it is held, or may go on."""
        with self._lock:
            seat = self._seats.get(name)
        if seat is not None:
            seat.look(leave=self._held(name) is not None)

    def is_running(self) -> bool:
        """Tell whether any center runs, or may come back; no center at all may get company."""
        with self._lock:
            threads = [seat.thread for seat in self._seats.values()]
        return any(thread is not None and thread.is_alive() for thread in threads) or (
            not threads and not self._once
        )

    def leave(self, seconds: float) -> bool:
        """End all centers; tell whether they have ended in that time.

        One that has not hangs in a statement, or in a commit whose outcome nobody will know; its
        transaction is ended by whoever takes the center over.
        """
        self._leaving.set()
        deadline = time.monotonic() + seconds
        with self._lock:
            seats = list(self._seats.values())
        for seat in seats:
            seat.look(leave=True)
        for seat in seats:
            if seat.thread is not None:
                seat.thread.join(max(0.0, deadline - time.monotonic()))
        return not any(seat.thread is not None and seat.thread.is_alive() for seat in seats)

    def _seated(self, name: str, make: Make) -> _Seat:
        self._came(name)
        seat = _Seat(name, make)
        self._start(seat)
        return seat

    def _start(self, seat: _Seat) -> None:
        seat.has_ended = False
        seat.thread = threading.Thread(
            target=self._watch, args=(seat,), name=seat.name, daemon=True
        )
        seat.thread.start()

    def _watch(self, seat: _Seat) -> None:
        waits, said, attempts = delays(random.random), "", 0
        made, runner = None, None
        while True:
            # Cleared before anything is looked at, so that nothing told later is missed.
            seat.told.clear()
            seat.leave.clear()
            make = self._wanted(seat)
            if make is None:
                return
            if runner is None or make != made:
                made, runner = make, make(seat.leave)
            began = time.monotonic()
            failure = self._held(seat.name) or self._attempt(seat.name, runner)
            if failure is None:
                if self._once:
                    return
                said = ""
                continue  # It was told to leave; why is looked at above.
            if time.monotonic() - began > GOOD_SECONDS:
                waits, said = delays(random.random), ""
            attempts += 1
            self._failed(seat.name, failure)
            if self._leaving.is_set():
                return
            delay = self._delay(failure, waits, attempts)
            if delay is not None:
                said = self._wait(seat, runner, failure, delay, said)
            elif self._ends(seat, runner, failure, said):
                return
            else:
                runner = None  # A new one takes back what the old one has to leave.

    def _delay(
        self, failure: ChartfeedError, waits: Iterator[float], attempts: int
    ) -> float | None:
        """Give the delay before the next attempt, None where there is to be none."""
        passing = isinstance(failure, RetryLater)
        if self._once and (not passing or attempts == ATTEMPTS_ONCE):
            return None
        return next(waits) if passing else comes_back_after(failure)

    def _wait(
        self, seat: _Seat, runner: Runner, failure: ChartfeedError, delay: float, said: str
    ) -> str:
        """Wait for so long, or for something to look at; give what is said of it by then."""
        passing = isinstance(failure, RetryLater)
        said = self._tell(seat.name, failure, said, stays=passing)
        has_news = runner.has_news if not passing and not isinstance(failure, Paused) else _no
        return "" if seat.wait(delay, has_news) else said

    def _ends(self, seat: _Seat, runner: Runner, failure: ChartfeedError, said: str) -> bool:
        """Tell whether this is a center's end; it is not where it has to be taken back."""
        with self._lock:
            if isinstance(failure, TakenOver) and runner.last_commit < seat.wanted_at:
                seat.wanted_at = NEVER
                log.warning("taking back", center=seat.name, error=str(failure))
                return False
            self.failures[seat.name] = failure
            seat.has_ended = True
        # Told last: whoever reads that may ask for the center at once.
        self._tell(seat.name, failure, said, stays=False)
        return True

    def _wanted(self, seat: _Seat) -> Make | None:
        """Give the seat's maker; without one the seat is given up, under the lock of `want`."""
        if self._leaving.is_set():
            return None
        with self._lock:
            if seat.make is None:
                del self._seats[seat.name]
                self._gone(seat.name)
            return seat.make

    @staticmethod
    def _tell(name: str, failure: ChartfeedError, said: str, *, stays: bool) -> str:
        """Log a failure once, however often it comes again."""
        word = "retrying" if stays else "stopped"
        now = f"{word} {failure}"
        if now != said:
            (log.warning if stays else log.error)(word, center=name, error=str(failure))
        return now

    def _attempt(self, name: str, runner: Runner) -> ChartfeedError | None:
        try:
            runner.run(once=self._once)
        except ChartfeedError as error:
            # It is kept until the next run ends, which may last for weeks: without what this one
            # had in hand, such as rows, or a producer with its threads.
            error.__cause__ = error.__context__ = None
            return error.with_traceback(None)
        except Exception as error:  # noqa: BLE001 - the one place that no center's failure may pass
            # Its text may hold a value of the source: only where it happened is told.
            frame = error.__traceback__
            while frame is not None and frame.tb_next is not None:
                frame = frame.tb_next
            where = f"{frame.tb_frame.f_code.co_name}:{frame.tb_lineno}" if frame else "?"
            return Failed(f"{name}: {type(error).__name__} in {where}", center=name)
        return None
