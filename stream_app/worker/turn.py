"""Whose turn it is to compute, and how a thread lets others have it while it waits."""

from __future__ import annotations

import threading
from collections.abc import Callable
from functools import wraps
from typing import Final, ParamSpec, TypeVar

__all__ = ["Turn"]

# With a large state half of a lane's time is SQLite's, which leaves the interpreter to another.
AT_ONCE: Final = 2

P = ParamSpec("P")
R = TypeVar("R")


class Turn:
    """Lets few threads at once compute: more would only fight over the interpreter.

    It protects nothing: each thread has its own state. So it may be given away in the middle.
    """

    def __init__(self, at_once: int = AT_ONCE) -> None:
        self._free = threading.Semaphore(at_once)
        self._holders: set[int] = set()

    def __enter__(self) -> None:
        self._free.acquire()
        self._holders.add(threading.get_ident())

    def __exit__(self, *_: object) -> None:
        self._holders.remove(threading.get_ident())
        self._free.release()

    def outside(self, call: Callable[P, R]) -> Callable[P, R]:
        """Give a call that waits for something, such as an answer, so that others compute then.

        Whoever calls it without having the turn just waits.
        """

        @wraps(call)
        def waiting(*args: P.args, **kwargs: P.kwargs) -> R:
            if threading.get_ident() not in self._holders:
                return call(*args, **kwargs)
            self.__exit__()
            try:
                return call(*args, **kwargs)
            finally:
                self.__enter__()

        return waiting
