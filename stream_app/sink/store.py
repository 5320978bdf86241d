"""The days of one partition of the unified topic, in one SQLite file.

Invariant 6: rows, the marks of days that changed, and the offset they reflect change in one
transaction. A mark is cleared by saying which change was written, so a change in the meantime
leaves the day marked.

One connection writes, under a lock. Files are made from another one, in a transaction of SQLite
that shows the state as it was when it began: records are taken meanwhile, without waiting for each
other. The log of changes can't shrink until then, so it grows by what comes in while a large day
is written.
"""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Iterable, Iterator
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from operator import itemgetter
from pathlib import Path
from typing import TYPE_CHECKING, Final

import orjson
import structlog

from schemas import dates
from stream_app.files.manifest import DataFile
from stream_app.sink import statements
from stream_app.sink.errors import StateDamaged, StateFailed

if TYPE_CHECKING:
    from stream_app.batches import Batch
    from stream_app.sink.rows import RowReader, Unusable

__all__ = ["Day", "DayRows", "Identity", "Store", "Taken", "View"]

# A day up to this size is read once for all its files, and held meanwhile.
HELD: Final = 20_000
FETCHED: Final = 1000
BEGIN: Final = "BEGIN IMMEDIATE"

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


@dataclass(frozen=True, slots=True)
class Day:
    """What the state knows of a day: its last change, and the files that were written of it."""

    day: date
    changed: int
    dirty: bool
    files: dict[str, DataFile] | None
    changed_at: datetime | None
    """When the last record of the day was published."""


class Store:
    """A partition's state; `take` may run in one thread while days are written in another."""

    def __init__(self, path: Path, identity: Identity, reader: RowReader, now: datetime) -> None:
        self.path = path
        self.identity = identity
        self._reader = reader
        self._lock = threading.Lock()
        with _explained(path):
            path.parent.mkdir(parents=True, exist_ok=True)
            if not (path.exists() and _usable(path, identity, now)):
                _remove(path)  # Its companions too, should they be left alone.
            self._connection = _connect(path)
            self._prepare(now)
            meta = dict(self._connection.execute(statements.META))
        self.position: int | None = meta.get("position")
        self.whole_from: int | None = meta.get("whole_from")

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
        with self._lock, _explained(self.path), self._transaction() as connection:
            if known:
                connection.executemany(statements.READABLE, known)
            connection.executemany(statements.PUT, sorted(changes.rows, key=itemgetter(0, 1, 2)))
            connection.executemany(statements.GONE, changes.gone + withdrawn)
            connection.executemany(statements.UNREADABLE, unreadable)
            connection.executemany(
                statements.MARK, [(day, end, at) for day, at in sorted(changes.days.items())]
            )
            self._note("position", end)
            self._note("used_at", dates.utc(now))
        self.position = end
        return Taken(
            position=end,
            days=tuple(date.fromordinal(day) for day in sorted(changes.days)),
            rows=len(changes.rows) + len(changes.gone),
            unusable=tuple(changes.unusable),
        )

    def dirty(self) -> list[date]:
        """Give the days that changed since they were written, the newest first."""
        with self._lock, _explained(self.path):
            found = self._connection.execute(statements.DIRTY).fetchall()
        return [date.fromordinal(day) for (day,) in found]

    def days(self) -> list[Day]:
        """Give every day that ever had a row, the newest first."""
        with self._lock, _explained(self.path):
            found = self._connection.execute(statements.DAYS).fetchall()
        return [_day(*row) for row in found]

    def written(self, day: date, changed: int, files: dict[str, DataFile]) -> None:
        """Note which change of a day its files show."""
        content = orjson.dumps(files).decode()
        with self._lock, _explained(self.path), self._transaction() as connection:
            connection.execute(statements.WRITTEN, (changed, content, day.toordinal()))

    def stale(self, days: Iterable[date]) -> None:
        """Mark days whose files are not what was written of them."""
        with self._lock, _explained(self.path), self._transaction() as connection:
            connection.executemany(statements.STALE, [(day.toordinal(),) for day in days])

    def settle(self) -> None:
        """Take all marks away: only what changes from now on is written."""
        with self._lock, _explained(self.path), self._transaction() as connection:
            connection.execute(statements.SETTLE)

    def hold_until(self, end: int) -> None:
        """Say from which position on a state that began empty shows whole days."""
        with self._lock, _explained(self.path):
            self._note("whole_from", end)
        self.whole_from = end

    @property
    def whole(self) -> bool:
        """Tell whether the state has all rows of its days, so that they may be written."""
        return self.whole_from is not None and (self.position or 0) >= self.whole_from

    def view(self) -> View:
        """Open a second connection, to read from in another thread."""
        with _explained(self.path):
            return View(self.path)

    def close(self) -> None:
        with self._lock, _explained(self.path):
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


class View:
    """Reads a state while it is written to; for one thread at a time."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._connection = _connect(path)
        self._connection.execute("PRAGMA query_only = 1")

    @contextmanager
    def snapshot(self) -> Iterator[int]:
        """Keep what is read as it is now; gives the position that it reflects."""
        with _explained(self._path):
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
        return None if row is None else _day(*row)

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
        with closing(self._connection.execute(statements.ROWS, (self._day.toordinal(),))) as rows:
            while found := rows.fetchmany(FETCHED):
                for (body,) in found:
                    yield body


def _connect(path: Path) -> sqlite3.Connection:
    connection = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
    connection.executescript(statements.PREPARE)
    return connection


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
    if why is not None:
        log.warning("state is made anew", path=str(path), why=why)
    return why is None


def _remove(path: Path) -> None:
    for suffix in ("", "-wal", "-shm"):
        path.with_name(path.name + suffix).unlink(missing_ok=True)


@contextmanager
def _explained(path: Path) -> Iterator[None]:
    try:
        yield
    except sqlite3.DatabaseError as error:
        if type(error) is sqlite3.DatabaseError:
            # It is no use any more; the next start finds none, and reads the topic again.
            with suppress(FileNotFoundError):
                path.replace(path.with_name(f"{path.name}.damaged"))
            raise StateDamaged(
                f"the state {path} is damaged: {error}",
                hint="start again: the state is made anew from the topic",
            ) from error
        raise _failed(path, error) from error
    except OSError as error:
        raise _failed(path, error) from error


def _failed(path: Path, error: Exception) -> StateFailed:
    return StateFailed(
        f"the state {path} can't be used: {error}",
        hint=f"make room on the disk of {path.parent}, and let this user write there",
    )


def _day(day: int, changed: int, written: int, files: str | None, at: int | None) -> Day:
    return Day(
        day=date.fromordinal(day),
        changed=changed,
        dirty=changed > written,
        files=None
        if files is None
        else {key: DataFile(**file) for key, file in orjson.loads(files).items()},
        changed_at=None if at is None else datetime.fromtimestamp(at / 1000, UTC),
    )
