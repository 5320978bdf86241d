"""Which versions there are, and from which one on a table's changes are complete."""

from __future__ import annotations

import time
from collections.abc import Callable

import apsw

from deploy.local.sqlserver.change_tracking.layout import table_name, value
from deploy.local.sqlserver.errors import SqlError


def current_version(db: apsw.Connection) -> int | None:
    """Return the version of the last commit that is visible, None where tracking is off."""
    version = value(db, "SELECT version FROM ct_state WHERE enabled")
    return None if version is None else int(version)


def min_valid_version(db: apsw.Connection, object_id: int | None) -> int | None:
    """Return the lowest position that is still complete, None for what is not tracked."""
    version = value(
        db,
        "SELECT max(begin_version, cleanup_version) FROM ct_tables WHERE object_id = ?",
        object_id,
    )
    return None if version is None else int(version)


def is_tracked(db: apsw.Connection, object_id: int) -> bool:
    return value(db, "SELECT 1 FROM ct_tables WHERE object_id = ?", object_id) is not None


def require_tracked(db: apsw.Connection, object_id: int) -> None:
    """Raise what CHANGETABLE says about a table without tracking."""
    if not is_tracked(db, object_id):
        raise SqlError(
            22105, f"Change tracking is not enabled on table '{table_name(db, object_id)}'."
        )


def table_truncated(db: apsw.Connection, object_id: int) -> None:
    """Forget the table's changes: no version tells of a TRUNCATE, only begin_version does."""
    if not is_tracked(db, object_id):
        return
    db.execute("DELETE FROM ct_pending WHERE object_id = ?", (object_id,))
    db.execute(f"DELETE FROM ct_changes_{object_id}")
    db.execute(
        "UPDATE ct_tables SET begin_version = (SELECT version FROM ct_state) WHERE object_id = ?",
        (object_id,),
    )


def cleanup(db: apsw.Connection, *, clock: Callable[[], float] = time.time) -> int:
    """Drop what is older than the retention; return the number of changes dropped."""
    retention = value(db, "SELECT retention_seconds FROM ct_state")
    expired = value(
        db,
        "SELECT coalesce((SELECT min(version) - 1 FROM ct_commits WHERE committed_at >= ?),"
        " (SELECT max(version) FROM ct_commits), 0)",
        clock() - retention,
    )
    before = db.total_changes()
    tables = db.execute(
        "SELECT object_id FROM ct_tables WHERE cleanup_version < ?", (expired,)
    ).fetchall()
    for (object_id,) in tables:
        db.execute(f"DELETE FROM ct_changes_{object_id} WHERE version <= ?", (expired,))
    dropped = db.total_changes() - before
    db.execute("DELETE FROM ct_commits WHERE version <= ?", (expired,))
    db.execute("UPDATE ct_tables SET cleanup_version = ?1 WHERE cleanup_version < ?1", (expired,))
    return dropped


def age(db: apsw.Connection, seconds: float) -> None:
    """Make every commit so far that much older."""
    db.execute("UPDATE ct_commits SET committed_at = committed_at - ?", (seconds,))
