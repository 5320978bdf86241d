"""When a day that changed is written: soon, but never so often that it takes all the time."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

__all__ = ["FAR_BEHIND", "Pace", "Past"]

# So many records that wait are more than a second's work.
FAR_BEHIND: Final = 20_000
# While far behind, what is written now would be written again in a moment.
PATIENCE_FAR_BEHIND: Final = 30.0
# A day takes at most a fifth of the time: after a write of 2 s come 8 s without.
REST: Final = 4.0


@dataclass(frozen=True, slots=True)
class Past:
    """A day's last write: when it began, and how many seconds it took."""

    began: float
    took: float


@dataclass(frozen=True, slots=True)
class Pace:
    """How often days are written; times are seconds of one clock."""

    interval: float

    def due(self, since: float, past: Past | None, *, backlog: int) -> float:
        """Give when to write a day that has waited with a change since then.

        Writes begin half an interval apart, so that a change which just misses one is in the
        files within the interval nevertheless.
        """
        if backlog >= FAR_BEHIND:
            since += max(PATIENCE_FAR_BEHIND, self.interval)
        if past is None:
            return since
        rest = max(self.interval / 2, past.took * (1 + REST))
        return max(since, past.began + rest)

    def pause(self, took: float, *, backlog: int) -> float:
        """Give how long nothing at all is written after a write."""
        return took * REST if backlog >= FAR_BEHIND else 0.0
