"""The T-SQL that prepares a center's database, and the T-SQL that takes just that back.

Each script is one batch. What the first one does it notes in extended properties, and the second
one undoes what is noted there and nothing else.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from producers import canonical, quoting, statements
from schemas.errors import BadInput

if TYPE_CHECKING:
    from collections.abc import Sequence

    from producers.mapping import Mapping

__all__ = ["PASSWORD", "RETENTION", "ROLE", "Place", "prepare", "undo"]

PASSWORD: Final = "CHARTFEED_SQLSERVER_PASSWORD"  # noqa: S105 - the name of a variable
RETENTION: Final = "CHANGE_RETENTION = 2 DAYS, AUTO_CLEANUP = ON"
ROLE: Final = "chartfeed_reader"
CUT: Final = 40

HEAD: Final = """\
-- Prepares {database} for chartfeed: change tracking on four tables, snapshot isolation, and the
-- login {login}, which may read five tables and their changes and nothing else.
--
-- Run it as a DBA; running it again changes nothing. The password comes from the environment:
--   read -rs {variable} && export {variable}
--   sqlcmd -S {server} -d master -b -i THIS-FILE      (and -E, or -U, for yourself)
-- In PowerShell: $env:{variable} = Read-Host -MaskInput
-- A single quote in the password is written twice. Where the login is there already, its password
-- stays, and the variable may hold anything.
--
-- ALLOW_SNAPSHOT_ISOLATION waits until transactions that are open now have ended.
--
-- What this script finds done it leaves as it is. What it does itself it notes in an extended
-- property whose name begins with "chartfeed did", of this database or, for the login, of master:
-- that is how the undo script (chartfeed preflight --sql {center} --undo) knows.
"""
UNDO_HEAD: Final = """\
-- Takes back what "chartfeed preflight --sql {center}" did to {database}. Stop the capture first:
-- without change tracking its position is void.
--
-- Run it as a DBA; running it again changes nothing:
--   sqlcmd -S {server} -d master -b -i THIS-FILE      (and -E, or -U, for yourself)
--
-- The extended properties whose names begin with "chartfeed did" say what that script did; what
-- they do not name was there before and stays. Change tracking of the database stays, too, while
-- somebody else's tables are tracked, and the login while another database prepared by such a
-- script uses it.
"""


@dataclass(frozen=True, slots=True)
class Place:
    """Where the script will run, and for whom."""

    server: str
    login: str


def prepare(mapping: Mapping, place: Place) -> str:
    """Give the script that makes a center ready for the capture; the password is a variable."""
    database, login = _name(mapping.database), _name(place.login)
    lines = [
        *_head(HEAD, mapping, place),
        "SET NOCOUNT ON;",
        "SET XACT_ABORT ON;",
        "",
        *_create_login(place.login, mapping.database),
        "",
        f"USE {database};",
        "",
        *_track_database(database),
        "",
        *_allow_snapshots(database),
    ]
    for table in canonical.TRACKED:
        lines += ["", *_track_table(_table(mapping, table))]
    lines += [
        "",
        *_create_user(login, place.login),
        "",
        *_create_role(),
        *(f"GRANT SELECT ON OBJECT::{_table(mapping, table)} TO [{ROLE}];" for table in _READ),
        *(
            f"GRANT VIEW CHANGE TRACKING ON OBJECT::{_table(mapping, table)} TO [{ROLE}];"
            for table in canonical.TRACKED
        ),
        f"ALTER ROLE [{ROLE}] ADD MEMBER {login};",
        f"PRINT {quoting.text(f'{mapping.database} is ready for {place.login}.')};",
        "",
    ]
    return "\n".join(lines)


def undo(mapping: Mapping, place: Place) -> str:
    """Give the script that takes back what `prepare` did, by the notes it left."""
    database, login = _name(mapping.database), _name(place.login)
    lines = [
        *_head(UNDO_HEAD, mapping, place),
        "SET NOCOUNT ON;",
        "SET XACT_ABORT ON;",
        "",
        f"USE {database};",
        "",
        *_drop_role(login, place.login),
        "",
        *_once_done(_did("user", place.login), [f"DROP USER IF EXISTS {login};"]),
    ]
    for table in reversed(canonical.TRACKED):
        lines += ["", *_untrack_table(_table(mapping, table))]
    lines += [
        "",
        *_disallow_snapshots(database),
        "",
        *_untrack_database(database),
        "",
        "USE [master];",
        "",
        *_drop_login(login, place.login, mapping.database),
        f"PRINT {quoting.text(f'{mapping.database} is as it was before.')};",
        "",
    ]
    return "\n".join(lines)


_READ: Final = tuple(canonical.TABLES)


def _head(head: str, mapping: Mapping, place: Place) -> list[str]:
    said = {
        "database": mapping.database,
        "center": mapping.center,
        "login": place.login,
        "server": place.server,
        "variable": PASSWORD,
    }
    for text in said.values():
        _name(text)
    return head.format_map(said).splitlines()


# The login, which belongs to the server and may serve several databases.


def _create_login(login: str, database: str) -> list[str]:
    given = f"N'$({PASSWORD})'"
    # Put together, so that sqlcmd replaces the variable alone and not what it is compared with.
    missing = f"N'$' + N'({PASSWORD})'"
    made, used = _did("login", login), _uses(login, database)
    return [
        "USE [master];",
        f"IF NOT EXISTS (SELECT 1 FROM sys.server_principals WHERE name = {quoting.text(login)})",
        "BEGIN",
        f"    IF {given} IN (N'', {missing})",
        f"        THROW 50000, N'{PASSWORD} is not set: see the head of this script.', 1;",
        f"    CREATE LOGIN {_name(login)} WITH PASSWORD = {given};",
        *_note(made, login),
        "END;",
        *_note(used, database, ""),
    ]


def _drop_login(name: str, login: str, database: str) -> list[str]:
    made, used = _did("login", login), _uses(login, database)
    others = quoting.text(f"{_used_by(login)}%")
    return [
        f"IF {_noted(used)}",
        f"    {_forget(used)}",
        f"IF {_noted(made)}",
        "    AND NOT EXISTS (SELECT 1 FROM sys.extended_properties",
        f"    WHERE class = 0 AND name LIKE {others})",
        "BEGIN",
        f"    IF EXISTS (SELECT 1 FROM sys.server_principals WHERE name = {quoting.text(login)})",
        f"        DROP LOGIN {name};",
        f"    {_forget(made)}",
        "END;",
    ]


# What belongs to the database.


def _track_database(database: str) -> list[str]:
    return [
        "IF NOT EXISTS (SELECT 1 FROM sys.change_tracking_databases WHERE database_id = DB_ID())",
        "BEGIN",
        f"    ALTER DATABASE {database} SET CHANGE_TRACKING = ON ({RETENTION});",
        *_note(_did("change tracking"), "of the database"),
        "END;",
    ]


def _untrack_database(database: str) -> list[str]:
    noted = _did("change tracking")
    return [
        f"IF {_noted(noted)}",
        "BEGIN",
        "    IF EXISTS (SELECT 1 FROM sys.change_tracking_tables)",
        "        PRINT N'Other tables are tracked; change tracking of the database stays.';",
        "    ELSE",
        "    BEGIN",
        f"        {_TRACKED}",
        f"            ALTER DATABASE {database} SET CHANGE_TRACKING = OFF;",
        f"        {_forget(noted)}",
        "    END;",
        "END;",
    ]


_TRACKED: Final = (
    "IF EXISTS (SELECT 1 FROM sys.change_tracking_databases WHERE database_id = DB_ID())"
)
_SNAPSHOTS: Final = (
    "IF EXISTS (SELECT 1 FROM sys.databases\n"
    "    WHERE database_id = DB_ID() AND snapshot_isolation_state {})"
)


def _allow_snapshots(database: str) -> list[str]:
    return [
        _SNAPSHOTS.format("IN (0, 2)"),
        "BEGIN",
        f"    ALTER DATABASE {database} SET ALLOW_SNAPSHOT_ISOLATION ON;",
        *_note(_did("snapshot isolation"), "of the database"),
        "END;",
    ]


def _disallow_snapshots(database: str) -> list[str]:
    off = f"ALTER DATABASE {database} SET ALLOW_SNAPSHOT_ISOLATION OFF;"
    return _once_done(_did("snapshot isolation"), [off])


def _track_table(table: str) -> list[str]:
    return [
        "IF NOT EXISTS (SELECT 1 FROM sys.change_tracking_tables",
        f"    WHERE object_id = OBJECT_ID({quoting.text(table)}))",
        "BEGIN",
        f"    ALTER TABLE {table} ENABLE CHANGE_TRACKING;",
        *_note(_did("tracking of", table), table),
        "END;",
    ]


def _untrack_table(table: str) -> list[str]:
    tracked = "IF EXISTS (SELECT 1 FROM sys.change_tracking_tables"
    return _once_done(
        _did("tracking of", table),
        [
            tracked,
            f"    WHERE object_id = OBJECT_ID({quoting.text(table)}))",
            f"    ALTER TABLE {table} DISABLE CHANGE_TRACKING;",
        ],
    )


def _create_user(name: str, login: str) -> list[str]:
    wrong = f"the user {login} is not that login's: ALTER USER ... WITH LOGIN mends it"
    return [
        f"IF NOT EXISTS (SELECT 1 FROM sys.database_principals WHERE name = {quoting.text(login)})",
        "BEGIN",
        f"    CREATE USER {name} FOR LOGIN {name};",
        *_note(_did("user", login), login),
        "END",
        "ELSE IF NOT EXISTS (SELECT 1 FROM sys.database_principals AS d",
        "    JOIN sys.server_principals AS s ON s.sid = d.sid",
        f"    WHERE d.name = {quoting.text(login)} AND s.name = {quoting.text(login)})",
        f"    THROW 50000, {quoting.text(wrong)}, 1;",
    ]


def _create_role() -> list[str]:
    return [
        f"IF NOT EXISTS (SELECT 1 FROM sys.database_principals WHERE name = N'{ROLE}')",
        "BEGIN",
        f"    CREATE ROLE [{ROLE}];",
        *_note(_did("role"), ROLE),
        "END",
        f"ELSE IF NOT {_noted(_did('role'))}",
        f"    THROW 50000, N'a role {ROLE} is there that no such script made', 1;",
    ]


def _drop_role(name: str, login: str) -> list[str]:
    there = "IF EXISTS (SELECT 1 FROM sys.database_principals WHERE name ="
    return _once_done(
        _did("role"),
        [
            f"{there} {quoting.text(login)})",
            f"    AND EXISTS (SELECT 1 FROM sys.database_principals WHERE name = N'{ROLE}')",
            f"    ALTER ROLE [{ROLE}] DROP MEMBER {name};",
            f"DROP ROLE IF EXISTS [{ROLE}];",
        ],
    )


# The notes.


def _did(what: str, name: str | None = None) -> str:
    """Give the name of the note that says what the script did; two names never share one."""
    said = f"chartfeed did: {what}"
    if name is None:
        return said
    return f"{said} {_hash(name)} {_cut(name)}"


def _used_by(login: str) -> str:
    return f"chartfeed uses login {_hash(login)} in "


def _uses(login: str, database: str) -> str:
    return f"{_used_by(login)}{_hash(database)} {_cut(database)}"


def _hash(name: str) -> str:
    return hashlib.sha256(name.casefold().encode("utf-8", "surrogatepass")).hexdigest()[:8]


def _cut(name: str) -> str:
    return name[:CUT]


def _noted(note: str, indent: str = "") -> str:
    return (
        "EXISTS (SELECT 1 FROM sys.extended_properties\n"
        f"{indent}    WHERE class = 0 AND name = {quoting.text(note)})"
    )


def _note(note: str, value: str, indent: str = "    ") -> list[str]:
    """Give the lines that note something; it may be noted already, and undone by hand since."""
    return [
        f"{indent}IF NOT {_noted(note, indent)}",
        f"{indent}    EXEC sys.sp_addextendedproperty @name = {quoting.text(note)},",
        f"{indent}        @value = {quoting.text(value)};",
    ]


def _forget(note: str) -> str:
    return f"EXEC sys.sp_dropextendedproperty @name = {quoting.text(note)};"


def _once_done(note: str, lines: Sequence[str]) -> list[str]:
    return [
        f"IF {_noted(note)}",
        "BEGIN",
        *(f"    {line}" for line in lines),
        f"    {_forget(note)}",
        "END;",
    ]


# Names and texts.


def _table(mapping: Mapping, table: str) -> str:
    for name in (mapping.schema_name(), mapping.table(table)):
        _name(name)
    return statements.table(mapping, table)


def _name(name: str) -> str:
    """Give a name in brackets, or refuse what sqlcmd would act upon before the server sees it."""
    if "$(" in name or not name.isprintable():
        raise BadInput(
            f"{name!r} can't stand in a script: sqlcmd would read part of it as a command",
            hint="switch it on by hand, by docs/preflight.md",
        )
    return quoting.name(name)
