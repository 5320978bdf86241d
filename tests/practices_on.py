"""How tests and benchmarks reach the practices on a stand-in."""

from __future__ import annotations

from contextlib import closing
from dataclasses import dataclass, field
from typing import Any

import pyodbc

from deploy.local.practice import layout, statements
from deploy.local.practices import Practice
from producers.connection import Settings
from tests.standin import Standin


@dataclass(frozen=True, slots=True)
class Password:
    text: str = field(repr=False)

    def reveal(self) -> str:
        return self.text


def settings(
    standin: Standin, database: str = "master", *, user: str | None = None, password: str = ""
) -> Settings:
    """Give how to log in to a stand-in: as sa, or as somebody else."""
    return Settings(
        center="practices",
        server=f"127.0.0.1,{standin.port}",
        database=database,
        user=user or standin.user,
        secret=Password(password if user else standin.password),
        trust_server_certificate=True,
    )


def images(connection: pyodbc.Connection, practice: Practice) -> dict[str, dict[Any, Any]]:
    """Give what lies in the tracked tables, in canonical words."""
    found = {}
    for role in layout.TRACKED:
        table = practice.table(role)
        names = [layout.split(spec)[0] for spec in layout.COLUMNS[role]]
        with closing(connection.cursor()) as cursor:
            cursor.execute(statements.recent(practice, table, 1_000_000))
            rows = [
                {
                    name: table.column(name).store.canonical(value)
                    for name, value in zip(names, row, strict=True)
                }
                for row in cursor.fetchall()
            ]
        found[role] = {row["ID"]: row for row in rows}
    return found
