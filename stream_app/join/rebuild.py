"""What is published already, so that only the differences go out.

After a rebuild the state has rows and no memory of what was sent. unified-entries has it: each
row there is laid beside the state's, and where there is none, or its day is another, it goes.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable
from itertools import islice
from typing import TYPE_CHECKING, Final

from schemas import dates, topics
from stream_app.join import mirror, rows
from stream_app.join.tables import key_of

if TYPE_CHECKING:
    from schemas.records import UnifiedEntry
    from stream_app.join.centers import Center, Centers
    from stream_app.join.contract import Contract

__all__ = ["GHOSTS", "MATCH", "UNMATCH", "compare", "has_published", "load"]

MANY: Final = 20_000
PUT: Final = "INSERT OR REPLACE INTO published VALUES (?, ?, ?, ?)"
TAKE_OUT: Final = "DELETE FROM published WHERE center = ? AND key = ? AND day = ?"
UNMATCH: Final = """UPDATE entry SET digest = NULL
WHERE center = ? AND digest IS NOT NULL AND NOT EXISTS (
  SELECT 1 FROM published AS p
  WHERE p.center = entry.center AND p.key = entry.key AND p.day = entry.day
)"""
MATCH: Final = """UPDATE entry SET digest = p.digest FROM published AS p
WHERE p.center = ? AND entry.center = p.center AND entry.key = p.key AND entry.day = p.day
  AND entry.digest IS NOT p.digest"""
GHOSTS: Final = """INSERT OR IGNORE INTO gone
SELECT p.center, p.key, p.day FROM published AS p
WHERE p.center = ? AND NOT EXISTS (
  SELECT 1 FROM entry AS e
  WHERE e.center = p.center AND e.key = p.key AND e.day = p.day
)"""

Place = tuple[int, int | str, int]


def load(
    connection: sqlite3.Connection,
    contract: Contract,
    centers: Centers,
    published: Iterable[tuple[bytes, UnifiedEntry | None]],
) -> None:
    """Take in what is published of this partition's centers, the latest under each key."""
    connection.execute("DELETE FROM published")
    ours: dict[str, bool] = {}
    found = iter(published)
    while some := list(islice(found, MANY)):
        latest: dict[Place, bytes | None] = {}
        for key, row in some:
            parts = key.decode(errors="replace").split("/", 2)
            if len(parts) < 3:
                continue
            day, center_id, row_id = parts
            if center_id not in ours:
                at = topics.partition_of_center(center_id, contract.partitions)
                ours[center_id] = at == contract.partition
            if not ours[center_id]:
                continue
            try:
                ordinal = dates.iso(day).toordinal()
            except ValueError:
                continue  # No key of ours, so nothing that we could have sent.
            center = centers.get(center_id, whole=False)
            place = (center.num, key_of(row_id), ordinal)
            latest[place] = None if row is None else rows.digest(rows.content_of(row))
            if row is not None:
                center.revision = max(center.revision, row.revision)
                if not centers.configured(center):
                    center.name = row.center_name
        connection.executemany(TAKE_OUT, (at for at, now in latest.items() if now is None))
        connection.executemany(PUT, ((*at, now) for at, now in latest.items() if now is not None))


def has_published(connection: sqlite3.Connection, center: Center) -> bool:
    """Tell whether a center has published rows that are not compared yet."""
    (found,) = connection.execute(
        "SELECT EXISTS (SELECT 1 FROM published WHERE center = ?)", (center.num,)
    ).fetchone()
    return bool(found)


def compare(connection: sqlite3.Connection, center: Center) -> None:
    """Touch all rows of a center, knowing what of each is published."""
    for statement in (UNMATCH, MATCH, GHOSTS):
        connection.execute(statement, (center.num,))
    connection.execute("DELETE FROM published WHERE center = ?", (center.num,))
    mirror.touch_center(connection, center.num)
