"""The tables that change tracking keeps in a database, and how a tracked table's key is found.

One row a key and version stands in `ct_changes_<object_id>`, clustered by version, so that
"nothing new" costs one seek. `delta` is what the transaction did to the row's existence (1 it
came, -1 it went, 0 neither), `alive` whether it is there afterwards, `created` whether it was
inserted on the way. Key columns are k1, k2 … with the type and collation of the table's own.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

import apsw

from deploy.local.sqlserver.errors import Unsupported
from deploy.local.sqlserver.results import Column, SqlType

KEY_COLUMNS = 16
"""So many columns a primary key may have and still be tracked."""

_PENDING_KEYS = ", ".join(f"k{number}" for number in range(1, KEY_COLUMNS + 1))

_LAYOUT = f"""
CREATE TABLE ct_state(
    one INTEGER PRIMARY KEY CHECK (one = 1), version INTEGER NOT NULL, enabled INTEGER NOT NULL,
    retention_seconds INTEGER NOT NULL, auto_cleanup INTEGER NOT NULL);
INSERT INTO ct_state VALUES (1, 0, 0, 172800, 1);
CREATE TABLE ct_tables(
    object_id INTEGER PRIMARY KEY, track_columns INTEGER NOT NULL,
    begin_version INTEGER NOT NULL, cleanup_version INTEGER NOT NULL);
CREATE TABLE ct_commits(version INTEGER PRIMARY KEY, committed_at REAL NOT NULL);
CREATE TABLE ct_pending(
    seq INTEGER PRIMARY KEY, object_id INTEGER NOT NULL, delta INTEGER NOT NULL,
    column_id INTEGER, context BLOB, {_PENDING_KEYS});
"""


@dataclass(frozen=True, slots=True)
class KeyColumn:
    """A column of a primary key: its number, how SQL Server and how SQLite declare it."""

    column_id: int
    column: Column
    declared: str
    collation: str


def create_layout(db: apsw.Connection) -> None:
    """Create the tables of change tracking in a new database, with tracking off."""
    db.execute(_LAYOUT)


def prepare(db: apsw.Connection) -> None:
    """Register the function that the SQL of `net` calls; once for each connection."""
    db.create_scalar_function("CT_COLUMNS_", _column_mask, 1, deterministic=True)


def _column_mask(*arguments: Any) -> bytes | None:
    (column_ids,) = arguments
    if not column_ids:
        return None
    numbers = sorted({int(column_id) for column_id in str(column_ids).split(",")})
    return b"".join(number.to_bytes(4, "little") for number in [0, *numbers])


def is_in_mask(column_id: int | None, mask: bytes | None) -> int | None:
    """Tell CHANGE_TRACKING_IS_COLUMN_IN_MASK: 1, 0, or 1 for a mask that is NULL (all)."""
    if column_id is None:
        return None
    if mask is None:
        return 1
    numbers = [int.from_bytes(mask[at : at + 4], "little") for at in range(4, len(mask), 4)]
    return int(column_id in numbers)


def table_name(db: apsw.Connection, object_id: int) -> str:
    """Return the name that a message gives the table."""
    name = value(db, "SELECT name FROM meta_tables WHERE object_id = ?", object_id)
    return "(unknown)" if name is None else str(name)


def primary_key(db: apsw.Connection, object_id: int) -> tuple[KeyColumn, ...]:
    """Return the columns of the primary key in key order, nothing where there is none."""
    ids = value(
        db, "SELECT columns FROM meta_indexes WHERE object_id = ? AND is_primary", object_id
    )
    if ids is None:
        return ()
    key = tuple(_key_column(db, object_id, column_id) for column_id in json.loads(str(ids)))
    if len(key) > KEY_COLUMNS:
        raise Unsupported(f"change tracking of a key with more than {KEY_COLUMNS} columns")
    return key


def _key_column(db: apsw.Connection, object_id: int, column_id: int) -> KeyColumn:
    name, kind, length, precision, scale = db.execute(
        "SELECT name, type, length, precision, scale FROM meta_columns"
        " WHERE object_id = ? AND column_id = ?",
        (object_id, column_id),
    ).get
    declared, collation, *_ = db.column_metadata("main", f"t{object_id}", f"c{column_id}")
    return KeyColumn(
        column_id,
        Column(name, SqlType(kind, length, precision, scale), nullable=False),
        declared or "",
        collation,
    )


def value(db: apsw.Connection, sql: str, *arguments: Any) -> Any:
    """Return the first column of the first row, or None."""
    row = db.execute(sql, arguments).fetchone()
    return None if row is None else row[0]
