"""The days of one partition of the unified topic, in one SQLite file.

Invariant 6: rows, the marks of days that changed, the dead letters that are due, and the offset
they reflect change in one transaction. A mark is cleared by saying which change was written, so a
change in the meantime leaves the day marked.

One connection writes, under a lock; files are made from a view (see `view`).
"""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Iterable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from operator import itemgetter
from pathlib import Path
from typing import TYPE_CHECKING, Final

import orjson
import structlog

from schemas import dates
from stream_app.files.manifest import DataFile
from stream_app.many import put
from stream_app.sink import statements
from stream_app.sink.database import connect, explained
from stream_app.sink.rows import refuse
from stream_app.sink.view import Day, View, day_of
from stream_app.states import AHEAD

if TYPE_CHECKING:
    from stream_app.batches import Batch
    from stream_app.sink.rows import RowReader, Unusable

__all__ = ["Identity", "Store", "Taken"]

BEGIN: Final = "BEGIN IMMEDIATE"
LETTERS_AT_ONCE: Final = 1000
LONGEST_KEY: Final = 1000
"""Of what is kept for a dead letter, which has the beginning of the key."""

log = structlog.get_logger("chartfeed.sink")


@dataclass(frozen=True, slots=True)
class Identity:
    """What a state belongs to; one of another topic, or left alone for too long, is made anew."""

    partition: int
    topic_id: str
    longest_rest: timedelta


@dataclass(frozen=True, slots=True)
class Taken:
    """What a transaction took in."""

    position: int
    days: tuple[date, ...]
    rows: int
    unusable: tuple[Unusable, ...] = ()


class Store:
    """A partition's state; `take` may run in one thread while days are written in another."""

    def __init__(
        self, path: Path, identity: Identity, reader: RowReader, now: datetime, *, end: int = 0
    ) -> None:
        """Open a state; from the `end` on it shows all that others may have written of its days.

        One that begins empty has less before, and one that another worker has gone on from has
        older rows.
        """
        self.path = path
        self.identity = identity
        self._reader = reader
        self._lock = threading.Lock()
        with explained(path):
            path.parent.mkdir(parents=True, exist_ok=True)
            if not (path.exists() and _usable(path, identity, now)):
                _remove(path)  # Its companions too, should they be left alone.
            self._connection = connect(path)
            self._prepare(now)
            meta = dict(self._connection.execute(statements.META))
        self.position: int | None = meta.get("position")
        self._end = end
        self._letters = True
        """Whether any may be due: a query for each take is spared."""

    def _prepare(self, now: datetime) -> None:
        if self._connection.execute("SELECT count(*) FROM sqlite_master").fetchone()[0]:
            self._note("used_at", dates.utc(now))
            return
        with self._transaction():
            for statement in statements.SCHEMA.split(";"):
                self._connection.execute(statement)
            self._note("format", statements.FORMAT)
            self._note("topic_id", self.identity.topic_id)
            self._note("used_at", dates.utc(now))

    def take(self, batches: Iterable[Batch], now: datetime) -> Taken:
        """Take in records and move to the position behind them, in one transaction.

        What lies before the position was taken already and is passed over.
        """
        position = self.position or 0
        records = []
        end = position
        for batch in batches:
            records += [record for record in batch.records if record.offset >= position]
            end = max(end, batch.position)
        changes = self._reader.changes(self.identity.partition, records)
        withdrawn = [found.place for found in changes.unusable if found.place is not None]
        known = [row[:3] for row in changes.rows] + changes.gone
        unreadable = [
            (*found.place, found.reason) for found in changes.unusable if found.place is not None
        ]
        letters = [
            (found.offset, found.key and found.key[:LONGEST_KEY], found.reason)
            for found in changes.unusable
        ]
        with self._lock, explained(self.path), self._transaction() as connection:
            if known and connection.execute(statements.ANY_UNUSABLE).fetchone()[0]:
                connection.executemany(statements.READABLE, known)
            put(connection, statements.PUT, sorted(changes.rows, key=itemgetter(0, 1, 2)))
            connection.executemany(statements.GONE, changes.gone + withdrawn)
            connection.executemany(statements.UNREADABLE, unreadable)
            connection.executemany(statements.LETTER, letters)
            connection.executemany(
                statements.MARK, [(day, end, at) for day, at in sorted(changes.days.items())]
            )
            self._note("position", end)
            self._note("used_at", dates.utc(now))
        self.position = end
        self._letters = self._letters or bool(letters)
        return Taken(
            position=end,
            days=tuple(date.fromordinal(day) for day in sorted(changes.days)),
            rows=len(changes.rows) + len(changes.gone),
            unusable=tuple(changes.unusable),
        )

    def unburied(self) -> list[Unusable]:
        """Give what could not be used and is not said to be `buried`, the first of it."""
        if not self._letters:
            return []
        with self._lock, explained(self.path):
            found = self._connection.execute(statements.UNBURIED, (LETTERS_AT_ONCE,)).fetchall()
        self._letters = bool(found)
        return [refuse(self.identity.partition, *row) for row in found]

    def buried(self, through: int) -> None:
        """Note that the dead letters up to an offset are where they belong."""
        with self._lock, explained(self.path):
            self._connection.execute(statements.BURIED, (through,))

    def dirty(self) -> list[date]:
        """Give the days that changed since they were written, the newest first."""
        with self._lock, explained(self.path):
            found = self._connection.execute(statements.DIRTY).fetchall()
        return [date.fromordinal(day) for (day,) in found]

    def days(self) -> list[Day]:
        """Give every day that ever had a row, the newest first."""
        with self._lock, explained(self.path):
            found = self._connection.execute(statements.DAYS).fetchall()
        return [day_of(*row) for row in found]

    def written(self, day: date, changed: int, files: dict[str, DataFile]) -> None:
        """Note which change of a day its files show."""
        content = orjson.dumps(files).decode()
        with self._lock, explained(self.path), self._transaction() as connection:
            connection.execute(statements.WRITTEN, (changed, content, day.toordinal()))

    def stale(self, days: Iterable[date]) -> None:
        """Mark days whose files are not what was written of them."""
        with self._lock, explained(self.path), self._transaction() as connection:
            connection.executemany(statements.STALE, [(day.toordinal(),) for day in days])

    def settle(self) -> None:
        """Take all marks away: only what changes from now on is written."""
        with self._lock, explained(self.path), self._transaction() as connection:
            connection.execute(statements.SETTLE)

    @property
    def whole(self) -> bool:
        """Tell whether the state has all that files may show, so that they may be written."""
        return (self.position or 0) >= self._end

    def view(self) -> View:
        """Open a second connection, to read from in another thread."""
        with explained(self.path):
            return View(self.path)

    def close(self) -> None:
        with self._lock, explained(self.path):
            self._connection.close()

    def _note(self, key: str, value: int | str) -> None:
        self._connection.execute(statements.NOTE, (key, value))

    @contextmanager
    def _transaction(self) -> Iterator[sqlite3.Connection]:
        self._connection.execute(BEGIN)
        try:
            yield self._connection
            self._connection.execute("COMMIT")
        except BaseException:
            # A full disk may have ended the transaction already.
            if self._connection.in_transaction:
                self._connection.execute("ROLLBACK")
            raise


def _usable(path: Path, identity: Identity, now: datetime) -> bool:
    try:
        with closing(sqlite3.connect(path)) as connection:
            meta = dict(connection.execute(statements.META))
    except sqlite3.DatabaseError:
        meta = {}
    why = None
    if meta.get("format") != statements.FORMAT:
        why = "its format is another one"
    elif meta["topic_id"] != identity.topic_id:
        why = "the topic was made anew"
    elif now - dates.moment(meta["used_at"]) > identity.longest_rest:
        why = "it was left alone for too long"
    elif dates.moment(meta["used_at"]) - now > AHEAD:
        why = "the clock is before its last use"
    if why is not None:
        log.warning("state is made anew", path=str(path), why=why)
    return why is None


def _remove(path: Path) -> None:
    for suffix in ("", "-wal", "-shm"):
        path.with_name(path.name + suffix).unlink(missing_ok=True)
