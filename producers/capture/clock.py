"""The source's clock: its time, its version, and what each tracked table is."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from producers.canonical import TRACKED
from schemas.records import TablePosition

if TYPE_CHECKING:
    import pyodbc

__all__ = ["Clock", "TableClock", "read"]


@dataclass(frozen=True, slots=True)
class TableClock:
    """What a table is now; None where it is not there, not tracked, or the right is missing."""

    table: str
    object_id: int | None
    begin_version: int | None
    min_valid: int | None


@dataclass(frozen=True, slots=True)
class Clock:
    captured_at: datetime
    version: int | None
    tables: tuple[TableClock, ...]

    def positions(self) -> tuple[TablePosition, ...]:
        """Give what a checkpoint keeps of the tables."""
        return tuple(
            TablePosition(table.table, table.object_id or 0, table.begin_version)
            for table in self.tables
        )


def read(cursor: pyodbc.Cursor) -> Clock:
    """Give what the statement that was executed says first: where the source stands."""
    captured_at, version, *facts = cursor.fetchone()
    cursor.nextset()
    return Clock(
        captured_at=captured_at.replace(tzinfo=UTC),
        version=version,
        tables=tuple(
            TableClock(table, *facts[3 * at : 3 * at + 3]) for at, table in enumerate(TRACKED)
        ),
    )
