"""What a login with few rights may see: the least that capture needs, and what is missing."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import pytest

from tests.contract.sqlserver import Database, Session, fails


@dataclass(frozen=True, slots=True)
class Reader:
    """A login without rights in a database, and what it is called."""

    database: Database
    name: str
    session: Session


@pytest.fixture
def reader(database: Database, a_login: Callable[..., dict[str, str]]) -> Reader:
    database.run("CREATE TABLE t (id int NOT NULL PRIMARY KEY, a int)")
    database.run("CREATE TABLE secret (id int NOT NULL PRIMARY KEY)")
    database.run("ALTER TABLE t ENABLE CHANGE_TRACKING")
    database.run("INSERT INTO t VALUES (1, 1)")
    login = a_login(database)
    return Reader(database, login["UID"], database.session(parts=login))


def grant(reader: Reader, *rights: str) -> None:
    for right in rights:
        reader.database.run(f"GRANT {right} TO {reader.name}")


def test_the_least_rights_are_enough_to_read_changes(reader: Reader) -> None:
    grant(reader, "SELECT ON dbo.t", "VIEW CHANGE TRACKING ON dbo.t")
    session = reader.session
    session.run("SET TRANSACTION ISOLATION LEVEL SNAPSHOT")
    assert session.value("SELECT CHANGE_TRACKING_CURRENT_VERSION()") == 1
    assert session.value("SELECT CHANGE_TRACKING_MIN_VALID_VERSION(OBJECT_ID('dbo.t'))") == 0
    assert session.rows(
        "SELECT ct.id, t.a FROM CHANGETABLE(CHANGES dbo.t, 0) AS ct JOIN dbo.t AS t ON t.id = ct.id"
    ) == [(1, 1)]
    begin = "SELECT begin_version FROM sys.change_tracking_tables WHERE object_id = OBJECT_ID('t')"
    assert session.value(begin) == 0


def test_select_must_be_granted(reader: Reader) -> None:
    with fails(229, "42000", naming="'t'"):
        reader.session.rows("SELECT id FROM t")
    grant(reader, "SELECT ON dbo.t")
    assert reader.session.rows("SELECT id FROM t") == [(1,)]


@pytest.mark.parametrize(
    ("statement", "right"),
    [
        ("INSERT INTO t VALUES (2, 2)", "INSERT"),
        ("UPDATE t SET a = 2", "UPDATE"),
        ("DELETE FROM t", "DELETE"),
    ],
)
def test_a_reader_writes_nothing(reader: Reader, statement: str, right: str) -> None:
    grant(reader, "SELECT ON dbo.t")
    with fails(229, "42000", naming=right):
        reader.session.run(statement)
    assert reader.database.rows("SELECT id, a FROM t") == [(1, 1)]


def test_what_was_revoked_is_gone(reader: Reader) -> None:
    grant(reader, "SELECT ON dbo.t")
    assert reader.session.rows("SELECT id FROM t") == [(1,)]
    reader.database.run(f"REVOKE SELECT ON dbo.t FROM {reader.name}")
    with fails(229):
        reader.session.rows("SELECT id FROM t")


def test_a_denial_is_stronger_than_a_grant(reader: Reader) -> None:
    grant(reader, "SELECT ON SCHEMA::dbo")
    assert reader.session.rows("SELECT id FROM secret") == []
    reader.database.run(f"DENY SELECT ON dbo.secret TO {reader.name}")
    with fails(229, naming="secret"):
        reader.session.rows("SELECT id FROM secret")
    assert reader.session.rows("SELECT id FROM t") == [(1,)]


def test_without_view_change_tracking_min_valid_is_null(reader: Reader) -> None:
    grant(reader, "SELECT ON dbo.t")
    read = "SELECT CHANGE_TRACKING_MIN_VALID_VERSION(OBJECT_ID('dbo.t'))"
    assert reader.session.value(read) is None
    grant(reader, "VIEW CHANGE TRACKING ON dbo.t")
    assert reader.session.value(read) == 0


def test_without_view_change_tracking_changes_are_denied(reader: Reader) -> None:
    grant(reader, "SELECT ON dbo.t")
    with fails(229, "42000", naming="VIEW CHANGE TRACKING"):
        reader.session.rows("SELECT * FROM CHANGETABLE(CHANGES dbo.t, 0) AS ct")


def test_the_catalog_shows_what_one_may_touch(reader: Reader) -> None:
    read = "SELECT name FROM sys.tables ORDER BY name"
    assert reader.session.rows(read) == []
    grant(reader, "SELECT ON dbo.t")
    assert reader.session.rows(read) == [("t",)]
    assert reader.session.rows("SELECT TABLE_NAME FROM INFORMATION_SCHEMA.TABLES") == [("t",)]
    grant(reader, "VIEW DEFINITION")
    assert reader.session.rows(read) == [("secret",), ("t",)]


def test_view_database_state_is_a_right_of_its_own(reader: Reader) -> None:
    read = "SELECT COUNT(*) FROM sys.dm_tran_commit_table"
    with fails(262):
        reader.session.rows(read)
    grant(reader, "VIEW DATABASE STATE")
    assert reader.session.value(read) >= 1


def test_a_reader_can_ask_what_it_may(reader: Reader) -> None:
    grant(reader, "SELECT ON dbo.t")
    read = "SELECT HAS_PERMS_BY_NAME('dbo.t', 'OBJECT', ?)"
    assert reader.session.value(read, "SELECT") == 1
    assert reader.session.value(read, "VIEW CHANGE TRACKING") == 0


@pytest.mark.parametrize(
    "statement",
    [
        "CREATE TABLE own (id int)",
        "DROP TABLE t",
        "ALTER TABLE t ADD b int",
        "ALTER TABLE t DISABLE CHANGE_TRACKING",
        "TRUNCATE TABLE t",
        "CREATE DATABASE contract_never",
    ],
)
def test_a_reader_changes_no_definitions(reader: Reader, statement: str) -> None:
    grant(reader, "SELECT ON dbo.t")
    with pytest.raises(Exception, match=r"\((262|1088|3701|4902|229|15247|4701)\)"):
        reader.session.run(statement)
    assert reader.database.rows("SELECT id FROM t") == [(1,)]


def test_a_login_without_a_user_does_not_get_in(
    database: Database, a_login: Callable[..., dict[str, str]]
) -> None:
    login = a_login()
    with fails(4060):
        database.session(parts=login)


def test_roles_give_their_rights(reader: Reader) -> None:
    reader.database.run(f"ALTER ROLE db_datareader ADD MEMBER {reader.name}")
    assert reader.session.rows("SELECT id FROM t") == [(1,)]
    assert reader.session.rows("SELECT id FROM secret") == []
