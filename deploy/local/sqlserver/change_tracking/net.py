"""What CHANGETABLE shows, as SQLite queries over the recorded changes.

Net change of a key since a baseline: it went if the last change left no row; it came if there was
no row at the baseline, which is `alive` now minus all that came and went since; else it changed.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import apsw

from deploy.local.sqlserver.change_tracking.layout import primary_key, table_name
from deploy.local.sqlserver.change_tracking.validity import require_tracked
from deploy.local.sqlserver.errors import SqlError
from deploy.local.sqlserver.results import Column, SqlType

_VERSION = Column("SYS_CHANGE_VERSION", SqlType("bigint"))
_CONTEXT = Column("SYS_CHANGE_CONTEXT", SqlType("varbinary", 128))
_CHANGES = (
    _VERSION,
    Column("SYS_CHANGE_CREATION_VERSION", SqlType("bigint")),
    Column("SYS_CHANGE_OPERATION", SqlType("nchar", 1)),
    Column("SYS_CHANGE_COLUMNS", SqlType("varbinary", 4100)),
    _CONTEXT,
)


@dataclass(frozen=True, slots=True)
class Source:
    """A SQLite SELECT that stands for a table, its columns, and their names in that SELECT."""

    columns: tuple[Column, ...]
    sql: str
    outputs: tuple[str, ...]


def changes_sql(db: apsw.Connection, object_id: int, baseline_sql: str) -> Source:
    """Return the net changes since a baseline, a SQLite expression that is evaluated once.

    NULL and 0 mean all that is kept; what is negative or lies ahead means nothing.
    """
    require_tracked(db, object_id)
    key = primary_key(db, object_id)
    numbers = range(1, len(key) + 1)
    names = ", ".join(f"k{number}" for number in numbers)
    # The plus keeps SQLite from walking the whole log by its key to save the sort.
    groups = ", ".join(f"+k{number}" for number in numbers)
    same = " AND ".join(f"c.k{number} IS n.k{number}" for number in numbers)
    key_outputs = ", ".join(
        f"n.k{n} AS c{column.column_id}" for n, column in zip(numbers, key, strict=True)
    )
    sql = (
        f"SELECT n.version AS SYS_CHANGE_VERSION, n.creation AS SYS_CHANGE_CREATION_VERSION,"
        f" CASE WHEN NOT n.alive THEN 'D' WHEN n.alive = n.delta THEN 'I' ELSE 'U' END"
        f" AS SYS_CHANGE_OPERATION,"
        f" CASE WHEN n.alive AND n.creation IS NULL THEN CT_COLUMNS_(n.columns) END"
        f" AS SYS_CHANGE_COLUMNS,"
        f" (SELECT context FROM ct_changes_{object_id} AS c"
        f" WHERE c.version = n.version AND {same}) AS SYS_CHANGE_CONTEXT, {key_outputs}"
        f" FROM (SELECT max(version) AS version, max(CASE WHEN created THEN version END)"
        f" AS creation, max(version * 2 + alive) & 1 AS alive, sum(delta) AS delta,"
        f" group_concat(columns) AS columns, {names}"
        f" FROM ct_changes_{object_id} WHERE version > (SELECT CASE WHEN b IS NULL THEN 0"
        f" WHEN b < 0 THEN {2**63 - 1} ELSE b END FROM"
        f" (SELECT CAST({baseline_sql} AS INTEGER) AS b)) GROUP BY {groups}) AS n"
    )
    return _source(_CHANGES, sql, object_id, db)


def versions_sql(db: apsw.Connection, object_id: int) -> Source:
    """Return the last version of every row there is, NULL where it was not touched since then.

    Joined on its key columns it answers for the rows of another table.
    """
    require_tracked(db, object_id)
    key = primary_key(db, object_id)
    same = " AND ".join(f"c.k{n} IS t.c{column.column_id}" for n, column in enumerate(key, 1))
    last = f"FROM ct_changes_{object_id} AS c WHERE {same} ORDER BY c.version DESC LIMIT 1"
    key_outputs = ", ".join(f"t.c{column.column_id} AS c{column.column_id}" for column in key)
    sql = (
        f"SELECT (SELECT c.version {last}) AS SYS_CHANGE_VERSION,"
        f" (SELECT c.context {last}) AS SYS_CHANGE_CONTEXT, {key_outputs} FROM t{object_id} AS t"
    )
    return _source((_VERSION, _CONTEXT), sql, object_id, db)


def version_sql(db: apsw.Connection, object_id: int, key_sql: Sequence[str]) -> Source:
    """Return a row's last version, by SQLite expressions for its key in key order.

    No row for a key that is not there.
    """
    source = versions_sql(db, object_id)
    key = primary_key(db, object_id)
    if len(key) != len(key_sql):
        raise SqlError(
            22110,
            "The number of columns specified in the CHANGETABLE(VERSION ...) function does not"
            f" match the number of primary key columns for table '{table_name(db, object_id)}'.",
        )
    wanted = " AND ".join(
        f"t.c{column.column_id} = ({expression})"
        for column, expression in zip(key, key_sql, strict=True)
    )
    return replace(source, sql=f"{source.sql} WHERE {wanted}")


def _source(columns: tuple[Column, ...], sql: str, object_id: int, db: apsw.Connection) -> Source:
    key = primary_key(db, object_id)
    return Source(
        columns + tuple(column.column for column in key),
        sql,
        tuple(column.name for column in columns) + tuple(f"c{column.column_id}" for column in key),
    )
