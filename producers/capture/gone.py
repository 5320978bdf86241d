"""What is gone, and a resync deletes: keys that are published and have no live row any more."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from producers.canonical import TRACKED
from producers.capture.events import TABLES

if TYPE_CHECKING:
    from producers.capture.census import Census
    from producers.capture.events import Events
    from producers.capture.readback import Readback
    from producers.capture.source import Source
    from producers.rows import Rules

__all__ = ["Gone", "compare", "has_events"]


@dataclass(frozen=True, slots=True)
class Gone:
    """Per table the keys to delete, and how many are published."""

    keys: dict[str, frozenset[bytes]]
    published: dict[str, int]

    def beyond(self, guard: float) -> str | None:
        """Say which table would lose more than that share of its rows, None if none would."""
        for table, keys in self.keys.items():
            if len(keys) > guard * self.published[table]:
                return f"{len(keys)} of {self.published[table]} rows of {table}"
        return None


def has_events(census: Census, readback: Readback, center_id: str) -> bool:
    """Tell whether any row of the center is published."""
    if not census.has(center_id, readback):
        return False
    prefix = f"{center_id}/".encode()
    return any(any(readback.keys(topic, prefix).values()) for topic, _ in TABLES.values())


def compare(
    source: Source,
    readback: Readback,
    events: Events,
    rules: Rules,
    withdrawn: frozenset[tuple[str, bytes]],
) -> Gone:
    """Read all ids in one SNAPSHOT transaction, and all keys that are published.

    A withdrawn row is published no more, but its dead letter ends with the row.
    """
    prefix = f"{rules.center_id}/".encode()
    keys: dict[str, frozenset[bytes]] = {}
    published: dict[str, int] = {}
    for table, (topic, _) in TABLES.items():
        there = {key for (_, key), value in readback.keys(topic, prefix).items() if value}
        published[table] = len(there)
        keys[table] = frozenset(there | {key for name, key in withdrawn if name == table})
    with source.snapshot():
        for table in TRACKED:
            left = set(keys[table])
            for batch in source.ids(table):
                for id_, *flag in batch:
                    if not flag or rules.live[table](flag[0]):
                        left.discard(events.key(table, id_) or b"")
            keys[table] = frozenset(left)
    return Gone(keys, published)
