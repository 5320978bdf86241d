"""Whose turn it is to compute, and how a thread lets others have it while it waits."""

from __future__ import annotations

import threading
from collections.abc import Callable
from functools import wraps
from typing import ParamSpec, TypeVar

__all__ = ["Turn"]

P = ParamSpec("P")
R = TypeVar("R")


class Turn:
    """Lets one thread at a time compute: more would only fight over the interpreter.

    It protects nothing: each thread has its own state. So it may be given away in the middle.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._holder: int | None = None

    def __enter__(self) -> None:
        self._lock.acquire()
        self._holder = threading.get_ident()

    def __exit__(self, *_: object) -> None:
        self._holder = None
        self._lock.release()

    def outside(self, call: Callable[P, R]) -> Callable[P, R]:
        """Give a call that waits for something, such as an answer, so that others compute then.

        Whoever calls it without having the turn just waits.
        """

        @wraps(call)
        def waiting(*args: P.args, **kwargs: P.kwargs) -> R:
            if self._holder != threading.get_ident():
                return call(*args, **kwargs)
            self.__exit__()
            try:
                return call(*args, **kwargs)
            finally:
                self.__enter__()

        return waiting
