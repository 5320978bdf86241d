"""Logins, users and roles as the catalog shows them, and notes about a database."""

from __future__ import annotations

from collections.abc import Callable
from uuid import uuid4

import pytest

from tests.contract.sqlserver import Database, fails

NOTED = "SELECT name, CONVERT(nvarchar(200), value) FROM sys.extended_properties WHERE class = 0"


@pytest.fixture
def login(database: Database, a_login: Callable[..., dict[str, str]]) -> dict[str, str]:
    database.run("CREATE TABLE t (id int NOT NULL PRIMARY KEY)")
    return a_login(database)


@pytest.fixture
def role(database: Database, login: dict[str, str]) -> str:
    name = f"role_{uuid4().hex[:8]}"
    database.run(f"CREATE ROLE {name}")
    database.run(f"ALTER ROLE {name} ADD MEMBER {login['UID']}")
    return name


def test_a_role_gives_its_members_what_it_was_given(
    database: Database, login: dict[str, str], role: str
) -> None:
    session = database.session(parts=login)
    with fails(229):
        session.rows("SELECT id FROM t")
    database.run(f"GRANT SELECT ON OBJECT::dbo.t TO {role}")
    assert session.rows("SELECT id FROM t") == []
    database.run(f"ALTER ROLE {role} ADD MEMBER {login['UID']}")
    database.run(f"ALTER ROLE {role} DROP MEMBER {login['UID']}")
    with fails(229):
        session.rows("SELECT id FROM t")


def test_a_role_with_members_is_not_dropped(
    database: Database, login: dict[str, str], role: str
) -> None:
    with fails(15144):
        database.run(f"DROP ROLE {role}")
    database.run(f"ALTER ROLE {role} DROP MEMBER {login['UID']}")
    database.run(f"DROP ROLE {role}")
    database.run(f"DROP ROLE IF EXISTS {role}")
    with fails(15151):
        database.run(f"DROP ROLE {role}")


def test_a_role_of_that_name_is_there_once(database: Database, role: str) -> None:
    with fails(15023):
        database.run(f"CREATE ROLE {role}")


def test_a_user_and_its_login_have_the_same_sid(database: Database, login: dict[str, str]) -> None:
    read = (
        "SELECT d.type_desc FROM sys.database_principals AS d"
        " JOIN sys.server_principals AS s ON s.sid = d.sid WHERE s.name = ?"
    )
    assert database.rows(read, login["UID"]) == [("SQL_USER",)]


def test_a_role_is_a_principal_of_its_own_type(database: Database, role: str) -> None:
    read = "SELECT type, type_desc FROM sys.database_principals WHERE name = ?"
    assert database.rows(read, role) == [("R", "DATABASE_ROLE")]


def test_a_right_on_a_schema_can_be_asked_for(database: Database, login: dict[str, str]) -> None:
    session = database.session(parts=login)
    read = "SELECT HAS_PERMS_BY_NAME('[dbo]', 'SCHEMA', 'SELECT')"
    assert session.value(read) == 0
    database.run(f"GRANT SELECT ON SCHEMA::dbo TO {login['UID']}")
    assert session.value(read) == 1


def test_a_note_about_a_database_stays_until_it_is_taken_away(database: Database) -> None:
    add = "EXEC sys.sp_addextendedproperty @name = N'seen', @value = N'it''s here'"
    database.run(add)
    assert database.rows(NOTED) == [("seen", "it's here")]
    with fails(15233):
        database.run(add)
    database.run("EXEC sys.sp_dropextendedproperty @name = N'seen'")
    assert database.rows(NOTED) == []
    with fails(15217):
        database.run("EXEC sys.sp_dropextendedproperty @name = N'seen'")


def test_a_login_that_may_view_any_database_sees_what_tells_them_apart(
    database: Database, login: dict[str, str]
) -> None:
    database.admin.run(f"GRANT VIEW ANY DATABASE TO {login['UID']}")
    read = "SELECT COUNT(family_guid) FROM sys.database_recovery_status WHERE database_id = DB_ID()"
    assert database.session(parts=login).value(read) == 1


def test_rights_on_the_server_are_given_in_master(
    database: Database, login: dict[str, str]
) -> None:
    with fails(4621):
        database.run(f"GRANT VIEW ANY DATABASE TO {login['UID']}")
