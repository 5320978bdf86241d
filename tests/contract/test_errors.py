"""Errors by number and SQLSTATE, as Microsoft's driver shows them."""

from __future__ import annotations

import pyodbc
import pytest

from tests.contract.sqlserver import Database, Server, fails


@pytest.fixture
def table(shared: Database) -> Database:
    shared.run("DROP TABLE IF EXISTS e")
    shared.run(
        "CREATE TABLE e (id int NOT NULL CONSTRAINT pk_e PRIMARY KEY, n int NOT NULL,"
        " s varchar(5) NULL, u nvarchar(5) NULL, d date NULL, t tinyint NULL, m decimal(5, 2) NULL)"
    )
    shared.run("CREATE UNIQUE INDEX ux_e ON e (s)")
    shared.run(
        "INSERT INTO e VALUES (1, 1, 'a', N'a', '20220118', 1, 1.5),"
        " (2, 0, 'x', N'', NULL, NULL, NULL)"
    )
    return shared


@pytest.mark.parametrize(
    ("number", "state", "sql"),
    [
        pytest.param(208, "42S02", "SELECT * FROM gone", id="table gone"),
        pytest.param(208, "42S02", "SELECT * FROM nowhere.e", id="schema gone"),
        pytest.param(208, "42S02", "INSERT INTO gone VALUES (1)", id="insert to a table gone"),
        pytest.param(208, "42S02", "DELETE FROM gone", id="delete from a table gone"),
        pytest.param(207, "42S22", "SELECT gone FROM e", id="column gone"),
        pytest.param(207, "42S22", "SELECT e.gone FROM e", id="qualified column gone"),
        pytest.param(207, "42S22", "SELECT id FROM e WHERE gone = 1", id="column gone in where"),
        pytest.param(207, "42S22", "UPDATE e SET gone = 1", id="column gone in update"),
        pytest.param(207, "42S22", "INSERT INTO e (id, gone) VALUES (1, 1)", id="in insert"),
        pytest.param(4104, "42000", "SELECT x.id FROM e", id="unknown alias"),
        pytest.param(209, "42000", "SELECT id FROM e JOIN e AS f ON f.id = e.id", id="ambiguous"),
        pytest.param(2627, "23000", "INSERT INTO e (id, n) VALUES (1, 1)", id="primary key"),
        pytest.param(2627, "23000", "UPDATE e SET id = 1 WHERE id = 2", id="key by update"),
        pytest.param(2601, "23000", "INSERT INTO e (id, n, s) VALUES (3, 1, 'A ')", id="index"),
        pytest.param(515, "23000", "INSERT INTO e (id, n) VALUES (3, NULL)", id="null"),
        pytest.param(515, "23000", "INSERT INTO e (id) VALUES (3)", id="no value, no default"),
        pytest.param(515, "23000", "UPDATE e SET n = NULL", id="null by update"),
        pytest.param(245, "22018", "SELECT CAST('13b' AS int)", id="text to int"),
        pytest.param(245, "22018", "SELECT id FROM e WHERE s = 1", id="text compared with int"),
        pytest.param(241, "22007", "SELECT CAST('20240230' AS date)", id="text to date"),
        pytest.param(241, "22007", "UPDATE e SET d = 'never'", id="text to a date column"),
        pytest.param(2628, None, "UPDATE e SET s = '123456'", id="text too long"),
        pytest.param(2628, None, "INSERT INTO e (id, n, u) VALUES (3, 1, N'sechs!')", id="n"),
        pytest.param(8134, "22012", "SELECT 1 / (id - 1) FROM e", id="division by zero"),
        pytest.param(220, "22003", "UPDATE e SET t = 256", id="tinyint overflow"),
        pytest.param(8115, "22003", "UPDATE e SET m = 1000", id="decimal overflow"),
        pytest.param(8115, "22003", "SELECT CAST(2147483648 AS int)", id="int overflow"),
        pytest.param(102, "42000", "SELECT id FROM e WHERE id = = 1", id="syntax"),
        pytest.param(102, "42000", "SELEC 1 1", id="no statement"),
        pytest.param(156, "42000", "SELECT id FROM WHERE id = 1", id="keyword out of place"),
        pytest.param(105, "42000", "SELECT 'open", id="open quotation"),
        pytest.param(137, "42000", "SELECT @nobody", id="undeclared variable"),
        pytest.param(213, "21S01", "INSERT INTO e VALUES (3, 1)", id="too few values"),
        pytest.param(110, "21S01", "INSERT INTO e (id, n) VALUES (3, 1, 1)", id="more values"),
        pytest.param(109, "21S01", "INSERT INTO e (id, n, s) VALUES (3, 1)", id="fewer values"),
        pytest.param(264, "42000", "UPDATE e SET n = 1, n = 2", id="column set twice"),
        pytest.param(512, "21000", "SELECT (SELECT id FROM e)", id="subquery of many rows"),
        pytest.param(8120, "42000", "SELECT n, COUNT(*) FROM e GROUP BY s", id="not grouped"),
        pytest.param(205, "42000", "SELECT 1, 2 UNION ALL SELECT 1", id="unequal unions"),
        pytest.param(2714, "42S01", "CREATE TABLE e (id int)", id="table there"),
        pytest.param(3701, "42S02", "DROP TABLE gone", id="drop of a table gone"),
        pytest.param(4701, "42S02", "TRUNCATE TABLE gone", id="truncate of a table gone"),
        pytest.param(2705, None, "ALTER TABLE e ADD n int", id="column there"),
        pytest.param(4924, None, "ALTER TABLE e DROP COLUMN gone", id="drop of a column gone"),
        pytest.param(2812, "42000", "EXEC gone", id="procedure gone"),
        pytest.param(2715, "42000", "CREATE TABLE f (id gone)", id="type gone"),
        pytest.param(911, None, "USE no_such_database", id="use of a database gone"),
        pytest.param(15248, None, "EXEC sp_rename 'e.gone', 'x', 'COLUMN'", id="rename gone"),
    ],
)
def test_a_statement_that_fails(table: Database, number: int, state: str | None, sql: str) -> None:
    before = table.rows("SELECT id, n, s FROM e ORDER BY id")
    with fails(number, state):
        table.own.run(sql)
    assert table.rows("SELECT id, n, s FROM e ORDER BY id") == before


@pytest.mark.parametrize(
    ("number", "naming", "sql"),
    [
        (208, "'gone'", "SELECT * FROM gone"),
        (207, "'gone'", "SELECT gone FROM e"),
        (2627, "pk_e", "INSERT INTO e (id, n) VALUES (1, 1)"),
        (515, "'n'", "INSERT INTO e (id, n) VALUES (3, NULL)"),
        (2628, "'s'", "UPDATE e SET s = '123456'"),
        (245, "'13b'", "SELECT CAST('13b' AS int)"),
    ],
)
def test_an_error_names_what_it_is_about(
    table: Database, number: int, naming: str, sql: str
) -> None:
    with fails(number, naming=naming):
        table.run(sql)


def test_an_error_after_rows_reaches_the_reader(table: Database) -> None:
    with fails(8134):
        table.rows("SELECT 10 / n FROM e ORDER BY id")


def test_a_prepared_statement_fails_the_same_way(table: Database) -> None:
    for _ in range(2):
        with fails(2627, "23000"):
            table.run("INSERT INTO e (id, n) VALUES (?, ?)", 1, 1)
    with fails(208, "42S02"):
        table.run("SELECT * FROM gone WHERE id = ?", 1)


def test_a_session_goes_on_after_an_error(table: Database) -> None:
    with fails(8134):
        table.rows("SELECT 1 / 0")
    assert table.value("SELECT COUNT(*) FROM e") == 2


def test_rowcount_is_how_many_were_touched(table: Database) -> None:
    assert table.run("UPDATE e SET n = n") == 2
    assert table.run("DELETE FROM e WHERE id = 99") == 0
    assert table.run("INSERT INTO e (id, n, s) VALUES (3, 3, 'c')") == 1


# Logging in


def test_a_wrong_password_is_refused(server: Server) -> None:
    with fails(18456, "28000"):
        server.connect(parts={"PWD": "wrong"})


def test_an_unknown_user_is_refused(server: Server) -> None:
    with fails(18456, "28000", naming="nobody_here"):
        server.connect(parts={"UID": "nobody_here", "PWD": "wrong"})


def test_an_unknown_database_is_refused(server: Server) -> None:
    with fails(4060, "42000", naming="no_such_database"):
        server.connect("no_such_database")


@pytest.mark.parametrize("encrypt", ["no", "yes"])
def test_a_login_works_plain_and_encrypted(server: Server, encrypt: str) -> None:
    session = server.session(parts={"Encrypt": encrypt, "TrustServerCertificate": "yes"})
    assert session.value("SELECT DB_NAME()") == "master"
    session.close()


def test_a_certificate_nobody_vouches_for_is_refused(server: Server) -> None:
    if not server.is_standin:
        pytest.skip("another server's certificate may be a good one")
    with pytest.raises(Exception, match="certificate"):
        server.connect(parts={"Encrypt": "yes", "TrustServerCertificate": "no"})


def test_a_session_knows_where_it_is(shared: Database) -> None:
    assert shared.value("SELECT DB_NAME()") == shared.name
    assert shared.value("SELECT DB_ID()") == shared.value("SELECT DB_ID(?)", shared.name)
    assert shared.value("SELECT @@SPID") > 0
    assert "Microsoft SQL Server" in shared.value("SELECT @@VERSION")
    assert int(str(shared.value("SELECT SERVERPROPERTY('ProductMajorVersion')"))) >= 13


def test_use_goes_to_another_database(shared: Database) -> None:
    session = shared.session()
    session.run("USE master")
    assert session.value("SELECT DB_NAME()") == "master"


# What the stand-in does not know


@pytest.mark.usefixtures("only_standin")
@pytest.mark.parametrize(
    ("sql", "construct"),
    [
        ("MERGE e USING e AS s ON s.id = e.id WHEN MATCHED THEN DELETE;", "MERGE"),
        ("SELECT * FROM e PIVOT (MAX(n) FOR s IN ([a])) AS p", "PIVOT"),
        ("CREATE TABLE #keys (id int)", "temporary tables"),
        ("SELECT id INTO f FROM e", "INTO"),
        ("CREATE VIEW v AS SELECT 1 AS one", "VIEW"),
        ("CREATE TRIGGER r ON e AFTER INSERT AS SELECT 1", "TRIGGER"),
        ("SELECT * FROM OPENROWSET('a', 'b', 'c')", "OPENROWSET"),
        ("SELECT SOUNDEX('a')", "SOUNDEX"),
        ("DBCC CHECKDB", "DBCC"),
        ("SELECT * FROM sys.dm_os_wait_stats", "dm_os_wait_stats"),
        ("SELECT id FROM e FOR XML AUTO", "FOR XML"),
        ("CREATE PROCEDURE p AS SELECT 1", "PROCEDURE"),
    ],
)
def test_sql_the_standin_does_not_know_is_named(table: Database, sql: str, construct: str) -> None:
    with pytest.raises(pyodbc.Error, match="stand-in does not support") as caught:
        table.run(sql)
    assert construct.lower() in str(caught.value).lower()
