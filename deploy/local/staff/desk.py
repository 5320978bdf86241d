"""The staff of one center: they do deeds in transactions and write down what was committed."""

from __future__ import annotations

import contextlib
import datetime as dt
import threading
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Final
from zoneinfo import ZoneInfo

import pyodbc

from deploy.local.practice import fillers, layout, people, statements
from deploy.local.practice.blueprint import Practice
from deploy.local.practice.dice import dice
from deploy.local.practice.loading import Connect
from deploy.local.staff import deeds
from deploy.local.staff.book import Book, Change, Deed, Image
from deploy.local.staff.journal import Intent, Journal

NEWEST = 2000
ZONE: Final = ZoneInfo("Europe/Berlin")
"""Where the practices are: their today is that of their own clocks, wherever they run."""


@dataclass(frozen=True, slots=True)
class Clock:
    """What the staff see on the wall, and what they write into the journal."""

    now: Callable[[], dt.datetime]

    def today(self) -> dt.date:
        return self.now().astimezone(ZONE).date()

    def stamp(self) -> str:
        return self.now().isoformat(timespec="microseconds").replace("+00:00", "Z")


class Desk:
    """One center's staff. Two transactions may be open at once: a short one and a long one.

    Commits of the center happen one at a time, so that the journal has them in the order of
    their versions. A commit whose answer got lost is settled before anything else is done.
    """

    def __init__(
        self, practice: Practice, connect: Connect, journal: Journal, clock: Clock, seed: int
    ) -> None:
        self.practice = practice
        self._connect = connect
        self._journal = journal
        self._clock = clock
        self._dice = dice(seed, practice.center_id, "staff")
        self._luck = dice(seed, practice.center_id, "extras")
        self._book: Book | None = None
        self._connections: list[pyodbc.Connection] = []
        self._since = 0
        self._mutex = threading.Lock()
        self._commits = threading.Lock()
        self._unsettled = [
            intent for intent in journal.unsettled if intent.center == practice.center_id
        ]

    def open(self) -> None:
        """Connect, settle what is open, and read the newest rows; does nothing when done."""
        with self._commits:
            self._settle_all()
            if self._book is None:
                with self._session() as connection:
                    self._since = _scalar(connection, statements.CURRENT_VERSION)
                    self._book = self._read(connection)

    def settle(self) -> None:
        """Find out of commits whose answer got lost whether they took place."""
        with self._commits:
            self._settle_all()

    def plan(self, maker: deeds.Maker = deeds.choose) -> Deed | None:
        """Choose what to do next and keep its rows from others; None where there is nothing."""
        book = self._opened()
        with self._mutex:
            for _ in range(20):
                work = deeds.Work(
                    book, self._dice, self._clock.today(), self.practice.traits.unicode
                )
                deed = maker(work)
                if deed is not None:
                    book.take(deed)
                    return deed
        return None

    def throw(self) -> float:
        with self._mutex:
            return self._dice.random()

    def perform(self, deed: Deed) -> None:
        """Do a planned deed in a transaction of its own."""
        with self.transaction(deed) as transaction:
            for change in deed.changes:
                transaction.write(change)
            transaction.commit()

    @contextlib.contextmanager
    def transaction(self, deed: Deed) -> Iterator[Transaction]:
        """Give an open transaction for a deed; without a commit it is rolled back."""
        book = self._opened()
        try:
            with self._session() as connection:
                yield Transaction(self, connection, deed)
        except LostRow as lost:
            with self._mutex:
                book.rows[lost.change.table].pop(lost.change.key, None)
            raise
        finally:
            with self._mutex:
                book.release(deed)

    def close(self) -> None:
        while self._connections:
            self._connections.pop().close()

    def commit(self, connection: pyodbc.Connection, deed: Deed) -> None:
        """Commit what was written for a deed, and write it down."""
        with self._commits:
            self._settle_all()
            intent = self._journal.intend(self.practice.center_id, self._since, deed)
            self._unsettled.append(intent)
            connection.commit()
            self._note(connection, intent)

    def _note(self, connection: pyodbc.Connection, intent: Intent) -> None:
        version = self._version(connection, intent)
        self._journal.committed(intent, version, self._clock.stamp())
        self._unsettled.remove(intent)
        self._since = max(self._since, version or 0)
        if self._book is not None:
            with self._mutex:
                self._book.apply(intent.deed)

    def _settle_all(self) -> None:
        if self._unsettled:
            with self._session() as connection:
                for intent in tuple(self._unsettled):
                    self._settle(connection, intent)

    def _settle(self, connection: pyodbc.Connection, intent: Intent) -> None:
        """Find out how a transaction ended: its rows are as intended, or as they were."""
        change = next(change for change in intent.deed.changes if change.table != layout.PATIENT)
        table = self.practice.table(change.table)
        with contextlib.closing(connection.cursor()) as cursor:
            cursor.execute(statements.one(self.practice, table), change.key)
            row = cursor.fetchone()
        found = None if row is None else self._image(change.table, tuple(row))
        if found == change.after:
            self._note(connection, intent)
        else:
            self._journal.undone(intent)
            self._unsettled.remove(intent)

    def _version(self, connection: pyodbc.Connection, intent: Intent) -> int | None:
        change = next(change for change in intent.deed.changes if change.table != layout.PATIENT)
        sql = statements.version_of(self.practice, self.practice.table(change.table))
        return _scalar(connection, sql, intent.since, change.key) or None

    @contextlib.contextmanager
    def _session(self) -> Iterator[pyodbc.Connection]:
        """Give a connection with nothing open in it; one that failed is not used again."""
        with self._mutex:
            connection = self._connections.pop() if self._connections else None
        if connection is None:
            connection = self._connect(self.practice.database)
            connection.autocommit = False
        try:
            yield connection
            connection.rollback()
        except BaseException:
            with contextlib.suppress(pyodbc.Error):
                # It is thrown away in any case, and the server rolls back what it held.
                connection.close()
            raise
        with self._mutex:
            self._connections.append(connection)

    def _read(self, connection: pyodbc.Connection) -> Book:
        rows: dict[str, list[Image]] = {}
        with contextlib.closing(connection.cursor()) as cursor:
            for role in layout.TRACKED:
                table = self.practice.table(role)
                cursor.execute(statements.recent(self.practice, table, NEWEST))
                found = [self._image(role, tuple(row)) for row in cursor.fetchall()]
                rows[role] = found[::-1]
            cursor.execute(statements.patients(self.practice, NEWEST))
            store = self.practice.table(layout.PATIENT).column("ID").store
            patients = [int(str(store.canonical(row[0]))) for row in cursor.fetchall()]
        return Book.of(rows, sorted(patients))

    def _image(self, role: str, row: Sequence[object]) -> Image:
        table = self.practice.table(role)
        names = [layout.split(spec)[0] for spec in layout.COLUMNS[role]]
        return {
            name: table.column(name).store.canonical(value)
            for name, value in zip(names, row, strict=True)
        }

    def _opened(self) -> Book:
        if self._book is None:
            raise RuntimeError("open the desk first")
        return self._book

    def extras(self, change: Change) -> dict[str, object]:
        """Give what a new row holds beside the canonical words; names of people are made here."""
        table = self.practice.table(change.table)
        with self._mutex:
            values = fillers.extras(self.practice, table, self._luck)
            if change.table == layout.PATIENT:
                name, first = people.person(self._luck, unicode=self.practice.traits.unicode)
                values[table.column("P_NAME").name] = name
                values[table.column("P_VORNAME").name] = first
        return values


class Transaction:
    """A transaction that is being written; `commit` writes it into the journal as well."""

    def __init__(self, desk: Desk, connection: pyodbc.Connection, deed: Deed) -> None:
        self._desk = desk
        self._connection = connection
        self._deed = deed

    def write(self, change: Change) -> None:
        """Insert, update or delete one row."""
        practice = self._desk.practice
        table = practice.table(change.table)
        key = table.column("ID").store.stored(change.key)
        with contextlib.closing(self._connection.cursor()) as cursor:
            if change.after is None:
                cursor.execute(statements.delete(practice, table), key)
            else:
                before = change.before or {}
                changed = {
                    table.column(role).name: table.column(role).store.stored(value)
                    for role, value in change.after.items()
                    if change.before is None or before[role] != value
                }
                if change.before is None:
                    changed |= self._desk.extras(change)
                    sql = statements.insert(practice, table, list(changed))
                    cursor.execute(sql, list(changed.values()))
                else:
                    sql = statements.update(practice, table, changed)
                    cursor.execute(sql, [*changed.values(), key])
            if cursor.rowcount != 1:
                raise LostRow(practice.center_id, change)

    def commit(self) -> None:
        self._desk.commit(self._connection, self._deed)


class LostRow(Exception):
    """A row that the book knows is gone: somebody else works in the same database."""

    def __init__(self, center: str, change: Change) -> None:
        super().__init__(f"{center}: {change.table} {change.key} is not there")
        self.change = change


def _scalar(connection: pyodbc.Connection, sql: str, *parameters: object) -> int:
    with contextlib.closing(connection.cursor()) as cursor:
        cursor.execute(sql, *parameters)
        row = cursor.fetchone()
    return int(row[0]) if row is not None and row[0] is not None else 0
