"""Processes that share a replay's steps: each is made anew, and gone as soon as it is not needed.

A step that is under way when its process, or ours, is killed leaves whole transactions behind, and
is done again by the next run. So hands are never asked to end: they are killed.
"""

from __future__ import annotations

import fcntl
import multiprocessing
import os
import signal
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from multiprocessing.connection import Connection, wait
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import Any, Final, Protocol, cast

from schemas.errors import ChartfeedError, Failed

__all__ = ["Hand", "Make", "spread"]

LOCK: Final = "hands"
"""Held by every hand: those that a killed replay has left are waited for."""

Say = Callable[[object], None]
"""Tells whoever handed the step out, who has heard it when this returns."""


class Hand(Protocol):
    """Does steps; made in the process that it works in."""

    def do(self, step: Any, say: Say) -> Any: ...


Make = Callable[[], Hand]
"""Makes a hand. It goes to other processes, so it is a function of a module, or a part of one."""


def spread(
    steps: Sequence[Any], make: Make, folder: Path, hear: Callable[[int, object], None], many: int
) -> list[Any]:
    """Do all steps, `many` at a time, and give what came of each; the first error ends all.

    `hear` is told what is said, with the number of the step.
    """
    with _alone(folder):
        pass
    if many < 2:
        hand = make()
        return [
            hand.do(step, lambda said, number=number: hear(number, said))  # type: ignore[misc]  # a lambda with a default
            for number, step in enumerate(steps)
        ]
    with _hands(make, folder, min(many, len(steps))) as hands:
        return _share_out(steps, hands, hear)


def _share_out(
    steps: Sequence[Any], hands: Sequence[Connection], hear: Callable[[int, object], None]
) -> list[Any]:
    found: list[Any] = [None] * len(steps)
    left = iter(enumerate(steps))
    at: dict[Connection, int] = {}

    def next_step(hand: Connection) -> None:
        at.pop(hand, None)
        if (following := next(left, None)) is not None:
            at[hand], step = following
            hand.send(step)

    for hand in hands:
        next_step(hand)
    while at:
        for hand in cast("list[Connection]", wait(list(at))):
            try:
                what, content = hand.recv()
            except EOFError:
                raise Failed(
                    "a process that took part was killed", hint="the same command goes on"
                ) from None
            if what == "said":
                hear(at[hand], content)
                hand.send(None)
            elif what == "failed":
                raise content
            else:
                found[at[hand]] = content
                next_step(hand)
    return found


@contextmanager
def _hands(make: Make, folder: Path, count: int) -> Iterator[list[Connection]]:
    # Spawned, for a copy of this process would have locks that nobody gives back.
    context = multiprocessing.get_context("spawn")
    hands: list[Connection] = []
    processes: list[BaseProcess] = []
    try:
        for _ in range(count):
            ours, theirs = context.Pipe()
            process: BaseProcess = context.Process(
                target=_work, args=(theirs, make, folder), daemon=True
            )
            process.start()
            theirs.close()
            hands.append(ours)
            processes.append(process)
        yield hands
    finally:
        for process in processes:
            process.kill()
            process.join()


def _work(pipe: Connection, make: Make, folder: Path) -> None:
    # Ctrl-C is meant for who started us, and reaches us by its end.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    threading.Thread(target=_end_with_parent, daemon=True).start()
    with _alone(folder, fcntl.LOCK_SH):
        try:
            hand = make()
            while True:
                step = pipe.recv()
                pipe.send(("done", hand.do(step, lambda said: _say(pipe, said))))
        except EOFError:
            return
        except ChartfeedError as error:
            pipe.send(("failed", error))


def _say(pipe: Connection, said: object) -> None:
    pipe.send(("said", said))
    pipe.recv()


def _end_with_parent() -> None:
    parent = multiprocessing.parent_process()
    if parent is not None:
        wait([parent.sentinel])
        os._exit(1)


@contextmanager
def _alone(folder: Path, how: int = fcntl.LOCK_EX) -> Iterator[None]:
    handle = os.open(folder / LOCK, os.O_RDWR | os.O_CREAT, 0o600)
    try:
        fcntl.flock(handle, how)
        yield
    finally:
        os.close(handle)
