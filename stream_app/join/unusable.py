"""Records that could not be used, while they are the latest under their key."""

from __future__ import annotations

import sqlite3
from collections import Counter
from collections.abc import Iterable
from typing import Final

from schemas import topics
from stream_app.join.waiting import CHECKPOINTS, Unusable

__all__ = ["Withdrawn"]

UNIFIED: Final = topics.UNIFIED_ENTRIES.name


class Withdrawn:
    """Which keys are withdrawn: read at opening, written with what changes it."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection
        rows = connection.execute("SELECT topic, offset, key, center, reason FROM unusable")
        self._found = {(row[0], row[2]): Unusable(*row) for row in rows}
        self.per_center = Counter(found.center for found in self._found.values())
        self.rows = {key for topic, key in self._found if topic == UNIFIED}
        """Keys of unified rows that can't be published."""

    def add(self, unusable: Unusable) -> bool:
        """Note a record, and tell whether it was not known; it may be read more than once."""
        # Keys that name no row have nothing to withdraw: the last of them stands for all.
        at = (unusable.topic, (unusable.key or b"") if unusable.center is not None else b"")
        known = self._found.get(at)
        if known is None:
            self.per_center[unusable.center] += 1
        elif known.offset >= unusable.offset:
            return False
        self._found[at] = unusable
        if unusable.topic == UNIFIED:
            self.rows.add(at[1])
        self._connection.execute(
            "INSERT OR REPLACE INTO unusable (topic, key, center, offset, reason) "
            "VALUES (?, ?, ?, ?, ?)",
            (unusable.topic, at[1], unusable.center, unusable.offset, unusable.reason),
        )
        return True

    def seen(self, center: str, topic: str, events: Iterable[tuple[int, int | str]]) -> None:
        """Forget the keys that these events, by offset and key, say anew."""
        if not self._found:
            return
        for offset, key in events:
            self._forget(topic, f"{center}/{key}".encode(), offset)

    def publishable(self, key: bytes) -> None:
        """Forget a unified row that could not be published, for it is another one or gone."""
        if key in self.rows:
            self.rows.discard(key)
            self._forget(UNIFIED, key, 0)

    def compared(self, center: str) -> None:
        """Forget a center's unified rows, which are all looked at anew."""
        for key in [key for key in self.rows if self._found[UNIFIED, key].center == center]:
            self.publishable(key)

    def seen_checkpoint(self, center: str, offset: int) -> None:
        """Forget a checkpoint that could not be used, for there is a newer one."""
        self._forget(CHECKPOINTS, center.encode(), offset)

    def _forget(self, topic: str, key: bytes, offset: int) -> None:
        known = self._found.get((topic, key))
        if known is not None and known.offset < offset:
            del self._found[topic, key]
            self.per_center[known.center] -= 1
            self._connection.execute(
                "DELETE FROM unusable WHERE topic = ? AND key = ?", (topic, key)
            )
