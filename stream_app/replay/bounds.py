"""Where the past ends: a checkpoint of each center, so that no source transaction is cut."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING, Protocol

from schemas import dates
from stream_app.join import TOPICS

if TYPE_CHECKING:
    from schemas.records import Checkpoint

__all__ = ["Before", "Cut", "Moment", "Phase", "Positions", "until"]

CHECKPOINTS = TOPICS[-1]
EVENTS = TOPICS[:-1]


class Cut(Protocol):
    """Tells which of a center's checkpoints are before it."""

    def before(
        self, partition: int, checkpoints: Iterable[tuple[int, Checkpoint]]
    ) -> tuple[int, Checkpoint] | None:
        """Give the last of a center's checkpoints, in order, that is before the cut."""

    def speaks_of(self, partition: int) -> bool:
        """Tell whether it says anything about a partition."""

    def described(self) -> object:
        """Give it as it can be kept and compared."""


@dataclass(frozen=True, slots=True)
class Moment:
    """A moment of the sources' clocks.

    What is before it are a center's checkpoints up to the last whole one captured by then: a slice
    of a large read carries the moment of the read before it.
    """

    at: datetime

    def before(
        self, partition: int, checkpoints: Iterable[tuple[int, Checkpoint]]
    ) -> tuple[int, Checkpoint] | None:
        del partition
        last = None
        for offset, checkpoint in checkpoints:
            if checkpoint.captured_at <= self.at and not checkpoint.partial:
                last = offset, checkpoint
        return last

    def speaks_of(self, partition: int) -> bool:
        del partition
        return True

    def described(self) -> object:
        return dates.utc(self.at)


@dataclass(frozen=True, slots=True)
class Positions:
    """Offsets by topic and partition, each that of the first record that is after the cut.

    A checkpoint is before it with all that it covers, or it is after it.
    """

    offsets: Mapping[tuple[str, int], int]

    def before(
        self, partition: int, checkpoints: Iterable[tuple[int, Checkpoint]]
    ) -> tuple[int, Checkpoint] | None:
        ends = {topic: self.offsets.get((topic, partition)) for topic in TOPICS}
        last = None
        for offset, checkpoint in checkpoints:
            for topic, reached in (*covers(partition, checkpoint), (CHECKPOINTS, offset)):
                end = ends[topic]
                if end is not None and reached >= end:
                    return last
            last = offset, checkpoint
        return last

    def speaks_of(self, partition: int) -> bool:
        return any(number == partition for _, number in self.offsets)

    def described(self) -> object:
        return sorted(f"{topic}:{number}:{at}" for (topic, number), at in self.offsets.items())


def covers(partition: int, checkpoint: Checkpoint) -> Iterator[tuple[str, int]]:
    """Give the last offset of each topic that a checkpoint covers."""
    for at in checkpoint.offsets:
        if at.partition == partition and at.topic in EVENTS:
            yield at.topic, at.offset


@dataclass(frozen=True, slots=True)
class Phase:
    """How far one partition is read: up to `ends`, and of each center up to a checkpoint."""

    ends: Mapping[str, int]
    limits: Mapping[str, int] | None = None
    """By center the offset of the first checkpoint that is not applied; None: all are."""
    last: Mapping[str, Mapping[str, int]] = field(default_factory=dict)
    """By center and topic the offset of its last event, where limits are of a past."""


@dataclass(frozen=True, slots=True)
class Before:
    """What of a partition is before a cut."""

    phase: Phase
    captured_at: Mapping[str, datetime]
    """By center, of its last checkpoint before the cut."""


def until(
    cut: Cut,
    partition: int,
    checkpoints: Mapping[str, list[tuple[int, Checkpoint]]],
    end: int,
) -> Before:
    """Give what of a partition is before a cut; its checkpoints, by center, end at `end`."""
    ends = dict.fromkeys(TOPICS, 0)
    limits: dict[str, int] = {}
    events: dict[str, dict[str, int]] = {}
    captured_at: dict[str, datetime] = {}
    for center, known in checkpoints.items():
        last = cut.before(partition, known)
        if last is None:
            limits[center] = known[0][0]
            continue
        offset, checkpoint = last
        limits[center] = next((at for at, _ in known if at > offset), end)
        captured_at[center] = checkpoint.captured_at
        ends[CHECKPOINTS] = max(ends[CHECKPOINTS], offset + 1)
        events[center] = dict(covers(partition, checkpoint))
        for topic, reached in events[center].items():
            ends[topic] = max(ends[topic], reached + 1)
    return Before(Phase(ends, limits, events), captured_at)
