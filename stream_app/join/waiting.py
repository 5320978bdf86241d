"""Whole source transactions: events wait in memory until a checkpoint covers them.

The topics arrive separately. A checkpoint says where its center's events end in each topic;
when every topic has been read beyond that, all of them are at hand, and are applied together
(invariant 2). Nothing here is kept: what waits is read again after a restart, which is why the
offset to store is the lowest that still waits.
"""

from __future__ import annotations

from bisect import bisect_right
from collections import deque
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from itertools import takewhile
from operator import itemgetter
from typing import TYPE_CHECKING, Any, Final, TypeAlias

from schemas import topics
from schemas.errors import SkipRecord
from schemas.records import Checkpoint
from stream_app.join.contract import TOPICS
from stream_app.join.tables import key_of

if TYPE_CHECKING:
    from stream_app.batches import Batch

__all__ = [
    "CHECKPOINTS",
    "LONGEST_KEY",
    "NOWHERE",
    "Content",
    "Event",
    "Key",
    "Read",
    "Step",
    "Unusable",
    "Waiting",
]

Key: TypeAlias = int | str
Content: TypeAlias = tuple[Any, ...]
Event: TypeAlias = tuple[int, Key, Content | None, int]
"""Offset, the row's key in its center, what it is now (None: withdrawn), and its size.

Only a tombstone has no size: what is withdrawn and has one can't be used.
"""
Read: TypeAlias = Callable[[str, bytes, bytes], Content]
"""Makes a row's content, its id first, of its center, its key's end and a value.

It raises SkipRecord where the value is no record, or not that row's.
"""
Covering: TypeAlias = tuple[int, Checkpoint]
"""A checkpoint and its own offset."""

CHECKPOINTS: Final = topics.CHECKPOINTS.name
EVENTS: Final = TOPICS[:-1]
# Beyond this, topics that are ahead of the others pause.
MANY: Final = 5_000
MUCH: Final = 4_000_000
LONGEST_KEY: Final = 5_000
"""In bytes, far above what a database has for an id: with a longer one no tombstone may fit."""
OFFSET: Final = itemgetter(0)
NOWHERE: Final = -1


@dataclass(frozen=True, slots=True)
class Unusable:
    """A record that can't be used, with its center where the key names one.

    A unified row that can't be published is nowhere yet: its offset is NOWHERE.
    """

    topic: str
    offset: int
    key: bytes | None
    center: str | None
    reason: str


@dataclass(frozen=True, slots=True)
class Step:
    """What a center can apply now: the newest checkpoint that is covered, and events."""

    center: str
    checkpoint: Covering | None
    checkpoints: int
    """How many checkpoints are done with."""
    events: Mapping[str, list[Event]]


@dataclass(slots=True)
class Line:
    """What of one center waits, and up to where each topic is applied."""

    center: str
    applied: dict[str, int]
    events: dict[str, list[Event]] = field(default_factory=lambda: {name: [] for name in EVENTS})
    checkpoints: deque[Covering] = field(default_factory=deque)


class Waiting:
    """What was read from one source partition and is not applied."""

    def __init__(self, partition: int, positions: Mapping[str, int]) -> None:
        self._partition = partition
        self._lines: dict[bytes, Line] = {}
        self._bytes = 0
        self.count = 0
        self.positions = dict.fromkeys(TOPICS, 0) | dict(positions)

    def follow(self, center: str, applied: Mapping[str, int]) -> None:
        """Take up a center whose events are applied up to these offsets."""
        self._lines[center.encode()] = Line(center, dict(applied))

    def read(self, batch: Batch, read: Read) -> list[Unusable]:
        """Take in events, and give those that can't be used.

        What was read before, or is applied already, is passed over. When `read` raises something
        else than SkipRecord, all before that record is taken in.
        """
        topic, lines = batch.topic, self._lines
        begins = position = self.positions[topic]
        unusable: list[Unusable] = []
        count = size_of_all = 0
        try:
            for record in batch.records:
                offset = record.offset
                if offset < begins:
                    continue
                key, value = record.key, record.value
                center, _, row = (key or b"").partition(b"/")
                line = lines.get(center)
                if line is None:
                    line = self._line(center, row)
                if line is None or key is None or len(key) > LONGEST_KEY:
                    unusable.append(Unusable(topic, offset, key, None, "unusable-key"))
                    position = offset + 1
                    continue
                if offset <= line.applied.get(topic, -1):
                    continue
                content, size = None, 0
                if value is not None:
                    size = len(value) or 1
                    try:
                        content = read(line.center, row, value)
                    except SkipRecord as error:
                        unusable.append(Unusable(topic, offset, key, line.center, error.reason))
                named: Key = row.decode(errors="replace") if content is None else content[0]
                if type(named) is str:
                    named = key_of(named)
                line.events[topic].append((offset, named, content, size))
                position = offset + 1
                count += 1
                size_of_all += size
            position = max(position, batch.position)
        finally:
            self.positions[topic] = position
            self.count += count
            self._bytes += size_of_all
        return unusable

    def _line(self, center: bytes, row: bytes) -> Line | None:
        """Take up a center that is new, unless its name or the row can't be one."""
        try:
            name = center.decode()
        except UnicodeDecodeError:
            return None
        if not name or not row or len(center) > LONGEST_KEY:
            return None
        line = self._lines[center] = Line(name, {})
        return line

    def checkpoint(self, offset: int, checkpoint: Checkpoint) -> None:
        """Take in a checkpoint; the caller moves the position of its topic."""
        center = checkpoint.center_id.encode()
        line = self._lines.get(center)
        if line is None:
            line = self._lines[center] = Line(checkpoint.center_id, {})
        if offset > line.applied.get(CHECKPOINTS, -1):
            line.checkpoints.append((offset, checkpoint))
            self.count += 1

    def ready(self, ends: Mapping[str, int] | None) -> list[Step]:
        """Give what can be applied: what checkpoints cover, and all that is before `ends`."""
        return [
            step
            for line in self._lines.values()
            if line.checkpoints or ends
            for step in self._step(line, ends or {})
        ]

    def _step(self, line: Line, ends: Mapping[str, int]) -> Iterator[Step]:
        covered = list(takewhile(self._covered, line.checkpoints))
        limits = dict(self.covers(covered[-1][1])) if covered else {}
        events = {}
        for topic, waiting in line.events.items():
            limit = max(limits.get(topic, -1), ends.get(topic, 0) - 1)
            if waiting and waiting[0][0] <= limit:
                events[topic] = waiting[: bisect_right(waiting, limit, key=OFFSET)]
        if covered or events:
            yield Step(line.center, covered[-1] if covered else None, len(covered), events)

    def covers(self, checkpoint: Checkpoint) -> Iterator[tuple[str, int]]:
        """Give the last offset of each source topic that a checkpoint speaks of."""
        for end in checkpoint.offsets:
            if end.partition == self._partition and end.topic in EVENTS:
                yield end.topic, end.offset

    def _covered(self, covering: Covering) -> bool:
        return all(self.positions[topic] > offset for topic, offset in self.covers(covering[1]))

    def applied(self, step: Step, offsets: Mapping[str, int]) -> None:
        """Forget what a step was made of, now that it is applied up to `offsets`."""
        line = self._lines[step.center.encode()]
        line.applied.update(offsets)
        for _ in range(step.checkpoints):
            line.checkpoints.popleft()
        self.count -= step.checkpoints
        for topic, events in step.events.items():
            del line.events[topic][: len(events)]
            self.count -= len(events)
            self._bytes -= sum(size for _, _, _, size in events)

    def offsets(self, steps: list[Step]) -> dict[str, int]:
        """Give where to read each topic on once `steps` are applied."""
        found = dict(self.positions)
        done = {step.center: step for step in steps}
        for line in self._lines.values():
            step = done.get(line.center)
            for topic, events in line.events.items():
                first = len(step.events.get(topic, ())) if step else 0
                if first < len(events):
                    found[topic] = min(found[topic], events[first][0])
            first = step.checkpoints if step else 0
            if first < len(line.checkpoints):
                found[CHECKPOINTS] = min(found[CHECKPOINTS], line.checkpoints[first][0])
        return found

    def ahead(self) -> frozenset[str]:
        """Give the topics that may pause: much waits, and not for them."""
        if self.count < MANY and self._bytes < MUCH:
            return frozenset()
        needed = set()
        for line in self._lines.values():
            if line.checkpoints:
                missing = self.covers(line.checkpoints[0][1])
                needed |= {topic for topic, end in missing if self.positions[topic] <= end}
            elif any(line.events.values()):
                needed.add(CHECKPOINTS)
        return frozenset(TOPICS) - needed if needed else frozenset()
