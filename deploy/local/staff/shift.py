"""All centers' staff together, at a rate, for a while."""

from __future__ import annotations

import heapq
import threading
import time
from collections import Counter
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from itertools import count

import pyodbc

from deploy.local.practice.dice import dice, pick
from deploy.local.practice.layout import KARTEI
from deploy.local.staff import deeds
from deploy.local.staff.book import Deed
from deploy.local.staff.desk import Desk, LostRow
from producers.connection import number_of
from schemas.errors import ChartfeedError

THREADS = 8
MOST_LONG = 3
LONG_SHARE = 0.02
LONGEST_REST = 10.0


@dataclass(slots=True)
class Tally:
    """What a shift got done; `failures` counts, by center and error, what was rolled back."""

    committed: int = 0
    deeds: Counter[str] = field(default_factory=Counter)
    failures: Counter[tuple[str, str]] = field(default_factory=Counter)
    seconds: float = 0.0


@dataclass(slots=True, eq=False)
class Seat:
    """A desk as the shift sees it: whether it is at a deed, and how long it rests."""

    desk: Desk
    is_free: bool = True
    failed: int = 0
    rests_until: float = 0.0

    def is_ready(self, now: float) -> bool:
        return self.is_free and now >= self.rests_until


@dataclass(frozen=True, slots=True, order=True)
class Later:
    """A deed that is due at a time; `number` keeps the order of those that are due together."""

    due: float
    number: int
    seat: Seat = field(compare=False)
    maker: deeds.Maker = field(compare=False)


class Shift:
    """Hands out deeds to free desks: new ones at random, services a little after their entry.

    A few long transactions run beside, in threads of their own, so that they never starve the
    short ones.
    """

    def __init__(
        self,
        desks: Sequence[Desk],
        rate: float,
        seed: int,
        choose: deeds.Maker = deeds.choose,
    ) -> None:
        self.tally = Tally()
        self._choose = choose
        self._pause = 1 / rate
        self._dice = dice(seed, "shift")
        self._seats = [Seat(desk) for desk in desks]
        self._freed = threading.Condition()
        self._over = threading.Event()
        self._later: list[Later] = []
        self._numbers = count()
        self._running: set[Future[None]] = set()
        self._long = threading.BoundedSemaphore(MOST_LONG)

    def run(
        self, seconds: float, stop: threading.Event, every_second: Callable[[Tally], None]
    ) -> Tally:
        """Work until time is up or `stop` is set; transactions that are open are finished."""
        began = due = told = time.monotonic()
        with ThreadPoolExecutor(THREADS) as short, ThreadPoolExecutor(MOST_LONG) as long:
            try:
                while not stop.is_set() and (now := time.monotonic()) < began + seconds:
                    if now >= told + 1:
                        told = now
                        every_second(self.tally)
                    if now < due:
                        stop.wait(min(due - now, began + seconds - now, 0.5))
                    elif self._give(short, long, now):
                        due = max(due + self._pause, now - 1)
                    self._raise_bugs()
            finally:
                self._over.set()
        self._raise_bugs()
        self.tally.seconds = time.monotonic() - began
        return self.tally

    def settle(self) -> Tally:
        """Look up what became of commits whose answer got lost, where the server is there."""
        for seat in self._seats:
            try:
                seat.desk.settle()
            except (pyodbc.Error, ChartfeedError) as error:
                self._failed(seat, error)
        return self.tally

    def _give(self, short: ThreadPoolExecutor, long: ThreadPoolExecutor, now: float) -> bool:
        """Give one deed to a free desk; where none is free, wait a moment for one and say no."""
        with self._freed:
            found = self._due(now) or self._new(now)
            if found is None:
                self._freed.wait(0.1)
                return False
            seat, maker = found
            if maker is deeds.long:
                self._running.add(long.submit(self._do_slowly, seat))
            else:
                seat.is_free = False
                self._running.add(short.submit(self._do, seat, maker))
        return True

    def _due(self, now: float) -> tuple[Seat, deeds.Maker] | None:
        waiting: list[Later] = []
        found = None
        while found is None and self._later and self._later[0].due <= now:
            item = heapq.heappop(self._later)
            if item.seat.is_ready(now):
                found = item.seat, item.maker
            else:
                waiting.append(item)
        for item in waiting:
            heapq.heappush(self._later, item)
        return found

    def _new(self, now: float) -> tuple[Seat, deeds.Maker] | None:
        ready = [seat for seat in self._seats if seat.is_ready(now)]
        if not ready:
            return None
        seat = pick(self._dice, ready)
        if self._dice.random() < LONG_SHARE and self._long.acquire(blocking=False):
            return seat, deeds.long
        return seat, self._choose

    def _do(self, seat: Seat, maker: deeds.Maker) -> None:
        try:
            seat.desk.open()
            deed = seat.desk.plan(maker)
            if deed is not None:
                seat.desk.perform(deed)
                self._done(seat, deed)
        except (pyodbc.Error, ChartfeedError, LostRow) as error:
            self._failed(seat, error)
        finally:
            with self._freed:
                seat.is_free = True
                self._freed.notify()

    def _do_slowly(self, seat: Seat) -> None:
        """Do a deed over several rows with time between them; some end with a rollback."""
        try:
            seat.desk.open()
            deed = seat.desk.plan(deeds.long)
            if deed is None:
                return
            with seat.desk.transaction(deed) as transaction:
                for change in deed.changes:
                    transaction.write(change)
                    self._over.wait(0.2 + seat.desk.throw())
                is_kept = seat.desk.throw() < 0.8
                if is_kept:
                    transaction.commit()
            if is_kept:
                self._done(seat, deed)
        except (pyodbc.Error, ChartfeedError, LostRow) as error:
            self._failed(seat, error)
        finally:
            self._long.release()

    def _done(self, seat: Seat, deed: Deed) -> None:
        with self._freed:
            self.tally.committed += 1
            self.tally.deeds[deed.name] += 1
            seat.failed = 0
            if deed.followed:
                entry = next(c.after for c in deed.changes if c.table == KARTEI)
                due = time.monotonic() + 0.5 + 2.5 * self._dice.random()
                later = Later(due, next(self._numbers), seat, deeds.services_for(entry))
                heapq.heappush(self._later, later)

    def _failed(self, seat: Seat, error: Exception) -> None:
        with self._freed:
            number = number_of(error) if isinstance(error, pyodbc.Error) else None
            name = str(number) if number else type(error).__name__
            self.tally.failures[seat.desk.practice.center_id, name] += 1
            seat.failed += 1
            rest = min(LONGEST_REST, 0.1 * 2 ** min(seat.failed, 10))
            seat.rests_until = time.monotonic() + rest

    def _raise_bugs(self) -> None:
        """Raise what a thread could not foresee; a shift that goes wrong must not look well."""
        done = {future for future in self._running if future.done()}
        self._running -= done
        for future in done:
            future.result()
