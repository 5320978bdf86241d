"""What the stand-in's engine defines: databases, tables, columns, rights, and their errors."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from deploy.local.sqlserver.errors import SqlError
from deploy.local.sqlserver.instance import Instance
from tests.unit.standin_engine import Client


@pytest.fixture
def client(tmp_path: Path) -> Iterator[Client]:
    instance = Instance(tmp_path, "secret")
    client = Client(instance, instance.open("sa", "secret", None, lambda: False))
    client.run("CREATE DATABASE d")
    client.run("USE d")
    yield client
    for other in client.others:
        other.session.close()
    client.session.close()
    instance.close()


def test_a_table_gives_defaults_identities_and_types(client: Client) -> None:
    client.run("CREATE SCHEMA ck")
    client.run(
        "CREATE TABLE ck.T (ID int IDENTITY(5, 2) NOT NULL CONSTRAINT PK_T PRIMARY KEY,"
        " S varchar(10) NOT NULL DEFAULT ('x'), U nvarchar(max), D date, B bit DEFAULT 0)"
    )
    client.run("INSERT INTO ck.T (U) VALUES (N'a'), (N'b')")
    client.run("INSERT INTO ck.T DEFAULT VALUES")
    assert client.rows("SELECT ID, S, U, B FROM ck.T") == [
        (5, "x", "a", 0),
        (7, "x", "b", 0),
        (9, "x", None, 0),
    ]
    assert client.value("SELECT CAST(SCOPE_IDENTITY() AS int)") == 9


def test_an_identity_may_be_given_by_hand(client: Client) -> None:
    client.run("CREATE TABLE t (id int IDENTITY PRIMARY KEY, a int)")
    assert client.ask("INSERT INTO t (id, a) VALUES (10, 1)").errors == [544]
    client.run(
        "SET IDENTITY_INSERT t ON; INSERT INTO t (id, a) VALUES (10, 1); SET IDENTITY_INSERT t OFF"
    )
    client.run("INSERT INTO t (a) VALUES (2)")
    assert client.rows("SELECT id FROM t ORDER BY id") == [(10,), (11,)]


def test_columns_come_change_and_go(client: Client) -> None:
    client.run("CREATE TABLE t (id int NOT NULL PRIMARY KEY, a varchar(10))")
    client.run("INSERT INTO t VALUES (1, '17')")
    client.run("ALTER TABLE t ADD b int NULL, c int NOT NULL DEFAULT 3")
    client.run("ALTER TABLE t ALTER COLUMN a int")
    assert client.rows("SELECT * FROM t") == [(1, 17, None, 3)]
    client.run("ALTER TABLE t DROP COLUMN b")
    client.run("EXEC sp_rename 't.a', 'amount', 'COLUMN'; EXEC sp_rename 't', 'renamed'")
    assert client.rows("SELECT amount, c FROM renamed") == [(17, 3)]
    assert client.ask("SELECT a FROM renamed").errors == [207]
    assert client.ask("SELECT * FROM t").errors == [208]


@pytest.mark.parametrize(
    ("sql", "number"),
    [
        ("CREATE TABLE t (id int)", 2714),
        ("CREATE TABLE gone.t (id int)", 2760),
        ("CREATE TABLE n (id int, ID int)", 2705),
        ("DROP TABLE gone", 3701),
        ("DROP DATABASE gone", 3701),
        ("DROP DATABASE d", 3702),
        ("CREATE DATABASE d", 1801),
        ("USE gone", 911),
        ("ALTER TABLE t ADD c int NOT NULL", 4901),
        ("ALTER TABLE t DROP COLUMN gone", 4924),
        ("ALTER TABLE t DROP COLUMN id", 4922),
        ("ALTER TABLE t ALTER COLUMN s varchar(1)", 2628),
        ("ALTER TABLE t ENABLE CHANGE_TRACKING", 1718),
        ("SELECT * FROM CHANGETABLE(CHANGES t, 0) AS c", 22105),
        ("SELECT * FROM CHANGETABLE(CHANGES t, 0)", 22104),
        ("SELECT * FROM CHANGETABLE(CHANGES t, 1 + 1) AS c", 102),
        ("INSERT INTO t (id) VALUES (1)", 2627),
        ("INSERT INTO t (id) VALUES (NULL)", 515),
        ("INSERT INTO t (id, s) VALUES (2, 'too long for it')", 2628),
        ("INSERT INTO t VALUES (2)", 213),
        ("UPDATE t SET u = 'taken' WHERE id = 2", 2601),
        ("CREATE TABLE m (x geography)", 50000),
    ],
)
def test_a_definition_fails_with_sql_servers_number(client: Client, sql: str, number: int) -> None:
    client.run("CREATE TABLE t (id int NOT NULL PRIMARY KEY, s varchar(5), u varchar(10))")
    client.run("CREATE UNIQUE INDEX ix ON t (u)")
    client.run("INSERT INTO t VALUES (1, 'abc', 'taken'), (2, 'abc', 'free')")
    assert client.ask(sql).errors == [number]


def test_keys_compare_as_text_does(client: Client) -> None:
    client.run("CREATE TABLE k (s nvarchar(10) NOT NULL PRIMARY KEY)")
    client.run("INSERT INTO k VALUES (N'Ä')")
    assert client.ask("INSERT INTO k VALUES (N'ä  ')").errors == [2627]
    client.run("INSERT INTO k VALUES (N'a')")


def test_a_tracked_table_keeps_its_key(client: Client) -> None:
    client.run("ALTER DATABASE d SET CHANGE_TRACKING = ON")
    client.run("CREATE TABLE t (id int NOT NULL CONSTRAINT PK_T PRIMARY KEY, a int)")
    client.run("ALTER TABLE t ENABLE CHANGE_TRACKING")
    assert client.ask("ALTER TABLE t DROP CONSTRAINT PK_T").errors == [3735]
    assert client.ask("ALTER DATABASE d SET CHANGE_TRACKING = OFF").errors == [22115]
    client.run("WITH CHANGE_TRACKING_CONTEXT (0x0102) INSERT INTO t VALUES (1, 1)")
    assert client.rows("SELECT SYS_CHANGE_CONTEXT FROM CHANGETABLE(CHANGES t, 0) AS c") == [
        (b"\x01\x02",)
    ]
    assert client.rows(
        "SELECT v.SYS_CHANGE_VERSION FROM t CROSS APPLY CHANGETABLE(VERSION t, (id), (t.id)) AS v"
    ) == [(1,)]


def test_definitions_are_undone_with_their_transaction(client: Client) -> None:
    client.run("BEGIN TRAN; CREATE TABLE t (id int); INSERT INTO t VALUES (1); ROLLBACK")
    assert client.value("SELECT OBJECT_ID('t')") is None


def test_wrong_logins_and_databases_are_told_apart(client: Client) -> None:
    for user, password, database, number in (
        ("sa", "wrong", "d", 18456),
        ("nobody", "secret", "d", 18456),
        ("sa", "secret", "gone", 4060),
    ):
        with pytest.raises(SqlError) as raised:
            client.instance.open(user, password, database, lambda: False)
        assert raised.value.number == number


def test_rights_are_enforced(client: Client) -> None:
    client.run("ALTER DATABASE d SET CHANGE_TRACKING = ON")
    client.run("CREATE TABLE t (id int NOT NULL PRIMARY KEY); ALTER TABLE t ENABLE CHANGE_TRACKING")
    client.run("CREATE TABLE other (id int)")
    client.run("CREATE LOGIN reader WITH PASSWORD = 'pw'")
    client.run("CREATE USER reader FOR LOGIN reader; GRANT SELECT ON t TO reader")
    reader = client.another("reader", "pw")
    position = "SELECT CHANGE_TRACKING_MIN_VALID_VERSION(OBJECT_ID('t'))"
    assert reader.rows("SELECT * FROM t") == []
    assert reader.ask("SELECT * FROM other").errors == [229]
    assert reader.ask("INSERT INTO t VALUES (1)").errors == [229]
    assert reader.ask("SELECT * FROM CHANGETABLE(CHANGES t, 0) AS c").errors == [229]
    assert reader.value(position) is None
    assert reader.rows("SELECT name FROM sys.tables") == [("t",)]
    assert reader.ask("CREATE TABLE mine (id int)").errors == [262]
    client.run("GRANT VIEW CHANGE TRACKING ON t TO reader")
    assert reader.value(position) == 0
    assert reader.rows("SELECT * FROM CHANGETABLE(CHANGES t, 0) AS c") == []
    client.run("DENY SELECT ON t TO reader")
    assert reader.ask("SELECT * FROM t").errors == [229]


def test_a_right_counts_from_the_commit_that_gives_or_takes_it(client: Client) -> None:
    client.run("CREATE TABLE t (a int)")
    client.run("CREATE LOGIN reader WITH PASSWORD = 'Secret-1234'")
    client.run("CREATE USER reader FOR LOGIN reader")
    reader = client.another("reader", "Secret-1234")
    for change, before, after, seen in (
        ("GRANT SELECT ON t TO reader", [229], [], [("t",)]),
        ("REVOKE SELECT ON t FROM reader", [], [229], []),
    ):
        client.run(f"BEGIN TRANSACTION; {change}")
        assert reader.ask("SELECT a FROM t").errors == before
        client.run("COMMIT")
        assert reader.ask("SELECT a FROM t").errors == after
        assert reader.rows("SELECT name FROM sys.tables") == seen


def test_a_right_that_is_rolled_back_was_never_there(client: Client) -> None:
    client.run("CREATE TABLE t (a int)")
    client.run("CREATE LOGIN reader WITH PASSWORD = 'Secret-1234'")
    client.run("CREATE USER reader FOR LOGIN reader")
    reader = client.another("reader", "Secret-1234")
    client.run("BEGIN TRANSACTION; GRANT SELECT ON t TO reader; ROLLBACK")
    assert reader.ask("SELECT a FROM t").errors == [229]


def test_a_catalog_within_a_transaction_shows_the_rights_of_its_snapshot(client: Client) -> None:
    client.run("ALTER DATABASE d SET ALLOW_SNAPSHOT_ISOLATION ON")
    client.run("CREATE TABLE t (a int)")
    client.run("CREATE LOGIN reader WITH PASSWORD = 'Secret-1234'")
    client.run("CREATE USER reader FOR LOGIN reader; GRANT SELECT ON t TO reader")
    reader = client.another("reader", "Secret-1234")
    reader.run("SET TRANSACTION ISOLATION LEVEL SNAPSHOT; BEGIN TRANSACTION; SELECT a FROM t")
    client.run("REVOKE SELECT ON t FROM reader")
    reader.ask("SELECT name FROM sys.tables")
    reader.run("COMMIT")
    assert reader.ask("SELECT a FROM t").errors == [229]
    assert reader.rows("SELECT name FROM sys.tables") == []


def test_a_restored_database_is_another_one(client: Client, tmp_path: Path) -> None:
    identity = (
        "SELECT family_guid, recovery_fork_guid FROM sys.database_recovery_status"
        " WHERE database_id = DB_ID('d')"
    )
    client.run("CREATE TABLE t (id int); INSERT INTO t VALUES (1)")
    client.run(f"BACKUP DATABASE d TO DISK = N'{tmp_path / 'copy.bak'}'")
    client.run("INSERT INTO t VALUES (2)")
    before = client.rows(identity)
    restore = f"RESTORE DATABASE d FROM DISK = N'{tmp_path / 'copy.bak'}' WITH REPLACE"
    assert client.ask(restore).errors == [3102]
    client.run("USE master")
    client.run(restore)
    assert all(old != new for old, new in zip(before[0], client.rows(identity)[0], strict=True))
    client.run("USE d")
    assert client.rows("SELECT * FROM t") == [(1,)]


def test_an_offline_database_lets_nobody_in(client: Client) -> None:
    client.run("USE master")
    client.run("ALTER DATABASE d SET OFFLINE WITH ROLLBACK IMMEDIATE")
    assert client.ask("USE d").errors == [942]
    client.run("ALTER DATABASE d SET ONLINE")
    client.run("USE d")


def test_everything_is_there_after_a_restart(tmp_path: Path) -> None:
    first = Instance(tmp_path / "home", "secret")
    client = Client(first, first.open("sa", "secret", None, lambda: False))
    client.run("CREATE DATABASE d")
    client.run("USE d")
    client.run("CREATE TABLE t (id int IDENTITY PRIMARY KEY, s nvarchar(10))")
    client.run("INSERT INTO t (s) VALUES (N'ä'), (N'b'); DELETE FROM t WHERE id = 2")
    client.session.close()
    first.close()
    second = Instance(tmp_path / "home", "secret")
    client = Client(second, second.open("sa", "secret", "d", lambda: False))
    client.run("INSERT INTO t (s) VALUES (N'c')")
    assert client.rows("SELECT id, s FROM t ORDER BY id") == [(1, "ä"), (3, "c")]
    client.session.close()
    second.close()
