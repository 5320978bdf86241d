"""The T-SQL that lets a center be captured, for whoever administers its server."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

import pyodbc

from producers import canonical, statements
from producers.connection import NO_RIGHT
from producers.quoting import name as quoted

if TYPE_CHECKING:
    from producers.errors import Denied
    from producers.mapping import Mapping

__all__ = ["lacks_a_right", "login_of", "rights", "tracking"]


def lacks_a_right(error: Denied) -> bool:
    """Tell whether it is a right inside the database that is missing, not the way in."""
    return error.fields.get("number") in NO_RIGHT


def login_of(connection: pyodbc.Connection) -> str:
    """Give who the server says we are in the database; something to replace if it does not."""
    try:
        return str(connection.getinfo(pyodbc.SQL_USER_NAME))
    except pyodbc.Error:
        return "the login"


def rights(mapping: Mapping, login: str) -> str:
    """Give the grants that reading needs; a grant that is there already does no harm."""
    lines = [
        f"GRANT SELECT{', VIEW CHANGE TRACKING' if table in canonical.TRACKED else ''}"
        f" ON OBJECT::{statements.table(mapping, table)} TO {quoted(login)};"
        for table in canonical.TABLES
    ]
    return "\n    ".join(["grant what is missing of this T-SQL:", *lines])


def tracking(mapping: Mapping, tables: Iterable[str], login: str) -> str:
    """Give what switches tracking on, and lets it be seen; without tables for the database."""
    kept = "(CHANGE_RETENTION = 2 DAYS, AUTO_CLEANUP = ON)"
    lines = [f"ALTER DATABASE {quoted(mapping.database)} SET CHANGE_TRACKING = ON {kept};"]
    for table in tables:
        name = statements.table(mapping, table)
        lines.append(f"ALTER TABLE {name} ENABLE CHANGE_TRACKING;")
        lines.append(f"GRANT SELECT, VIEW CHANGE TRACKING ON OBJECT::{name} TO {quoted(login)};")
    return "\n    ".join(["what is missing of this T-SQL:", *lines])
