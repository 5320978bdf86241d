"""What a partition's join is opened with, and what it hands back."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final, NamedTuple

from schemas import topics
from schemas.avro import Json
from schemas.insurance import StatusTable

__all__ = ["TOPICS", "Contract", "Outgoing", "Parcel", "Taken"]

TOPICS: Final = (*(topic.name for topic in topics.SOURCE), topics.CHECKPOINTS.name)
"""The topics that the join reads, in the same partition of each."""


@dataclass(frozen=True, slots=True)
class Contract:
    """What a join rests on besides its state and the topics.

    `topic_ids` are those of TOPICS and of unified-entries: a topic made anew makes the state
    worthless. `schema_of` asks the registry: None where it has no such schema, RetryLater where
    it can't be asked. `schema_ids` has UnifiedEntry, Progress and DeadLetter. A state that was
    last used longer than `stale_after` ago may lack tombstones.
    """

    partition: int
    partitions: int
    topic_ids: Mapping[str, str]
    centers: Mapping[str, str]
    """Names of the configured centers, by id."""
    statuses: StatusTable
    schema_of: Callable[[int], Json | None]
    schema_ids: Mapping[type[Any], int]
    stale_after: timedelta
    now: Callable[[], datetime]


@dataclass(frozen=True, slots=True)
class Taken:
    """What taking batches did.

    `ahead` are topics that had better pause until the next take: what they brought waits in
    memory for the others. It never names a topic that something waits for.
    """

    events: int
    """Source events applied."""
    checkpoints: int
    """Centers that moved to a newer checkpoint."""
    rows: int
    """Rows and tombstones put into the outbox."""
    dead_letters: int
    waiting: int
    """Events in memory that no checkpoint covers yet."""
    ahead: frozenset[str]


class Outgoing(NamedTuple):
    """A message to produce; without a partition, by its key. (A tuple: there are many.)"""

    topic: str
    partition: int | None
    key: bytes | None
    value: bytes | None


@dataclass(frozen=True, slots=True)
class Parcel:
    """What one transaction of the sender carries, before the Progress that follows from it."""

    rows: tuple[Outgoing, ...]
    through: int
    """The number in the outbox that is reached with it."""
    progress: bool
    """Whether a Progress is due with it, also when there are no rows."""

    def __bool__(self) -> bool:
        """Tell whether there is anything to send."""
        return bool(self.rows) or self.progress
