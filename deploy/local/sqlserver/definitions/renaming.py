"""sp_rename of a table or a column."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from deploy.local.sqlserver import plans
from deploy.local.sqlserver.definitions.change import changing
from deploy.local.sqlserver.errors import SqlError, Unsupported
from deploy.local.sqlserver.translation.cursor import Cursor

if TYPE_CHECKING:
    from deploy.local.sqlserver.engine_session import Session


def rename(session: Session, old: str, new: str, kind: str | None) -> None:
    """sp_rename of a table or a column: only its name changes."""
    parts = Cursor(old).parts()
    if (kind or "OBJECT").upper() == "COLUMN":
        _rename_column(session, parts, new)
    elif (kind or "OBJECT").upper() == "OBJECT":
        _rename_table(session, parts, old, new)
    else:
        raise Unsupported(f"sp_rename of {kind}")


def _rename_column(session: Session, parts: tuple[str, ...], new: str) -> None:
    error = SqlError(
        15248,
        "Either the parameter @objname is ambiguous or the claimed @objtype (COLUMN) is wrong.",
    )
    schema, name = plans.renderer(session.definitions, {}, session).qualified(parts[:-1] or ("",))
    table = session.definitions.find(schema, name)
    column = None if table is None else table.column(parts[-1])
    if table is None or column is None:
        raise error
    other = table.column(new)
    if other is not None and other != column:
        raise _in_use(new, "COLUMN")
    with changing(session) as changed:
        session.db.execute(
            "UPDATE meta_columns SET name = ? WHERE object_id = ? AND column_id = ?",
            (new, table.object_id, column.column_id),
        )
        changed.add(table.object_id)


def _rename_table(session: Session, parts: tuple[str, ...], old: str, new: str) -> None:
    schema, name = plans.renderer(session.definitions, {}, session).qualified(parts)
    table = session.definitions.find(schema, name)
    if table is None:
        raise SqlError(
            15225,
            f"No item by the name of '{old}' could be found in the current database "
            f"'{session.database}', given that @itemtype was input as '(null)'.",
            severity=11,
        )
    other = session.definitions.find(schema, new)
    if other is not None and other != table:
        raise _in_use(new, "OBJECT")
    with changing(session) as changed:
        session.db.execute(
            "UPDATE meta_tables SET name = ?, modified = ? WHERE object_id = ?",
            (new, time.time(), table.object_id),
        )
        changed.add(table.object_id)


def _in_use(name: str, kind: str) -> SqlError:
    return SqlError(
        15335,
        f"Error: The new name '{name}' is already in use as a {kind} name and would cause a "
        "duplicate that is not permitted.",
        severity=11,
    )
