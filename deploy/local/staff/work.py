"""What `chartfeed local work` calls."""

from __future__ import annotations

import datetime as dt
import math
import threading
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from pathlib import Path

from deploy.local.practice.blueprint import Practice
from deploy.local.practice.loading import Connect
from deploy.local.staff import deeds
from deploy.local.staff.desk import Clock, Desk
from deploy.local.staff.journal import Journal
from deploy.local.staff.shift import Shift, Tally

__all__ = ["Tally", "work"]


def utc_now() -> dt.datetime:
    return dt.datetime.now(dt.UTC)


def work(
    practices: Sequence[Practice],
    connect: Connect,
    journal: Path,
    *,
    rate: float = 20.0,
    seconds: float | None = None,
    seed: int = 1,
    stop: threading.Event | None = None,
    now: Callable[[], dt.datetime] = utc_now,
    choose: deeds.Maker = deeds.choose,
    every_second: Callable[[Tally], None] = lambda _tally: None,
) -> Tally:
    """Let the staff of all centers work until time is up or `stop` is set; `rate` is per second.

    `choose` gives the next deed of a center.

    The journal is complete when this returns, but for commits whose answer got lost and whose
    server is away still: those are looked up at the next start. Where a server is away, its staff
    rest and try again, and what failed is counted.
    """
    with ExitStack() as stack:
        book = Journal(journal)
        stack.callback(book.close)
        clock = Clock(now)
        limit = math.inf if seconds is None else seconds
        desks = [Desk(practice, connect, book, clock, seed) for practice in practices]
        for desk in desks:
            stack.callback(desk.close)
        shift = Shift(desks, rate, seed, choose)
        shift.run(limit, stop or threading.Event(), every_second)
        return shift.settle()
