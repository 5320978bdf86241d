"""The rows that are withdrawn now because they break a rule, counted in every checkpoint.

Each has a dead letter under its key in the center's partition of the dead letters; when a row
is repaired or deleted, a null value follows there. So the rows are known again after a
restart, for as long as that topic keeps its letters.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from producers.capture.events import Message
from schemas import topics

__all__ = ["Withdrawn"]


class Withdrawn:
    def __init__(self, rows: Iterable[tuple[str, bytes]] = ()) -> None:
        """Start with rows that are known to be withdrawn, each as table and key."""
        self._rows = set(rows)

    def __len__(self) -> int:
        return len(self._rows)

    @property
    def rows(self) -> frozenset[tuple[str, bytes]]:
        return frozenset(self._rows)

    def following(self, messages: Iterable[Message]) -> Iterator[Message]:
        """Give the messages, and after a row's own one the null value that ends its dead letter.

        A row that is refused again has a tombstone first, so its letter ends and comes anew.
        """
        for message in messages:
            yield message
            row = (message.table, message.key)
            if message.is_dead_letter:
                self._rows.add(row)
            elif row in self._rows:
                self._rows.discard(row)
                yield Message(
                    topics.DEAD_LETTERS.name,
                    message.key,
                    None,
                    (("table", message.table.encode()),),
                    message.table,
                    message.version,
                )
