"""What the capture of one center needs."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import pyodbc

    from producers.capture.feed import Contract
    from producers.capture.status import Situation
    from producers.capture.tally import Tally
    from producers.mapping import Mapping
    from schemas.records import Command

__all__ = ["Job"]


@dataclass(frozen=True, slots=True)
class Job:
    """A center, and how to reach what is asked of it.

    `mapping` is asked again and again, so it is cheap, and it gives the same object for as long as
    the approval stands as it is; a connection is asked for at each start.
    """

    center_id: str
    mapping: Callable[[], Mapping]
    connect: Callable[[], pyodbc.Connection]
    contract: Contract
    instance_id: str
    poll_interval: float
    guard: float
    update: Callable[[Callable[[Situation], Situation]], None]
    tally: Tally
    command: Callable[[], Command | None] = lambda: None
