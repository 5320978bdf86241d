"""What a catalog view is, and the pieces that several of them are made of."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import apsw

from deploy.local.sqlserver.results import Column, SqlType

DEFAULT_COLLATION = "Latin1_General_CI_AS"
"""The collation of a column, or a database, that names none."""

BIT = SqlType("bit")
INT = SqlType("int")
BIGINT = SqlType("bigint")
SMALLINT = SqlType("smallint")
TINYINT = SqlType("tinyint")
DATETIME = SqlType("datetime")
NAME = SqlType("nvarchar", 128)
SHORT = SqlType("nvarchar", 60)
LONG = SqlType("nvarchar", -1)
GUID = SqlType("uniqueidentifier")
KIND = SqlType("char", 2)
LETTER = SqlType("char", 1)
SID = SqlType("varbinary", 85)

PROPERTY = "property:"
"""What the names of a database's extended properties begin with among its options."""

_TEXT = frozenset({"nvarchar", "varchar", "char"})


@dataclass(frozen=True, slots=True)
class View:
    """A catalog view: a SQLite SELECT whose outputs are named like the columns, in their order."""

    columns: tuple[Column, ...]
    sql: str

    @property
    def outputs(self) -> tuple[str, ...]:
        return tuple(column.name for column in self.columns)


def view(source: str, *columns: tuple[str, SqlType, str]) -> View:
    """Build a view from its FROM clause and, for each column, name, type and expression."""
    outputs = ", ".join(
        f"{expression} COLLATE MSSQL AS {name}" if kind.name in _TEXT else f"{expression} AS {name}"
        for name, kind, expression in columns
    )
    return View(
        tuple(Column(name, kind) for name, kind, _ in columns), f"SELECT {outputs} FROM {source}"
    )


def constants(kind: SqlType, value: str, *names: str) -> tuple[tuple[str, SqlType, str], ...]:
    """Name columns that say the same of every row."""
    return tuple((name, kind, value) for name in names)


def moment(seconds: str) -> str:
    """Return the expression that shows seconds since 1970 as a datetime is kept."""
    return f"strftime('%Y-%m-%d %H:%M:%f', {seconds}, 'unixepoch') || '0000'"


def sid(login: str) -> str:
    """Return the expression for what a login and its users have in common."""
    return f"CAST(lower({login}) AS BLOB)"


CATALOG_NAME = "(SELECT name FROM master_.databases WHERE database_id = DB_ID_())"
CONSTRAINT_ID = "(i.object_id * 1000 + i.index_id)"
DEFAULT_ID = "(c.object_id * 1000 + 500 + c.column_id)"
DEFAULT_NAME = (
    "coalesce(c.default_name, 'DF_' || (SELECT name FROM meta_tables AS m"
    " WHERE m.object_id = c.object_id) || '_' || c.name)"
)
"""The name of a default that was given none."""


def prepare(db: apsw.Connection) -> None:
    """Register the functions that the views call; once for each connection.

    Whoever knows the session's rights registers its own `MAY_SEE_` over this one, for which all
    tables are visible.
    """

    def row_count(*arguments: Any) -> int:
        (object_id,) = arguments
        return int(db.execute(f"SELECT count(*) FROM t{int(object_id)}").get)

    db.create_scalar_function("ROW_COUNT_", row_count, 1)
    db.create_scalar_function("MAY_SEE_", lambda *_: 1, 1)
