"""A session's transaction in one database: when it begins, waits, steps aside and ends.

SQLite lets one connection write at a time. So that two writers on different rows overlap, a
transaction that is idle between its statements steps aside when another wants to write: its
changes are kept as changesets, SQLite's transaction is rolled back, and before its next
statement it takes its turn again and the changesets are applied. The keys in them are its row
locks meanwhile.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import apsw

from deploy.local.sqlserver import change_tracking
from deploy.local.sqlserver.collation import sort_key
from deploy.local.sqlserver.database import Database
from deploy.local.sqlserver.errors import SqlError

Key = tuple[str, tuple[object, ...]]

_LOOK_AGAIN = 0.05
_ROWID = 2  # SQLITE_SESSION_OBJCONFIG_ROWID


def deadlock(spid: int) -> SqlError:
    return SqlError(
        1205,
        f"Transaction (Process ID {spid}) was deadlocked on lock resources with another process "
        "and has been chosen as the deadlock victim. Rerun the transaction.",
        severity=13,
        state=51,
    )


def timed_out() -> SqlError:
    return SqlError(1222, "Lock request time out period exceeded.", state=51)


def conflict(table: str, database: str) -> SqlError:
    return SqlError(
        3960,
        "Snapshot isolation transaction aborted due to update conflict. You cannot use snapshot "
        f"isolation to access table '{table}' directly or indirectly in database '{database}' to "
        "update, delete, or insert the row that has been modified or deleted by another "
        "transaction. Retry the transaction or change the isolation level for the update/delete "
        "statement.",
        state=2,
    )


def keys_of(changeset: bytes) -> set[Key]:
    """Return the keys of the rows that a changeset touches; notes of change tracking left out."""
    found: set[Key] = set()
    for change in apsw.Changeset.iter(changeset):
        if not change.name.startswith("t"):
            continue
        for row in (change.old, change.new):
            if row is None:
                continue
            key = tuple(_folded(row[number]) for number in sorted(change.pk_columns))
            if apsw.no_change not in key:
                found.add((change.name, key))
    return found


def _folded(value: object) -> object:
    return sort_key(value) if isinstance(value, str) else value


class Work:
    """The transaction that a session has, or could have, open in one database."""

    def __init__(self, database: Database, db: apsw.Connection, spid: int) -> None:
        self.database = database
        self.db = db
        self.spid = spid
        self.reading = False
        self.writing = False
        self.aside = False
        self.idle = False
        self.wrote = False
        self.stays = False
        self.seen_commits = -1
        self.waits_for: Work | None = None
        self.locks: set[Key] = set()
        self.snapshot = False
        self.missed: list[bytes] = []
        self._missed_keys: set[Key] = set()
        self.failed: SqlError | None = None
        self._segments: list[tuple[str | None, bytes]] = []
        self._savepoints: list[str] = []
        self._recording: apsw.Session | None = None
        self._serial = 0

    @property
    def active(self) -> bool:
        return self.reading or self.writing or self.aside

    # Beginning.
    def read(self) -> None:
        """Begin to read: everything until the end is seen as of now."""
        if self.active:
            return
        with self.database.turn:
            self.db.execute("BEGIN")
            # SQLite's snapshot begins with the first row that is read, not with BEGIN.
            self.db.execute("SELECT 1 FROM meta_options LIMIT 1").fetchall()
            self.reading = True
            self._watch()

    def _watch(self) -> None:
        """From now on remember what others change. `turn` is held by the caller."""
        self.snapshot = True
        self.seen_commits = self.database.commits
        self.database.snapshots.append(self)

    def write(self, wait: Callable[[float], None], *, snapshot: bool = False) -> None:
        """Take the database's one turn to write.

        It waits for a statement that runs, not for idle transactions: they step aside. A snapshot
        that others have written after sees from now on what is there now.
        """
        if self.writing:
            return
        self.take_turn(wait)
        if self.reading and self.seen_commits != self.database.commits:
            self.db.execute("COMMIT")
            self.reading = False
        if not self.reading:
            self.db.execute("BEGIN")
        self.reading = False
        self.writing = True
        if snapshot and not self.snapshot:
            with self.database.turn:
                self._watch()
        for name in self._savepoints:
            self._segments.append((name, b""))
            self.db.execute(f"SAVEPOINT {name}")
        self._record()

    def take_turn(self, wait: Callable[[float], None]) -> None:
        started = time.monotonic()
        with self.database.turn:
            while (holder := self.database.writer) is not None and holder is not self:
                if holder.idle and not holder.stays:
                    holder.step_aside()
                    continue
                self.database.turn.wait(_LOOK_AGAIN)
                wait(time.monotonic() - started)
            self.database.writer = self

    def _record(self) -> None:
        session = apsw.Session(self.db, "main")
        session.attach()
        self._recording = session

    # Between statements.
    def rest(self) -> None:
        """Tell that no statement runs: from now on others may set this transaction aside."""
        if self.writing:
            with self.database.turn:
                self.idle = True
                self.database.turn.notify_all()

    def resume(self, wait: Callable[[float], None]) -> None:
        """Before a statement: not idle any more, and back where it was if it stepped aside."""
        if not (self.idle or self.aside):
            return
        with self.database.turn:
            self.idle = False
            if self.failed is not None:
                raise self.failed
        if self.aside:
            self._come_back(wait)

    def step_aside(self) -> None:
        """Keep the changes in memory and let another one write. `turn` is held by the caller."""
        self._segments.append((None, self._recorded()))
        self.locks = set()
        for _, changeset in self._segments:
            self.locks |= keys_of(changeset)
        self.db.execute("ROLLBACK")
        self.writing = False
        self.aside = True
        self.idle = False
        self.database.parked.append(self)
        self._give_turn()

    def _recorded(self) -> bytes:
        session = self._recording
        if session is None:
            return b""
        changeset = session.changeset()
        session.close()
        self._recording = None
        return changeset

    def _give_turn(self) -> None:
        with self.database.turn:
            if self.database.writer is self:
                self.database.writer = None
            self.database.turn.notify_all()

    def _come_back(self, wait: Callable[[float], None]) -> None:
        self.take_turn(wait)
        with self.database.turn:
            self.database.parked.remove(self)
        self.locks = set()
        self.aside = False
        segments, self._segments = self._segments, []
        self.db.execute("BEGIN")
        self.writing = True
        self._record()
        with _untriggered(self.db):
            for name, changeset in segments:
                if changeset:
                    self._apply(changeset)
                if name is not None:
                    self.db.execute(f"SAVEPOINT {name}")
                    self._segments.append((name, self._recorded()))
                    self._record()

    def _apply(self, changeset: bytes) -> None:
        try:
            apsw.Changeset.apply(changeset, self.db)
        except apsw.AbortError:
            error = deadlock(self.spid)
        else:
            return
        self.rollback()
        raise error

    # Locks on rows.
    def owner_of(self, keys: set[Key]) -> Work | None:
        """Return the transaction standing aside that has changed one of these rows."""
        with self.database.turn:
            for other in self.database.parked:
                if other is not self and not keys.isdisjoint(other.locks):
                    return other
        return None

    def wait_for(self, owner: Work, wait: Callable[[float], None]) -> None:
        """Wait until another transaction has ended; 1205 where it waits for this one."""
        started = time.monotonic()
        with self.database.turn:
            other: Work | None = owner
            while other is not None:
                other = other.waits_for
                if other is self:
                    raise deadlock(self.spid)
            self.waits_for = owner
            try:
                while owner.active:
                    self.database.turn.wait(_LOOK_AGAIN)
                    wait(time.monotonic() - started)
            finally:
                self.waits_for = None

    # Savepoints.
    def save(self) -> str:
        """Set a savepoint here; return the name that SQLite knows it by."""
        self._serial += 1
        name = f"p{self._serial}"
        if self.writing:
            self._segments.append((name, self._recorded()))
            self.db.execute(f"SAVEPOINT {name}")
            self._record()
        self._savepoints.append(name)
        return name

    def rollback_to(self, name: str) -> None:
        """Undo what was done since a savepoint; it stays."""
        position = self._savepoints.index(name)
        del self._savepoints[position + 1 :]
        if not self.writing:
            return
        self.db.execute(f"ROLLBACK TO {name}")
        while self._segments and self._segments[-1][0] != name:
            self._segments.pop()
        self._recorded()
        self._record()

    # Ends.
    def commit(self, before: Callable[[], None] | None = None) -> None:
        """Make everything visible at once; a transaction that wrote gets its version first."""
        if self.writing and self.wrote:
            try:
                if before is not None:
                    before()
                change_tracking.stamp(self.db)
                with self.database.turn:
                    self._tell_snapshots()
                    self._stop_recording()
                    self.db.execute("COMMIT")
                    self.database.commits += 1
            except BaseException:
                self.rollback()
                raise
        elif self.reading or self.writing:
            self._stop_recording()
            self.db.execute("COMMIT")
        self._ended()

    def _tell_snapshots(self) -> None:
        """Leave the changes with every snapshot that began before. `turn` is held."""
        others = [other for other in self.database.snapshots if other is not self]
        if not others:
            return
        changesets = [changeset for _, changeset in self._segments]
        if self._recording is not None:
            changesets.append(self._recording.changeset())
        for other in others:
            other.missed.extend(changesets)

    def refuses(self, keys: set[Key]) -> bool:
        """Whether rows that this snapshot wrote were changed by others since it began."""
        while self.missed:
            self._missed_keys |= keys_of(self.missed.pop())
        return not keys.isdisjoint(self._missed_keys)

    @property
    def stale(self) -> bool:
        """Whether others have committed since this snapshot began."""
        return bool(self.missed or self._missed_keys)

    def rollback(self) -> None:
        self._stop_recording()
        if (self.reading or self.writing) and self.db.in_transaction:
            self.db.execute("ROLLBACK")
        self._ended()

    def _stop_recording(self) -> None:
        if self._recording is not None:
            self._recording.close()
            self._recording = None

    def _ended(self) -> None:
        with self.database.turn:
            if self.aside:
                self.database.parked.remove(self)
            if self.snapshot:
                self.database.snapshots.remove(self)
            self.reading = self.writing = self.aside = self.idle = False
            self.wrote = self.stays = self.snapshot = False
            self.locks = set()
            self.missed = []
            self._missed_keys = set()
            self.failed = None
            self._segments = []
            self._savepoints = []
            if self.database.writer is self:
                self.database.writer = None
            self.database.turn.notify_all()


@contextmanager
def _untriggered(db: apsw.Connection) -> Iterator[None]:
    """Apply changes without triggers: they bring their own notes along."""
    db.config(apsw.SQLITE_DBCONFIG_ENABLE_TRIGGER, 0)
    try:
        yield
    finally:
        db.config(apsw.SQLITE_DBCONFIG_ENABLE_TRIGGER, 1)


@contextmanager
def touched(db: apsw.Connection) -> Iterator[Callable[[], set[Key]]]:
    """Watch which rows are changed; the function tells their keys."""
    session = apsw.Session(db, "main")
    session.attach()
    try:
        yield lambda: keys_of(session.changeset())
    finally:
        session.close()
