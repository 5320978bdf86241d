"""Tables created, dropped, emptied and tracked."""

from __future__ import annotations

import time
from dataclasses import replace
from typing import TYPE_CHECKING

from deploy.local.sqlserver import change_tracking, plans, storage
from deploy.local.sqlserver.definitions.change import changing, find_table, take_number
from deploy.local.sqlserver.definitions.columns import stored_column
from deploy.local.sqlserver.definitions.constraints import check_defaults
from deploy.local.sqlserver.definitions.form import build_index, insert_column, insert_index
from deploy.local.sqlserver.definitions.indexes import with_index
from deploy.local.sqlserver.errors import SqlError
from deploy.local.sqlserver.storage import StoredColumn, Table
from deploy.local.sqlserver.translation import statements

if TYPE_CHECKING:
    from deploy.local.sqlserver.engine_session import Session


def create_table(session: Session, node: statements.CreateTable) -> None:
    render = plans.renderer(session.definitions, {}, session)
    schema, name = render.qualified(node.table)
    found = session.definitions.schemas.get(schema.lower())
    if found is None:
        raise SqlError(
            2760,
            f'The specified schema name "{schema}" either does not exist or you do not have '
            "permission to use it.",
        )
    if session.definitions.find(schema, name) is not None:
        raise SqlError(2714, f"There is already an object named '{name}' in the database.", state=6)
    with changing(session, "CREATE TABLE") as changed:
        primary = {column.lower() for key in node.keys if key.primary for column in key.columns}
        columns: list[StoredColumn] = []
        for number, each in enumerate(node.columns, 1):
            if any(other.name.lower() == each.name.lower() for other in columns):
                raise SqlError(
                    2705,
                    f"Column names in each table must be unique. Column name '{each.name}' in "
                    f"table '{name}' is specified more than once.",
                )
            keyed = each.name.lower() in primary
            if keyed and each.nullable:
                raise SqlError(
                    8111,
                    f"Cannot define PRIMARY KEY constraint on nullable column in table '{name}'.",
                )
            columns.append(stored_column(replace(each, nullable=False) if keyed else each, number))
        object_id = take_number(session.db, "next_object_id")
        table = Table(object_id, found[0], found[1], name, tuple(columns), ())
        for key in sorted(node.keys, key=lambda key: not key.primary):
            table, _ = with_index(table, key)
        check_defaults(session, table)
        now = time.time()
        session.db.execute(
            "INSERT INTO meta_tables VALUES (?,?,?,?,?,?,NULL)",
            (object_id, table.schema_id, name, now, now, len(columns) + 1),
        )
        for number, column in enumerate(table.columns, 1):
            insert_column(session.db, object_id, number, column)
        session.db.execute(storage.table_sql(table, table.sql))
        for index in table.indexes:
            insert_index(session.db, object_id, index)
            if not index.primary:
                build_index(session, table, index)
        changed.add(object_id)


def drop_tables(session: Session, node: statements.DropTable) -> None:
    with changing(session) as changed:
        for parts in node.tables:
            schema, name = plans.renderer(session.definitions, {}, session).qualified(parts)
            table = session.definitions.find(schema, name)
            if table is None:
                if node.if_exists:
                    continue
                raise SqlError(
                    3701,
                    f"Cannot drop the table '{'.'.join(parts)}', because it does not exist or you "
                    "do not have permission.",
                    state=5,
                )
            db = session.db
            change_tracking.table_dropped(db, table.object_id)
            for meta in ("meta_tables", "meta_columns", "meta_indexes"):
                db.execute(f"DELETE FROM {meta} WHERE object_id = ?", (table.object_id,))
            db.execute(f"DROP TABLE {table.sql}")
            changed.add(table.object_id)


def truncate(session: Session, node: statements.Truncate) -> None:
    table = find_table(session, node.table, 4701)
    with changing(session):
        db = session.db
        with change_tracking.untriggered(db, table.object_id):
            db.execute(f"DELETE FROM {table.sql}")
        change_tracking.table_truncated(db, table.object_id)
        db.execute(
            "UPDATE meta_tables SET identity_last = NULL WHERE object_id = ?", (table.object_id,)
        )
        with session.place.turn:
            session.place.identities.pop(table.object_id, None)


def track(session: Session, node: statements.TableTracking) -> None:
    table = find_table(session, node.table)
    with changing(session):
        if node.enable:
            change_tracking.enable_table(
                session.db, table.object_id, node.columns, database=session.database
            )
        else:
            change_tracking.disable_table(session.db, table.object_id)
