"""The centers of one source partition: what each is called, and how far it is applied."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from schemas.records import Checkpoint
from stream_app.join.outbox import Applied
from stream_app.join.state import EPOCH, MICROSECOND, moment
from stream_app.join.waiting import CHECKPOINTS

__all__ = ["Center", "Centers"]


@dataclass(slots=True)
class Center:
    """A center's place in the state; `whole` means that its rows may be published."""

    num: int
    id: str
    name: str
    whole: bool
    revision: int = -1
    checkpoint: Applied | None = None
    applied: dict[str, int] = field(default_factory=dict)
    """Per topic the offset up to which events are applied."""
    reached: dict[str, int] = field(default_factory=dict)
    """Per topic the offset of the last usable event among them."""
    covered: dict[str, int] = field(default_factory=dict)
    """Per topic where the applied checkpoint says that events end."""

    def reach(self, offset: int, checkpoint: Checkpoint, covers: Mapping[str, int]) -> None:
        """Move to a checkpoint."""
        self.checkpoint = Applied(
            offset=offset,
            version=checkpoint.version,
            captured_at=checkpoint.captured_at,
            partial=checkpoint.partial,
            snapshot=checkpoint.snapshot is not None,
            dead_letters=checkpoint.dead_letters,
        )
        self.covered.update(covers)
        self.pass_over({CHECKPOINTS: offset, **covers})

    def pass_over(self, offsets: Mapping[str, int]) -> None:
        """Remember up to where events are applied."""
        _raise(self.applied, offsets)

    def took(self, topic: str, usable: int) -> None:
        """Remember the last usable event of a topic."""
        _raise(self.reached, {topic: usable})

    @property
    def is_covered(self) -> bool:
        """Tell whether no event is applied that the checkpoint does not cover.

        What can't be used may have come from anybody, and no checkpoint may ever speak of it.
        """
        return self.checkpoint is not None and all(
            offset <= self.covered.get(topic, -1) for topic, offset in self.reached.items()
        )

    def next_revision(self) -> int:
        """Move to a revision above all that the center's rows have had."""
        at = 0 if self.checkpoint is None else self.checkpoint.offset
        self.revision = max(self.revision + 1, at)
        return self.revision


def _raise(known: dict[str, int], offsets: Mapping[str, int]) -> None:
    for topic, offset in offsets.items():
        known[topic] = max(offset, known.get(topic, -1))


class Centers:
    """All centers that the state has rows of, by id and by number."""

    def __init__(self, connection: sqlite3.Connection, names: Mapping[str, str]) -> None:
        self._connection = connection
        self._names = names
        self._by_id: dict[str, Center] = {}
        self.by_num: dict[int, Center] = {}
        self._load()

    def __iter__(self) -> Iterator[Center]:
        return iter(self._by_id.values())

    def get(self, id_: str, *, whole: bool) -> Center:
        """Give a center, which is `whole` or not if it is new."""
        found = self._by_id.get(id_)
        if found is None:
            found = Center(len(self.by_num) + 1, id_, self._names.get(id_, id_), whole)
            self._by_id[id_] = self.by_num[found.num] = found
            self.save(found)
        return found

    def configured(self, center: Center) -> bool:
        return center.id in self._names

    def save(self, center: Center) -> None:
        """Write a center down, inside a transaction."""
        at = center.checkpoint
        position = (
            (None,) * 6
            if at is None
            else (
                at.offset,
                at.version,
                (at.captured_at - EPOCH) // MICROSECOND,
                at.partial,
                at.snapshot,
                at.dead_letters,
            )
        )
        self._connection.execute(
            "INSERT OR REPLACE INTO center VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
            (center.num, center.id, center.name, center.whole, center.revision, *position),
        )
        self._connection.executemany(
            "INSERT OR REPLACE INTO applied VALUES (?, ?, ?, ?, ?)",
            [
                (center.num, topic, offset, center.reached.get(topic), center.covered.get(topic))
                for topic, offset in center.applied.items()
            ],
        )

    def _load(self) -> None:
        for row in self._connection.execute("SELECT * FROM center"):
            num, id_, name, whole, revision, offset, version, captured_at, *rest = row
            center = Center(num, id_, name, bool(whole), revision)
            if offset is not None:
                partial, snapshot, dead_letters = rest
                center.checkpoint = Applied(
                    offset,
                    version,
                    moment(captured_at),
                    bool(partial),
                    bool(snapshot),
                    dead_letters,
                )
            self._by_id[id_] = self.by_num[num] = center
        for num, topic, *offsets in self._connection.execute("SELECT * FROM applied"):
            center = self.by_num[num]
            for known, offset in zip(
                (center.applied, center.reached, center.covered), offsets, strict=True
            ):
                if offset is not None:
                    known[topic] = offset
