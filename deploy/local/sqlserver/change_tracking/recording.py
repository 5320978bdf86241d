"""How changes are recorded: triggers note keys, the commit gives them their version.

The triggers write `ct_pending` in the transaction of the change, so a rollback, a savepoint and
a failed statement take the notes back with the rows. SQLite checks keys row by row, so one key's
notes alternate between come and go, and their sum tells whether the row was there before.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

import apsw

from deploy.local.sqlserver.change_tracking.layout import KeyColumn, primary_key, value


def stamp(
    db: apsw.Connection, context: bytes | None = None, *, clock: Callable[[], float] = time.time
) -> int | None:
    """Give the transaction that is about to commit its version, None if it changed nothing.

    `context` goes to those changes that no statement gave one of its own.
    """
    tables = [row[0] for row in db.execute("SELECT DISTINCT object_id FROM ct_pending")]
    if not tables:
        return None
    version = int(value(db, "UPDATE ct_state SET version = version + 1 RETURNING version"))
    for object_id in tables:
        db.execute(_fold_sql(object_id, primary_key(db, object_id)), (version, context, object_id))
    db.execute("DELETE FROM ct_pending")
    db.execute("INSERT INTO ct_commits VALUES (?, ?)", (version, clock()))
    return version


def _fold_sql(object_id: int, key: Sequence[KeyColumn]) -> str:
    """Build the statement that makes one row a key of a transaction's notes.

    With a single max() SQLite takes the bare columns from the row that has it: the last note.
    """
    numbered = list(enumerate(key, 1))
    names = ", ".join(f"k{number}" for number, _ in numbered)
    groups = ", ".join(f"k{number} COLLATE {column.collation}" for number, column in numbered)
    return (
        f"INSERT INTO ct_changes_{object_id}"
        f" (version, alive, delta, created, columns, context, {names})"
        f" SELECT ?1, last >= 0, delta, created, columns, coalesce(context, ?2), {names} FROM ("
        f"SELECT max(seq), delta AS last, sum(delta) AS delta, sum(delta = 1) > 0 AS created,"
        f" group_concat(DISTINCT column_id) AS columns, context, {names}"
        f" FROM ct_pending WHERE object_id = ?3 GROUP BY {groups})"
    )


def mark(db: apsw.Connection) -> int:
    """Return where the notes of the transaction end now, for `annotate`."""
    return int(value(db, "SELECT coalesce(max(seq), 0) FROM ct_pending"))


def annotate(db: apsw.Connection, since: int, context: bytes | None) -> None:
    """Give what a statement changed (noted since `mark`) its CHANGE_TRACKING_CONTEXT."""
    db.execute("UPDATE ct_pending SET context = ? WHERE seq > ?", (context, since))


@contextmanager
def untriggered(db: apsw.Connection, object_id: int) -> Iterator[None]:
    """Let the table be altered or rebuilt without its changes being recorded."""
    drop_triggers(db, object_id)
    yield
    create_triggers(db, object_id)


def create_triggers(db: apsw.Connection, object_id: int) -> None:
    """Create the triggers of a tracked table; of any other table none."""
    track_columns = value(db, "SELECT track_columns FROM ct_tables WHERE object_id = ?", object_id)
    if track_columns is None:
        return
    for sql in _triggers(db, object_id, track_columns=bool(track_columns)):
        db.execute(sql)


def drop_triggers(db: apsw.Connection, object_id: int) -> None:
    """Drop whatever triggers the table has; they are all change tracking's."""
    found = db.execute(
        "SELECT name FROM sqlite_schema WHERE type = 'trigger' AND tbl_name = ?",
        (f"t{object_id}",),
    ).fetchall()
    for (name,) in found:
        db.execute(f"DROP TRIGGER {name}")


def _triggers(db: apsw.Connection, object_id: int, *, track_columns: bool) -> Iterator[str]:
    key = primary_key(db, object_id)
    ids = [column.column_id for column in key]
    came, went = _note(object_id, ids, "NEW", 1), _note(object_id, ids, "OLD", -1)
    stayed = _note(object_id, ids, "NEW", 0)
    same = " AND ".join(f"OLD.c{number} IS NEW.c{number}" for number in ids)
    table = f"t{object_id}"
    trigger = f"CREATE TRIGGER ct_{object_id}"
    yield f"{trigger}_insert AFTER INSERT ON {table} BEGIN {came}; END"
    yield f"{trigger}_delete AFTER DELETE ON {table} BEGIN {went}; END"
    yield f"{trigger}_update AFTER UPDATE ON {table} WHEN {same} BEGIN {stayed}; END"
    key_list = ", ".join(f"c{number}" for number in ids)
    yield f"{trigger}_key AFTER UPDATE OF {key_list} ON {table} BEGIN {went}; {came}; END"
    if track_columns:
        for (number,) in db.execute(
            "SELECT column_id FROM meta_columns WHERE object_id = ?", (object_id,)
        ).fetchall():
            if number not in ids:
                noted = _note(object_id, ids, "NEW", 0, column_id=int(str(number)))
                yield (
                    f"{trigger}_column_{number} AFTER UPDATE OF c{number} ON {table}"
                    f" WHEN {same} BEGIN {noted}; END"
                )


def _note(
    object_id: int, ids: Sequence[int], row: str, delta: int, *, column_id: int | None = None
) -> str:
    names = ", ".join(f"k{number}" for number in range(1, len(ids) + 1))
    values = ", ".join(f"{row}.c{number}" for number in ids)
    column = "NULL" if column_id is None else str(column_id)
    return (
        f"INSERT INTO ct_pending(object_id, delta, column_id, {names})"
        f" VALUES ({object_id}, {delta}, {column}, {values})"
    )
