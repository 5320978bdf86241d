"""What is read of a partition's days while records are taken in.

It has a connection of its own, in a transaction of SQLite that shows the state as it was when it
began: neither waits for the other. The log of changes can't shrink until then, so it grows by
what comes in while a large day is written.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Final

import orjson

from stream_app.files.manifest import DataFile
from stream_app.sink import statements
from stream_app.sink.database import connect, explained

__all__ = ["Day", "DayRows", "View", "day_of"]

# A day up to this size is read once for all its files, and held meanwhile.
HELD: Final = 20_000
FETCHED: Final = 1000
# A day is gone through once and is another when it comes again: keeping pages is no use.
CACHE: Final = 500
"""In KiB."""


@dataclass(frozen=True, slots=True)
class Day:
    """What the state knows of a day: its last change, and the files that were written of it."""

    day: date
    changed: int
    dirty: bool
    files: dict[str, DataFile] | None
    changed_at: datetime | None
    """When the last record of the day was published."""


def day_of(day: int, changed: int, written: int, files: str | None, at: int | None) -> Day:
    """Give a row of the days as what it says."""
    return Day(
        day=date.fromordinal(day),
        changed=changed,
        dirty=changed > written,
        files=None
        if files is None
        else {key: DataFile(**file) for key, file in orjson.loads(files).items()},
        changed_at=None if at is None else datetime.fromtimestamp(at / 1000, UTC),
    )


class View:
    """Reads a state while it is written to; for one thread at a time."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._connection = connect(path, CACHE)
        self._connection.execute("PRAGMA query_only = 1")

    @contextmanager
    def snapshot(self) -> Iterator[int]:
        """Keep what is read as it is now; gives the position that it reflects."""
        with explained(self._path):
            self._connection.execute("BEGIN")
            try:
                row = self._connection.execute(
                    "SELECT value FROM meta WHERE key = 'position'"
                ).fetchone()
                yield row[0] if row else 0
            finally:
                if self._connection.in_transaction:
                    self._connection.execute("ROLLBACK")

    def day(self, day: date) -> Day | None:
        """Give what is known of a day."""
        row = self._connection.execute(statements.DAY, (day.toordinal(),)).fetchone()
        return None if row is None else day_of(*row)

    def counts(self, day: date) -> dict[str, int]:
        """Count a day's rows by center."""
        return dict(self._connection.execute(statements.COUNTS, (day.toordinal(),)))

    def unusable(self, day: date) -> dict[str, int]:
        """Count a day's rows that are withdrawn, their record being unusable, by center."""
        return dict(self._connection.execute(statements.UNUSABLE, (day.toordinal(),)))

    def center_name(self, day: date, center: str) -> str:
        """Give a center's name as a row of the day has it."""
        row = self._connection.execute(statements.NAME, (day.toordinal(), center)).fetchone()
        return center if row is None else str(orjson.loads(row[0])["center_name"])

    def rows(self, day: date, count: int) -> DayRows:
        """Give a day's rows in the order of files; `count` is how many there are."""
        return DayRows(self._connection, day, count)

    def center_rows(self, day: date, center: str) -> Iterator[bytes]:
        """Give a center's rows of a day in the order of files."""
        return _bodies(self._connection, statements.CENTER_ROWS, (day.toordinal(), center))

    def close(self) -> None:
        self._connection.close()


class DayRows:
    """A day's rows, read as often as they are gone through; a usual day is held in memory."""

    def __init__(self, connection: sqlite3.Connection, day: date, count: int) -> None:
        self._connection = connection
        self._day = day
        self._count = count
        self._held: list[bytes] | None = list(self._read()) if count <= HELD else None

    def __len__(self) -> int:
        return self._count

    def __iter__(self) -> Iterator[bytes]:
        return self._read() if self._held is None else iter(self._held)

    def _read(self) -> Iterator[bytes]:
        return _bodies(self._connection, statements.ROWS, (self._day.toordinal(),))


def _bodies(
    connection: sqlite3.Connection, statement: str, of: tuple[int | str, ...]
) -> Iterator[bytes]:
    with closing(connection.execute(statement, of)) as rows:
        while found := rows.fetchmany(FETCHED):
            for (body,) in found:
                yield body
