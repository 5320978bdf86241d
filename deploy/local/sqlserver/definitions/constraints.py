"""Constraints of a table: its defaults, and any of them dropped by name."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from deploy.local.sqlserver import plans
from deploy.local.sqlserver.definitions.change import changing, find_table
from deploy.local.sqlserver.definitions.form import save_columns
from deploy.local.sqlserver.definitions.indexes import without_index
from deploy.local.sqlserver.errors import SqlError
from deploy.local.sqlserver.storage import Table
from deploy.local.sqlserver.translation import statements

if TYPE_CHECKING:
    from deploy.local.sqlserver.engine_session import Session


def check_defaults(session: Session, table: Table) -> None:
    """Refuse a default that can't be understood when it is defined, not when it is used."""
    for column in table.columns:
        if column.default_sql is not None:
            plans.renderer(session.definitions, {}, session).default_text(table, column)


def add_default(
    session: Session, table: Table, name: str | None, column_name: str, text: str
) -> Table:
    column = table.column(column_name)
    if column is None:
        raise SqlError(
            1752,
            f"Column '{column_name}' in table '{table.name}' is invalid for "
            "creating a default constraint.",
        )
    if column.default_sql is not None:
        raise SqlError(1781, "Column already has a DEFAULT bound to it.")
    changed = replace(column, default_name=name, default_sql=text)
    columns = tuple(changed if each == column else each for each in table.columns)
    table = replace(table, columns=columns)
    check_defaults(session, table)
    save_columns(session.db, table)
    return table


def drop_constraint(session: Session, node: statements.DropConstraint) -> None:
    table = find_table(session, node.table)
    with changing(session) as changed:
        changed.add(table.object_id)
        for name in node.names:
            table = _without_constraint(session, table, name, if_exists=node.if_exists)


def _without_constraint(session: Session, table: Table, name: str, *, if_exists: bool) -> Table:
    db = session.db
    for index in table.indexes:
        if index.name.lower() == name.lower():
            return without_index(session, table, index)
    for column in table.columns:
        own = column.default_name or f"DF_{table.name}_{column.name}"
        if column.default_sql is not None and own.lower() == name.lower():
            changed = replace(column, default_sql=None, default_name=None)
            columns = tuple(changed if each == column else each for each in table.columns)
            table = replace(table, columns=columns)
            save_columns(db, table)
            return table
    if if_exists:
        return table
    raise SqlError(3728, f"'{name}' is not a constraint.")
