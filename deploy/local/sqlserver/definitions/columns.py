"""Columns of a table added, altered and dropped."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from deploy.local.sqlserver import change_tracking, plans, storage
from deploy.local.sqlserver.conversions import Place
from deploy.local.sqlserver.definitions.change import changing, find_table
from deploy.local.sqlserver.definitions.constraints import add_default
from deploy.local.sqlserver.definitions.form import build_index, insert_index, rebuild, save_columns
from deploy.local.sqlserver.definitions.indexes import with_index
from deploy.local.sqlserver.errors import SqlError
from deploy.local.sqlserver.rendering.bound import CONVERSIONS, conversion
from deploy.local.sqlserver.rendering.scalars import collation_name
from deploy.local.sqlserver.storage import StoredColumn, Table
from deploy.local.sqlserver.translation import statements
from deploy.local.sqlserver.translation.precedence import EXACT, INTEGERS, TEXT
from deploy.local.sqlserver.translation.statements import ColumnDefinition

if TYPE_CHECKING:
    from deploy.local.sqlserver.engine_session import Session


def stored_column(node: ColumnDefinition, column_id: int) -> StoredColumn:
    if node.identity is not None and node.type.name not in INTEGERS | EXACT:
        raise SqlError(
            2749,
            f"Identity column '{node.name}' must be of data type int, bigint, smallint, tinyint, "
            "or decimal or numeric with a scale of 0, unencrypted, and constrained to be "
            "nonnullable.",
        )
    if node.collation is not None:
        collation_name(node.collation)
        if node.type.name not in TEXT:
            raise SqlError(
                452, "COLLATE clause cannot be used on user-defined data types.", severity=16
            )
    return StoredColumn(
        column_id,
        node.name,
        node.type,
        node.nullable is not False,
        node.collation,
        node.identity,
        node.default_name,
        node.default_text,
    )


def add(session: Session, node: statements.AddColumns) -> None:
    table = find_table(session, node.table)
    with changing(session) as changed:
        changed.add(table.object_id)
        for each in node.columns:
            table = _add_column(session, table, each)
        for name, column_name, _, text in node.defaults:
            table = add_default(session, table, name, column_name, text)
        for key in node.keys:
            new, index = with_index(table, key)
            if key.primary:
                rebuild(session, table, new, {})
            else:
                build_index(session, new, index)
            insert_index(session.db, table.object_id, index)
            table = new


def _add_column(session: Session, table: Table, node: ColumnDefinition) -> Table:
    if table.column(node.name) is not None:
        raise SqlError(
            2705,
            "Column names in each table must be unique. Column name "
            f"'{node.name}' in table '{table.schema}.{table.name}' is specified more than once.",
        )
    db = session.db
    (number,) = db.execute(
        "SELECT next_column_id FROM meta_tables WHERE object_id = ?", (table.object_id,)
    ).fetchall()[0]
    column = stored_column(node, int(str(number)))
    new = replace(table, columns=(*table.columns, column))
    if column.nullable:
        with change_tracking.untriggered(db, table.object_id):
            db.execute(f"ALTER TABLE {table.sql} ADD COLUMN {storage.column_sql(column)}")
            save_columns(db, new)
    else:
        value = "NULL"
        if column.default_sql is not None:
            value = plans.renderer(session.definitions, {}, session).default_text(new, column)
        elif column.identity is not None:
            seed, step = column.identity
            value = f"{seed} + {step} * (row_number() OVER (ORDER BY rowid) - 1)"
        elif db.execute(f"SELECT 1 FROM {table.sql} LIMIT 1").fetchone() is not None:
            raise SqlError(
                4901,
                "ALTER TABLE only allows columns to be added that can contain nulls, or have a "
                "DEFAULT definition specified, or the column being added is an identity or "
                "timestamp column, or alternatively if none of the previous conditions are "
                f"satisfied the table must be empty to allow addition of this column. Column "
                f"'{column.name}' cannot be added to non-empty table '{table.name}' because it "
                "does not satisfy these conditions.",
            )
        save_columns(db, new)
        rebuild(session, table, new, {column.column_id: value})
    db.execute(
        "UPDATE meta_tables SET next_column_id = ? WHERE object_id = ?",
        (column.column_id + 1, table.object_id),
    )
    return new


def alter_column(session: Session, node: statements.AlterColumn) -> None:
    table = find_table(session, node.table)
    column = table.column(node.column.name)
    if column is None:
        raise SqlError(
            4924,
            f"ALTER TABLE ALTER COLUMN failed because column '{node.column.name}' does not exist "
            f"in table '{table.name}'.",
        )
    key = table.primary_key
    keyed = key is not None and column.column_id in key.columns
    if keyed and (node.column.type != column.type or node.column.nullable is not False):
        raise _depends(table, column, "" if key is None else key.name)
    new_column = replace(
        column,
        type=node.column.type,
        nullable=node.column.nullable is not False,
        collation=node.column.collation,
    )
    columns = tuple(new_column if each == column else each for each in table.columns)
    with changing(session) as changed:
        new = replace(table, columns=columns)
        place = Place(f"{session.database}.{table.schema}.{table.name}", column.name)
        convert = conversion(column.type, new_column.type, place=place)
        values = {}
        if convert is not None:
            number = CONVERSIONS.number(convert)
            values[column.column_id] = f"cv({column.sql}, {number})"
        save_columns(session.db, new)
        rebuild(session, table, new, values)
        changed.add(table.object_id)


def _depends(table: Table, column: StoredColumn, name: str) -> SqlError:
    return SqlError(
        4922,
        f"ALTER TABLE ALTER COLUMN {column.name} failed because one or more objects access this "
        f"column: '{name}' on table '{table.name}'.",
    )


def drop_columns(session: Session, node: statements.DropColumns) -> None:
    table = find_table(session, node.table)
    with changing(session) as changed:
        changed.add(table.object_id)
        for name in node.columns:
            column = table.column(name)
            if column is None:
                if node.if_exists:
                    continue
                raise SqlError(
                    4924,
                    f"ALTER TABLE DROP COLUMN failed because column '{name}' does not exist in "
                    f"table '{table.name}'.",
                )
            for index in table.indexes:
                if column.column_id in index.columns:
                    raise _depends(table, column, index.name)
            if column.default_sql is not None:
                raise _depends(table, column, column.default_name or "its default")
            table = replace(table, columns=tuple(each for each in table.columns if each != column))
            with change_tracking.untriggered(session.db, table.object_id):
                session.db.execute(f"ALTER TABLE {table.sql} DROP COLUMN {column.sql}")
                save_columns(session.db, table)
