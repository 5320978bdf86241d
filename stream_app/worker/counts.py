"""What a lane did and has before it, for operators."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

__all__ = ["Counts"]


@dataclass(slots=True)
class Counts:
    """Since the process began; read by others, written by the lane's thread alone."""

    events: int = 0
    checkpoints: int = 0
    rows_sent: int = 0
    dead_letters: int = 0
    transactions: int = 0
    waiting: int = 0
    unsent: int = 0
    rebuilding: bool = False
    rebuilt_share: float = 1.0
    unknown_kinds: Mapping[tuple[str, str], int] = field(default_factory=dict)
    """Insurers whose ART the status table does not name, by center and ART; now and then."""
