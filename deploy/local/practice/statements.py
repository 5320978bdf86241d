"""The T-SQL that makes a practice's database, and the T-SQL of the staff who work in it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from deploy.local.practice import layout
from deploy.local.practice.blueprint import Practice
from deploy.local.practice.layout import Table

RETENTION_DAYS = 2


def quoted(name: str) -> str:
    """Give an identifier in brackets; nothing else puts a name into a statement."""
    return "[" + name.replace("]", "]]") + "]"


def literal(text: str) -> str:
    """Give a Unicode literal, for the few statements that take no parameters."""
    return "N'" + text.replace("'", "''") + "'"


def qualified(practice: Practice, table: Table) -> str:
    return f"{quoted(practice.schema)}.{quoted(table.name)}"


def create_database(practice: Practice) -> str:
    return f"CREATE DATABASE {quoted(practice.database)}"


def drop_database(practice: Practice) -> str:
    return f"DROP DATABASE {quoted(practice.database)}"


def create_schema(practice: Practice) -> str | None:
    """Give the statement that makes the schema; dbo is there already."""
    return None if practice.schema == "dbo" else f"CREATE SCHEMA {quoted(practice.schema)}"


def create_table(practice: Practice, table: Table) -> str:
    key = table.key
    columns = [
        f"{quoted(column.name)} {column.type} {'NULL' if column.nullable else 'NOT NULL'}"
        for column in table.columns
    ]
    primary = f"CONSTRAINT {quoted(f'PK_{table.name}')} PRIMARY KEY CLUSTERED ({quoted(key.name)})"
    inside = ",\n    ".join([*columns, primary])
    return f"CREATE TABLE {qualified(practice, table)} (\n    {inside}\n)"


def insert(practice: Practice, table: Table, columns: Sequence[str]) -> str:
    names = ", ".join(quoted(column) for column in columns)
    marks = ", ".join("?" for _ in columns)
    return f"INSERT INTO {qualified(practice, table)} ({names}) VALUES ({marks})"


def insert_json(practice: Practice, table: Table) -> str:
    """Insert many rows from one parameter, a JSON list of lists in the table's column order."""
    names = ", ".join(quoted(column.name) for column in table.columns)
    typed = ", ".join(
        f"{quoted(column.name)} {column.type} '$[{at}]'" for at, column in enumerate(table.columns)
    )
    return (
        f"INSERT INTO {qualified(practice, table)} ({names}) "
        f"SELECT {names} FROM OPENJSON(?) WITH ({typed})"
    )


def update(practice: Practice, table: Table, columns: Iterable[str]) -> str:
    changes = ", ".join(f"{quoted(column)} = ?" for column in columns)
    key = quoted(table.key.name)
    return f"UPDATE {qualified(practice, table)} SET {changes} WHERE {key} = ?"


def delete(practice: Practice, table: Table) -> str:
    return f"DELETE FROM {qualified(practice, table)} WHERE {quoted(table.key.name)} = ?"


def recent(practice: Practice, table: Table, most: int) -> str:
    """Read the newest rows of one of the five tables, columns in canonical order."""
    key = quoted(table.key.name)
    return (
        f"SELECT TOP ({most}) {_canonical_columns(table)} "
        f"FROM {qualified(practice, table)} ORDER BY {key} DESC"
    )


def patients(practice: Practice, most: int) -> str:
    """Read the newest patients' numbers; their names stay where they are."""
    table = practice.table(layout.PATIENT)
    key = quoted(table.key.name)
    return f"SELECT TOP ({most}) {key} FROM {qualified(practice, table)} ORDER BY {key} DESC"


def one(practice: Practice, table: Table) -> str:
    key = quoted(table.key.name)
    return f"SELECT {_canonical_columns(table)} FROM {qualified(practice, table)} WHERE {key} = ?"


def version_of(practice: Practice, table: Table) -> str:
    """Read the version of the last change of one row after a version; a deleted row has one too."""
    key = quoted(table.key.name)
    return (
        "SELECT MAX(c.SYS_CHANGE_VERSION) "
        f"FROM CHANGETABLE(CHANGES {qualified(practice, table)}, ?) AS c WHERE c.{key} = ?"
    )


CURRENT_VERSION = "SELECT CHANGE_TRACKING_CURRENT_VERSION()"


def track(practice: Practice) -> tuple[str, ...]:
    """Switch on change tracking; rows that are there by now are no changes."""
    kept = f"CHANGE_RETENTION = {RETENTION_DAYS} DAYS, AUTO_CLEANUP = ON"
    return (
        f"ALTER DATABASE {quoted(practice.database)} SET CHANGE_TRACKING = ON ({kept})",
        *(
            f"ALTER TABLE {qualified(practice, practice.table(role))} ENABLE CHANGE_TRACKING"
            for role in layout.TRACKED
        ),
    )


def allow_snapshots(practice: Practice) -> str:
    return f"ALTER DATABASE {quoted(practice.database)} SET ALLOW_SNAPSHOT_ISOLATION ON"


DATABASES = "SELECT name, snapshot_isolation_state FROM sys.databases WHERE database_id > 4"


def create_login(user: str, password: str) -> str:
    return f"CREATE LOGIN {quoted(user)} WITH PASSWORD = {literal(password)}"


def alter_login(user: str, password: str) -> str:
    return f"ALTER LOGIN {quoted(user)} WITH PASSWORD = {literal(password)}"


def grant(practice: Practice, user: str) -> tuple[str, ...]:
    """Let the reader in as a DBA does before a review: nobody can name the five tables yet."""
    who = quoted(user)
    schema = quoted(practice.schema)
    return (
        f"CREATE USER {who} FOR LOGIN {who}",
        f"GRANT VIEW DEFINITION TO {who}",
        f"GRANT SELECT ON SCHEMA::{schema} TO {who}",
        f"GRANT VIEW CHANGE TRACKING ON SCHEMA::{schema} TO {who}",
    )


def _canonical_columns(table: Table) -> str:
    roles = (layout.split(spec)[0] for spec in layout.COLUMNS[table.role or layout.KARTEI])
    return ", ".join(quoted(table.column(role).name) for role in roles)
