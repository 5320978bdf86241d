"""Schemas created and dropped."""

from __future__ import annotations

from typing import TYPE_CHECKING

from deploy.local.sqlserver.definitions.change import changing, take_number
from deploy.local.sqlserver.errors import SqlError
from deploy.local.sqlserver.translation import statements

if TYPE_CHECKING:
    from deploy.local.sqlserver.engine_session import Session


def create_schema(session: Session, node: statements.CreateSchema) -> None:
    if node.name.lower() in session.definitions.schemas:
        raise SqlError(2714, f"There is already an object named '{node.name}' in the database.")
    with changing(session, "CREATE SCHEMA"):
        number = take_number(session.db, "next_schema_id")
        session.db.execute("INSERT INTO meta_schemas VALUES (?, ?)", (number, node.name))


def drop_schema(session: Session, node: statements.DropSchema) -> None:
    found = session.definitions.schemas.get(node.name.lower())
    if found is None:
        if node.if_exists:
            return
        raise SqlError(
            15151,
            f"Cannot drop the schema '{node.name}', because it does not exist or you do "
            "not have permission.",
        )
    if any(table.schema_id == found[0] for table in session.definitions.tables.values()):
        raise SqlError(
            3729, f"Cannot drop schema '{node.name}' because it is being referenced by object."
        )
    with changing(session):
        session.db.execute("DELETE FROM meta_schemas WHERE schema_id = ?", (found[0],))
