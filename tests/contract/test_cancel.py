"""How a statement ends that somebody stops: the client, a timeout, an operator, a fault."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Future, wait

import pyodbc
import pytest

from tests.contract.conftest import InBackground
from tests.contract.sqlserver import Database, Session, fails

LONG = (
    "WITH ten AS (SELECT n FROM (VALUES (0),(1),(2),(3),(4),(5),(6),(7),(8),(9)) AS v (n)),"
    " much AS (SELECT CAST(a.n + 10 * b.n + 100 * c.n AS bigint) AS n FROM ten a, ten b, ten c)"
    " SELECT SUM(CASE WHEN (a.n * b.n + c.n) % 7 = 3 THEN 1 ELSE 0 END) FROM much a, much b, much c"
)


@pytest.fixture
def table(database: Database) -> Database:
    database.run("CREATE TABLE t (id int NOT NULL PRIMARY KEY, a int)")
    database.run("INSERT INTO t VALUES (1, 10), (2, 20)")
    return database


def cancelled(cursor: pyodbc.Cursor, running: Future[object]) -> str:
    """Cancel until the statement has ended, and return the SQLSTATE it ended with."""
    for _ in range(200):
        cursor.cancel()
        if wait([running], timeout=0.1).done:
            break
    error = running.exception(timeout=0)
    assert isinstance(error, pyodbc.Error)
    return str(error.args[0])


def test_a_running_statement_is_cancelled_from_another_thread(
    table: Database, in_background: InBackground
) -> None:
    session = table.session()
    with session.cursor() as cursor:
        assert cancelled(cursor, in_background(cursor.execute, LONG)) == "HY008"
    assert session.value("SELECT COUNT(*) FROM t") == 2


def test_a_waiting_statement_is_cancelled_and_its_transaction_stays(
    table: Database, in_background: InBackground
) -> None:
    holder, waiter = table.session(autocommit=False), table.session(autocommit=False)
    holder.run("UPDATE t SET a = 0 WHERE id = 1")
    waiter.run("UPDATE t SET a = 22 WHERE id = 2")
    with waiter.cursor() as cursor:
        waiting = in_background(cursor.execute, "UPDATE t SET a = 1 WHERE id = 1")
        assert cancelled(cursor, waiting) == "HY008"
    waiter.commit()
    holder.rollback()
    assert table.rows("SELECT id, a FROM t ORDER BY id") == [(1, 10), (2, 22)]


def test_a_running_statement_has_a_timeout(table: Database) -> None:
    session = table.session()
    session.connection.timeout = 1
    with pytest.raises(pyodbc.Error) as caught:
        session.rows(LONG)
    assert caught.value.args[0] == "HYT00"
    session.connection.timeout = 0
    assert session.value("SELECT COUNT(*) FROM t") == 2


def test_a_waiting_statement_has_a_timeout(table: Database) -> None:
    holder, waiter = table.session(autocommit=False), table.session()
    holder.run("UPDATE t SET a = 0 WHERE id = 1")
    waiter.connection.timeout = 1
    with pytest.raises(pyodbc.Error) as caught:
        waiter.run("UPDATE t SET a = 1 WHERE id = 1")
    assert caught.value.args[0] == "HYT00"
    holder.commit()
    waiter.run("UPDATE t SET a = 1 WHERE id = 1")
    assert table.value("SELECT a FROM t WHERE id = 1") == 1


def is_cut_off(call: Callable[[], object]) -> None:
    with pytest.raises(pyodbc.Error) as caught:
        call()
    assert caught.value.args[0] in {"08S01", "01000", "HY000", "42000"}, caught.value


def test_a_killed_session_is_cut_off_and_its_work_taken_back(table: Database) -> None:
    victim = table.session(autocommit=False)
    victim.run("UPDATE t SET a = 0 WHERE id = 1")
    table.admin.run(f"KILL {victim.spid}")
    is_cut_off(lambda: victim.rows("SELECT 1"))
    assert table.run("UPDATE t SET a = a + 1 WHERE id = 1") == 1
    assert table.value("SELECT a FROM t WHERE id = 1") == 11


def test_a_running_statement_is_killed(table: Database, in_background: InBackground) -> None:
    victim = table.session()
    running = in_background(victim.rows, LONG)
    assert not wait([running], timeout=0.3).done
    table.admin.run(f"KILL {victim.spid}")
    is_cut_off(lambda: running.result(timeout=20))


@pytest.mark.parametrize(("number", "spid"), [(6106, "32000"), (6104, "@@SPID")])
def test_only_another_live_session_is_killed(table: Database, number: int, spid: str) -> None:
    own = table.value("SELECT @@SPID")
    with fails(number):
        table.run(f"KILL {own if spid == '@@SPID' else spid}")


def test_an_offline_database_cuts_its_sessions_off_and_refuses_new_ones(table: Database) -> None:
    victim = table.session(autocommit=False)
    victim.run("UPDATE t SET a = 0 WHERE id = 1")
    table.alter("SET OFFLINE WITH ROLLBACK IMMEDIATE")
    is_cut_off(lambda: victim.rows("SELECT 1"))
    state = "SELECT state_desc FROM sys.databases WHERE name = ?"
    assert table.admin.value(state, table.name) == "OFFLINE"
    with pytest.raises(pyodbc.Error, match=r"\((4060|942)\)"):
        table.server.connect(table.name)
    table.alter("SET ONLINE")
    assert table.admin.value(state, table.name) == "ONLINE"
    table.disconnect()
    assert table.rows("SELECT id, a FROM t ORDER BY id") == [(1, 10), (2, 20)]


# The stand-in's own faults


@pytest.fixture
def faulty(table: Database, only_standin: None) -> Session:
    """Give a session to break things from, in a database whose faults end with the test."""
    assert only_standin is None
    return table.session()


@pytest.mark.parametrize(("number", "state"), [(1205, "40001"), (1222, None), (50001, "42000")])
def test_the_next_statements_fail_as_asked(
    table: Database, faulty: Session, number: int, state: str | None
) -> None:
    faulty.run(f"EXEC standin.fail_next @error = {number}, @count = 2")
    for _ in range(2):
        with fails(number, state):
            table.rows("SELECT id FROM t")
    assert len(table.rows("SELECT id FROM t")) == 2


def test_a_failure_as_asked_can_come_after_some_rows(table: Database, faulty: Session) -> None:
    faulty.run("EXEC standin.fail_next @error = 1205, @after_rows = 1")
    with table.own.cursor() as cursor:
        cursor.execute("SELECT id FROM t ORDER BY id")
        assert cursor.fetchone()[0] == 1
        with fails(1205):
            cursor.fetchall()


def test_a_connection_drops_as_asked(table: Database, faulty: Session) -> None:
    session = table.session()
    faulty.run("EXEC standin.fail_next @error = 0")
    with pytest.raises(pyodbc.Error) as caught:
        session.rows("SELECT id FROM t")
    assert caught.value.args[0] == "08S01"
    assert len(table.rows("SELECT id FROM t")) == 2


def test_a_connection_drops_in_the_middle_of_a_result(table: Database, faulty: Session) -> None:
    session = table.session()
    faulty.run("EXEC standin.fail_next @error = 0, @after_rows = 1")
    with pytest.raises(pyodbc.Error) as caught:
        session.rows("SELECT id FROM t ORDER BY id")
    assert caught.value.args[0] == "08S01"


def test_another_database_does_not_fail(
    table: Database, faulty: Session, a_database: Callable[[], Database]
) -> None:
    other = a_database()
    faulty.run("EXEC standin.fail_next @error = 1205")
    assert other.value("SELECT 1") == 1
    with fails(1205):
        table.rows("SELECT id FROM t")


def test_reset_takes_faults_back(table: Database, faulty: Session) -> None:
    faulty.run("EXEC standin.fail_next @error = 1205, @count = 5")
    faulty.run("EXEC standin.slow @milliseconds = 5000")
    faulty.run("EXEC standin.reset")
    table.own.connection.timeout = 2
    assert len(table.rows("SELECT id FROM t")) == 2


def test_a_slow_database_runs_into_the_clients_timeout(table: Database, faulty: Session) -> None:
    session = table.session()
    faulty.run("EXEC standin.slow @milliseconds = 3000")
    session.connection.timeout = 1
    with pytest.raises(pyodbc.Error) as caught:
        session.rows("SELECT id FROM t")
    assert caught.value.args[0] == "HYT00"
    faulty.run("EXEC standin.reset")
    session.connection.timeout = 0
    assert len(session.rows("SELECT id FROM t")) == 2
