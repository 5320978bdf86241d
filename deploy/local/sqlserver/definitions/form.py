"""The form a table is kept in: its rows in the meta tables, its table and indexes in SQLite."""

from __future__ import annotations

import json
import time
from typing import TYPE_CHECKING

import apsw

from deploy.local.sqlserver import change_tracking, storage
from deploy.local.sqlserver.errors import SqlError
from deploy.local.sqlserver.storage import Index, StoredColumn, Table

if TYPE_CHECKING:
    from deploy.local.sqlserver.engine_session import Session


def insert_column(db: apsw.Connection, object_id: int, ordinal: int, column: StoredColumn) -> None:
    seed, increment = column.identity or (None, None)
    type_ = column.type
    db.execute(
        "INSERT OR REPLACE INTO meta_columns VALUES (?,?,?,?,?,?,?,?,?,?,?,?,?,?)",
        (
            object_id,
            column.column_id,
            ordinal,
            column.name,
            type_.name,
            type_.length,
            type_.precision,
            type_.scale,
            int(column.nullable),
            column.collation,
            seed,
            increment,
            column.default_name,
            column.default_sql,
        ),
    )


def insert_index(db: apsw.Connection, object_id: int, index: Index) -> None:
    db.execute(
        "INSERT INTO meta_indexes VALUES (?,?,?,?,?,?,?)",
        (
            object_id,
            index.index_id,
            index.name,
            int(index.primary),
            int(index.unique),
            int(index.clustered),
            json.dumps(index.columns),
        ),
    )


def build_index(session: Session, table: Table, index: Index) -> None:
    try:
        session.db.execute(storage.index_sql(table, index))
    except apsw.ConstraintError:
        raise duplicate_key(table, index) from None


def duplicate_key(table: Table, index: Index) -> SqlError:
    return SqlError(
        1505,
        "The CREATE UNIQUE INDEX statement terminated because a duplicate key was found for the "
        f"object name '{table.schema}.{table.name}' and the index name '{index.name}'.",
    )


def rebuild(session: Session, old: Table, new: Table, values: dict[int, str]) -> None:
    """Give a table another form; `values` are the expressions of columns that change."""
    db = session.db
    name = f"{new.sql}_new"
    targets = list(new.columns)
    listed = ", ".join(column.sql for column in targets)
    selected = ", ".join(values.get(column.column_id, column.sql) for column in targets)
    with change_tracking.untriggered(db, old.object_id):
        db.execute(storage.table_sql(new, name))
        try:
            db.execute(f"INSERT INTO {name}({listed}) SELECT {selected} FROM {old.sql}")
        except apsw.ConstraintError as error:
            raise _rebuild_failure(error, session, new) from None
        db.execute(f"DROP TABLE {old.sql}")
        db.execute(f"ALTER TABLE {name} RENAME TO {new.sql}")
        for index in new.indexes:
            if not index.primary:
                build_index(session, new, index)


def _rebuild_failure(error: apsw.ConstraintError, session: Session, table: Table) -> SqlError:
    text = str(error)
    if text.startswith("NOT NULL"):
        column = table.by_id(int(text.rpartition(".c")[2]))
        return SqlError(
            515,
            f"Cannot insert the value NULL into column '{column.name}', table "
            f"'{session.database}.{table.schema}.{table.name}'; column does not allow nulls. "
            "UPDATE fails.",
            state=2,
        )
    key = table.primary_key
    return duplicate_key(table, key) if key is not None else SqlError(1505, text)


def save_columns(db: apsw.Connection, table: Table) -> None:
    db.execute("DELETE FROM meta_columns WHERE object_id = ?", (table.object_id,))
    for number, column in enumerate(table.columns, 1):
        insert_column(db, table.object_id, number, column)
    db.execute(
        "UPDATE meta_tables SET modified = ? WHERE object_id = ?", (time.time(), table.object_id)
    )
