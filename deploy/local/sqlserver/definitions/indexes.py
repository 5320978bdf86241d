"""Indexes and keys made and dropped."""

from __future__ import annotations

import secrets
from dataclasses import replace
from typing import TYPE_CHECKING

from deploy.local.sqlserver import change_tracking
from deploy.local.sqlserver.definitions.change import changing, find_table
from deploy.local.sqlserver.definitions.form import build_index, insert_index, rebuild
from deploy.local.sqlserver.errors import SqlError
from deploy.local.sqlserver.storage import Index, Table
from deploy.local.sqlserver.translation import statements
from deploy.local.sqlserver.translation.statements import KeyDefinition

if TYPE_CHECKING:
    from deploy.local.sqlserver.engine_session import Session


def _index(table: Table, node: KeyDefinition) -> Index:
    columns = []
    for name in node.columns:
        column = table.column(name)
        if column is None:
            raise SqlError(
                1911, f"Column name '{name}' does not exist in the target table or view."
            )
        columns.append(column.column_id)
    if node.primary and table.primary_key is not None:
        raise SqlError(1779, f"Table '{table.name}' already has a primary key defined on it.")
    suffix = secrets.token_hex(8).upper()
    prefix = "PK" if node.primary else "UQ"
    name = node.name or f"{prefix}__{table.name[:9]}__{suffix}"
    if any(index.name.lower() == name.lower() for index in table.indexes):
        raise SqlError(
            1913,
            "The operation failed because an index or statistics with name "
            f"'{name}' already exists on table '{table.schema}.{table.name}'.",
        )
    clustered = node.clustered and not any(index.clustered for index in table.indexes)
    used = {index.index_id for index in table.indexes}
    number = 1 if clustered else next(n for n in range(2, 1000) if n not in used)
    return Index(number, name, node.primary, node.unique, clustered, tuple(columns))


def with_index(table: Table, node: KeyDefinition) -> tuple[Table, Index]:
    index = _index(table, node)
    columns = table.columns
    if node.primary:
        for column in columns:
            if column.column_id in index.columns and column.nullable:
                raise SqlError(
                    8111,
                    "Cannot define PRIMARY KEY constraint on nullable column in table "
                    f"'{table.name}'.",
                )
    return replace(table, indexes=(*table.indexes, index)), index


def without_index(session: Session, table: Table, index: Index) -> Table:
    db = session.db
    if index.primary:
        change_tracking.check_key_drop(db, table.object_id)
    new = replace(table, indexes=tuple(each for each in table.indexes if each != index))
    db.execute(
        "DELETE FROM meta_indexes WHERE object_id = ? AND index_id = ?",
        (table.object_id, index.index_id),
    )
    if index.primary:
        rebuild(session, table, new, {})
    else:
        db.execute(f"DROP INDEX i{table.object_id}_{index.index_id}")
    return new


def create_index(session: Session, node: statements.CreateIndex) -> None:
    table = find_table(session, node.table)
    with changing(session) as changed:
        new, index = with_index(table, node.index)
        insert_index(session.db, table.object_id, index)
        build_index(session, new, index)
        changed.add(table.object_id)


def drop_index(session: Session, node: statements.DropIndex) -> None:
    table = find_table(session, node.table)
    index = next((each for each in table.indexes if each.name.lower() == node.name.lower()), None)
    if index is None:
        if node.if_exists:
            return
        raise SqlError(
            3701,
            f"Cannot drop the index '{table.schema}.{table.name}.{node.name}', because it does "
            "not exist or you do not have permission.",
        )
    if index.primary:
        raise SqlError(
            3723,
            f"An explicit DROP INDEX is not allowed on index '{index.name}'. It is being "
            "used for PRIMARY KEY constraint enforcement.",
        )
    with changing(session) as changed:
        without_index(session, table, index)
        changed.add(table.object_id)
