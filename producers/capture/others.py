"""Whom the status of a center is left to: an instance that captures it, while we do not."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from collections.abc import Set as AbstractSet
from contextlib import ExitStack
from datetime import datetime
from typing import TYPE_CHECKING, Final, Self

from producers.capture.errors import KafkaDown

if TYPE_CHECKING:
    from producers.capture.overview import Overview

__all__ = ["AT_WORK", "Others"]

AT_WORK: Final = frozenset({"snapshot", "streaming", "resync"})
LOOK_SECONDS: Final = 2.0


class Others:
    """Knows which centers another instance captures, as far as it was asked; for one thread.

    Only a center that we do not capture ourselves is asked for, so where all is well nothing is
    opened and nothing is read.
    """

    def __init__(self, instance_id: str, follow: Callable[[Iterable[str]], Overview]) -> None:
        self._instance = instance_id
        self._follow = follow
        self._stack = ExitStack()
        self._overview: Overview | None = None
        self._followed: AbstractSet[str] = frozenset()
        self._known: dict[str, bool] = {}

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._close()

    def look(self, centers: AbstractSet[str], now: datetime) -> None:
        """Find out who captures these centers now; where Kafka can't say, it stays as known."""
        if not centers:
            self._close()
            return
        try:
            found = self._opened(centers).read(LOOK_SECONDS)
        except KafkaDown:
            return
        for center in centers:
            status = found[center].status
            self._known[center] = (
                status is not None
                and status.instance_id != self._instance
                and status.state in AT_WORK
                and status.expires_at > now
            )

    def leave_to_us(self, centers: AbstractSet[str]) -> None:
        """Take in that we capture these centers, so nobody else does."""
        for center in centers:
            self._known.pop(center, None)

    def speak_for(self, center_id: str) -> bool:
        """Tell whether another instance captured the center when it was last looked at."""
        return self._known.get(center_id, False)

    def _opened(self, centers: AbstractSet[str]) -> Overview:
        if self._overview is None or not centers <= self._followed:
            followed = self._followed | centers
            self._close()
            self._followed = followed
            self._overview = self._stack.enter_context(self._follow(self._followed))
        return self._overview

    def _close(self) -> None:
        self._stack.close()
        self._overview, self._followed = None, frozenset()
