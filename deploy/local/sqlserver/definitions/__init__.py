"""CREATE, ALTER and DROP of what a database holds; users and rights.

Read `change` (the transaction around each of them), `form` (how a table is kept), then the nouns:
`tables`, `columns`, `constraints`, `indexes`, `schemas`, `renaming` and `rights`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

from deploy.local.sqlserver.definitions.change import changing
from deploy.local.sqlserver.definitions.columns import add, alter_column, drop_columns
from deploy.local.sqlserver.definitions.constraints import drop_constraint
from deploy.local.sqlserver.definitions.indexes import create_index, drop_index
from deploy.local.sqlserver.definitions.renaming import rename
from deploy.local.sqlserver.definitions.rights import (
    alter_role,
    change_rights,
    create_role,
    create_user,
    drop_role,
    drop_user,
)
from deploy.local.sqlserver.definitions.schemas import create_schema, drop_schema
from deploy.local.sqlserver.definitions.tables import create_table, drop_tables, track, truncate
from deploy.local.sqlserver.results import Done, Event
from deploy.local.sqlserver.translation import statements

if TYPE_CHECKING:
    from deploy.local.sqlserver.engine_session import Session
    from deploy.local.sqlserver.executor import Executor

STATEMENTS: dict[type, Callable[[Session, Any], None]] = {
    statements.CreateTable: create_table,
    statements.DropTable: drop_tables,
    statements.AddColumns: add,
    statements.AlterColumn: alter_column,
    statements.DropColumns: drop_columns,
    statements.DropConstraint: drop_constraint,
    statements.TableTracking: track,
    statements.Truncate: truncate,
    statements.CreateIndex: create_index,
    statements.DropIndex: drop_index,
    statements.CreateSchema: create_schema,
    statements.DropSchema: drop_schema,
    statements.CreateUser: create_user,
    statements.DropUser: drop_user,
    statements.CreateRole: create_role,
    statements.DropRole: drop_role,
    statements.AlterRole: alter_role,
    statements.Permission: change_rights,
}


def run(executor: Executor, node: Any) -> Iterator[Event]:
    STATEMENTS[type(node)](executor.session, node)
    yield Done()


__all__ = ["STATEMENTS", "changing", "rename", "run"]
