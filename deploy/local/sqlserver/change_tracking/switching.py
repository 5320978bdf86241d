"""Change tracking on and off, for a database and for a table, and what that forbids."""

from __future__ import annotations

import apsw

from deploy.local.sqlserver.change_tracking.layout import primary_key, table_name, value
from deploy.local.sqlserver.change_tracking.recording import create_triggers, drop_triggers
from deploy.local.sqlserver.change_tracking.validity import is_tracked
from deploy.local.sqlserver.errors import SqlError


def enable_database(
    db: apsw.Connection,
    retention_seconds: int = 172800,
    auto_cleanup: bool = True,  # noqa: FBT001, FBT002 - two settings, in the order of T-SQL
    *,
    database: str = "",
) -> None:
    """Switch tracking on; the count of versions goes on where it once stopped."""
    if _enabled(db):
        raise SqlError(5088, f"Change tracking is already enabled for database '{database}'.")
    db.execute(
        "UPDATE ct_state SET enabled = 1, retention_seconds = ?, auto_cleanup = ?",
        (retention_seconds, int(auto_cleanup)),
    )


def configure_database(
    db: apsw.Connection,
    *,
    retention_seconds: int | None = None,
    auto_cleanup: bool | None = None,
    database: str = "",
) -> None:
    """Change settings of a database that is tracked; None leaves one as it is."""
    if not _enabled(db):
        raise SqlError(5089, f"Change tracking is disabled for database '{database}'.")
    db.execute(
        "UPDATE ct_state SET retention_seconds = coalesce(?, retention_seconds),"
        " auto_cleanup = coalesce(?, auto_cleanup)",
        (retention_seconds, None if auto_cleanup is None else int(auto_cleanup)),
    )


def disable_database(db: apsw.Connection, *, database: str = "") -> None:
    """Switch tracking off, once no table is tracked any more."""
    if value(db, "SELECT 1 FROM ct_tables") is not None:
        raise SqlError(
            22115,
            f"Change tracking is enabled for one or more tables in database '{database}'. Disable"
            " change tracking on each table before disabling it for the database. Use the"
            " sys.change_tracking_tables catalog view to obtain a list of tables for which change"
            " tracking is enabled.",
        )
    db.execute("UPDATE ct_state SET enabled = 0")
    db.execute("DELETE FROM ct_commits")


def enable_table(
    db: apsw.Connection,
    object_id: int,
    track_columns: bool = False,  # noqa: FBT001, FBT002 - the one setting there is
    *,
    database: str = "",
) -> None:
    """Begin to record the table's changes; the rows it has are none."""
    name = table_name(db, object_id)
    if not _enabled(db):
        raise SqlError(
            1718,
            f"Change tracking must be enabled on database '{database}' before it can be enabled"
            f" on table '{name}'.",
        )
    if is_tracked(db, object_id):
        raise SqlError(4996, f"Change tracking is already enabled for table '{name}'.")
    key = primary_key(db, object_id)
    if not key:
        raise SqlError(
            4997,
            f"Cannot enable change tracking on table '{name}'. Change tracking requires a primary"
            " key on the table. Create a primary key on the table before enabling change tracking.",
        )
    names = ", ".join(f"k{number}" for number in range(1, len(key) + 1))
    declared = ", ".join(
        f"k{number} {column.declared} COLLATE {column.collation} NOT NULL"
        for number, column in enumerate(key, 1)
    )
    table = f"ct_changes_{object_id}"
    db.execute(
        f"CREATE TABLE {table}(version INTEGER NOT NULL, alive INTEGER NOT NULL, delta INTEGER"
        f" NOT NULL, created INTEGER NOT NULL, columns TEXT, context BLOB, {declared},"
        f" PRIMARY KEY (version, {names})) WITHOUT ROWID"
    )
    db.execute(f"CREATE INDEX {table}_key ON {table}({names}, version)")
    db.execute(
        "INSERT INTO ct_tables SELECT ?, ?, version, 0 FROM ct_state",
        (object_id, int(track_columns)),
    )
    create_triggers(db, object_id)


def disable_table(db: apsw.Connection, object_id: int) -> None:
    """Stop to record the table's changes and forget those that were."""
    if not is_tracked(db, object_id):
        raise SqlError(
            4998, f"Change tracking is not enabled on table '{table_name(db, object_id)}'."
        )
    drop_triggers(db, object_id)
    _forget(db, object_id)


def table_dropped(db: apsw.Connection, object_id: int) -> None:
    """Forget a table that is dropped, tracked or not; its triggers go with it."""
    if is_tracked(db, object_id):
        _forget(db, object_id)


def check_key_drop(db: apsw.Connection, object_id: int) -> None:
    """Raise 3735 where the primary key must stay because the table is tracked."""
    if is_tracked(db, object_id):
        constraint = value(
            db, "SELECT name FROM meta_indexes WHERE object_id = ? AND is_primary", object_id
        )
        raise SqlError(
            3735,
            f"The primary key constraint '{constraint}' on table '{table_name(db, object_id)}'"
            " cannot be dropped because change tracking is enabled on the table. Change tracking"
            " requires a primary key constraint on the table. Disable change tracking before"
            " dropping the constraint.",
        )


def _enabled(db: apsw.Connection) -> bool:
    return bool(value(db, "SELECT enabled FROM ct_state"))


def _forget(db: apsw.Connection, object_id: int) -> None:
    db.execute("DELETE FROM ct_pending WHERE object_id = ?", (object_id,))
    db.execute(f"DROP TABLE ct_changes_{object_id}")
    db.execute("DELETE FROM ct_tables WHERE object_id = ?", (object_id,))
