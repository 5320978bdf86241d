"""Notices a clock that was set back: librdkafka waits by it, and would wait as much longer."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Final

from schemas.errors import Failed

__all__ = ["Clock", "SetBack"]

TOLERATED_SECONDS: Final = 10.0
"""As long as Kafka's client may take for an answer anyway."""


class SetBack(Failed):
    """The machine's clock was set back; the process ends, for it can't be told what still waits."""


class Clock:
    """Holds the wall clock against the one that nobody sets, from each look to the next."""

    def __init__(
        self,
        wall: Callable[[], float] = time.time,
        steady: Callable[[], float] = time.monotonic,
    ) -> None:
        self._wall = wall
        self._steady = steady
        self._ahead = wall() - steady()

    def look(self) -> None:
        """Raise where the clock was set back since the last look; slewing it is nothing."""
        before, self._ahead = self._ahead, self._wall() - self._steady()
        back = before - self._ahead
        if back > TOLERATED_SECONDS:
            raise SetBack(
                f"this machine's clock was set back by {back:,.0f} s, and Kafka's client would "
                "wait as much longer",
                hint="start again, as systemd does: nothing is lost",
            )
