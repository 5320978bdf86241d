"""A center's database on one connection: its clock, its identity, its changes and its rows.

Used by one thread. Every statement is prepared once and kept by its text.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from datetime import datetime, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING, Any, Final
from uuid import UUID

import pyodbc

from producers.canonical import TRACKED
from producers.capture import clock, statements
from producers.capture.errors import NotTracked
from producers.connection import translated
from producers.quoting import name as quoted
from schemas.errors import ChartfeedError

if TYPE_CHECKING:
    from producers.capture.clock import Clock
    from producers.mapping import Mapping
    from producers.statements import Statement
    from schemas.ids import Id

__all__ = ["Source", "resume_key"]

Row = Sequence[Any]
Batches = Iterator[tuple[str, Sequence[Row]]]

FETCH: Final = 2000
NO_SNAPSHOT: Final = 3952
BIGINT: Final = (pyodbc.SQL_BIGINT, 0, 0)
# How a key is bound, so that it is compared in its column's own type, and by its index.
KEYS: Final = {
    "char": (pyodbc.SQL_VARCHAR, 8000, 0),
    "varchar": (pyodbc.SQL_VARCHAR, 8000, 0),
    "nchar": (pyodbc.SQL_WVARCHAR, 4000, 0),
    "nvarchar": (pyodbc.SQL_WVARCHAR, 4000, 0),
    "uniqueidentifier": (pyodbc.SQL_GUID, 0, 0),
    "int": (pyodbc.SQL_INTEGER, 0, 0),
    "bigint": BIGINT,
}


class Source:
    def __init__(self, connection: pyodbc.Connection, mapping: Mapping) -> None:
        self._connection = connection
        self._mapping = mapping
        self._cursors: dict[str, pyodbc.Cursor] = {}
        self._clock = statements.clock(mapping)
        self._read = statements.read(mapping)

    def clock(self) -> Clock:
        """Ask where the source stands, in one round trip."""
        with translated(self._mapping.center):
            return clock.read(self._cursor(self._clock).execute(self._clock.text))

    def identity(self) -> str:
        """Give what tells this database from another one, or from itself before a restore."""
        with translated(self._mapping.center), closing(self._connection.cursor()) as cursor:
            family, fork, created = cursor.execute(statements.IDENTITY).fetchone()
        known = {"family": family, "fork": fork, "created": created}
        return " ".join(f"{kind}:{_word(value)}" for kind, value in known.items() if value)

    def retention(self) -> timedelta | None:
        """Give how long the source keeps changes, None where it can't be seen."""
        with translated(self._mapping.center), closing(self._connection.cursor()) as cursor:
            found = cursor.execute(statements.RETENTION).fetchone()
        return None if found is None else timedelta(**{found[1].lower(): found[0]})

    def rows_there(self) -> int:
        """Give about how many rows the tracked tables have, without counting them."""
        statement = statements.rows_there(self._mapping)
        with translated(self._mapping.center), closing(self._connection.cursor()) as cursor:
            return int(cursor.execute(statement.text, statement.parameters).fetchval() or 0)

    @contextmanager
    def snapshot(self) -> Iterator[None]:
        """Hold one SNAPSHOT transaction: all that is read inside is of one moment."""
        with translated(self._mapping.center):
            self._connection.execute(statements.BEGIN).close()
        try:
            yield
        except ChartfeedError as error:
            raise self._explained(error) from None
        with translated(self._mapping.center):
            self._connection.execute(statements.END).close()

    def read(self, since: int) -> tuple[Clock, Batches]:
        """Read in one snapshot where the source stands and what changed up to there, in one trip.

        The snapshot ends when the batches have been taken to their end.
        """
        try:
            with translated(self._mapping.center):
                cursor = self._cursor(self._read)
                cursor.setinputsizes([BIGINT])
                found = clock.read(cursor.execute(self._read.text, since))
        except ChartfeedError as error:
            raise self._explained(error) from None
        return found, self._read_tables(cursor, found.version or 0)

    def _read_tables(self, cursor: pyodbc.Cursor, upto: int) -> Batches:
        with translated(self._mapping.center):
            for table in TRACKED:
                while batch := cursor.fetchmany(FETCH):
                    # A snapshot shows nothing above its version; if it did, that would be torn.
                    yield table, [row for row in batch if row[0] <= upto]
                cursor.nextset()

    def changes(self, since: int, upto: int) -> Batches:
        """Give what changed above one version and up to another, in the open snapshot."""
        statement = statements.changes(self._mapping)
        values = (since, upto) * len(TRACKED)
        with translated(self._mapping.center):
            cursor = self._cursor(statement)
            cursor.setinputsizes([BIGINT] * len(values))
            cursor.execute(statement.text, *values)
            for table in TRACKED:
                while batch := cursor.fetchmany(FETCH):
                    yield table, batch
                cursor.nextset()

    def ids(self, table: str) -> Iterator[Sequence[Row]]:
        """Give every row's id and, but for insurers, its DELKZ."""
        return self._fetch(statements.ids(self._mapping, table))

    def chunk(self, table: str, rows: int, after: Id | None) -> list[Row]:
        """Give a table's next rows in the order of its key."""
        statement = statements.chunk(self._mapping, table, rows, first=after is None)
        if after is None:
            batches = self._fetch(statement)
        else:
            type_ = (self._mapping.tables[table].columns["ID"].type or "").partition("(")[0]
            value, binding = _bound(after, type_.strip().lower())
            batches = self._fetch(statement, [binding], (value,))
        return [row for batch in batches for row in batch]

    def _fetch(
        self,
        statement: Statement,
        sizes: Sequence[tuple[int, int, int] | None] = (),
        values: Sequence[object] = (),
    ) -> Iterator[Sequence[Row]]:
        with translated(self._mapping.center):
            cursor = self._cursor(statement)
            if sizes:
                cursor.setinputsizes(sizes)
            cursor.execute(statement.text, *values)
            while batch := cursor.fetchmany(FETCH):
                yield batch

    def _cursor(self, statement: Statement) -> pyodbc.Cursor:
        if statement.text not in self._cursors:
            self._cursors[statement.text] = self._connection.cursor()
        return self._cursors[statement.text]

    def _explained(self, error: ChartfeedError) -> ChartfeedError:
        """Give the error that names the repair, where snapshots are not allowed."""
        if error.fields.get("number") != NO_SNAPSHOT:
            return error
        database = quoted(self._mapping.database)
        return NotTracked(
            f"{self._mapping.center}: {self._mapping.database} does not allow snapshots",
            hint=f"ALTER DATABASE {database} SET ALLOW_SNAPSHOT_ISOLATION ON;",
            center=self._mapping.center,
        )


def resume_key(value: object) -> Id:
    """Give a key as a checkpoint keeps it: as the source has it, not as it travels."""
    match value:
        case Decimal() if value == value.to_integral():
            return int(value)
        case int() | str():
            return value
        case _:
            return str(value)


def _bound(value: Id, type_: str) -> tuple[object, tuple[int, int, int] | None]:
    binding = KEYS.get(type_)
    if type_ == "uniqueidentifier":
        return UUID(str(value)), binding
    if isinstance(value, str) and binding is None:
        return Decimal(value), None
    return value, binding


def _word(value: object) -> str:
    return value.isoformat() if isinstance(value, datetime) else str(value)
