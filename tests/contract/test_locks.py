"""Several writers at once: who waits, how long, and who is the victim."""

from __future__ import annotations

import threading
from concurrent.futures import wait

import pyodbc
import pytest

from tests.contract.conftest import InBackground
from tests.contract.sqlserver import Database, Session, fails

READ = "SELECT id, a FROM t ORDER BY id"


def blocked(session: Session, sql: str) -> None:
    """Expect that the statement waits for a lock."""
    session.run("SET LOCK_TIMEOUT 100")
    with fails(1222):
        session.run(sql)
    session.run("SET LOCK_TIMEOUT 20000")


def test_read_committed_never_gives_an_uncommitted_row(table: Database) -> None:
    writer = table.session(autocommit=False)
    writer.run("UPDATE t SET a = 11 WHERE id = 1")
    reader = table.session()
    reader.run("SET LOCK_TIMEOUT 100")
    try:
        seen = reader.value("SELECT a FROM t WHERE id = 1")
    except pyodbc.Error as error:
        seen = error.args[1].count("(1222)")  # A server without versioned reads waits instead.
    assert seen in {10, 1}
    writer.commit()
    assert reader.value("SELECT a FROM t WHERE id = 1") == 11


def test_two_writers_on_different_rows_overlap(table: Database) -> None:
    one, two = table.session(autocommit=False), table.session(autocommit=False)
    one.run("UPDATE t SET a = 11 WHERE id = 1")
    two.run("UPDATE t SET a = 22 WHERE id = 2")
    one.run("INSERT INTO t VALUES (4, 40)")
    two.run("INSERT INTO t VALUES (5, 50)")
    two.commit()
    one.run("DELETE FROM t WHERE id = 4")
    one.commit()
    assert table.rows(READ) == [(1, 11), (2, 22), (3, 30), (5, 50)]


def test_a_rollback_beside_another_writer_takes_only_its_own(table: Database) -> None:
    one, two = table.session(autocommit=False), table.session(autocommit=False)
    one.run("UPDATE t SET a = 11 WHERE id = 1")
    two.run("UPDATE t SET a = 22 WHERE id = 2")
    one.rollback()
    two.commit()
    assert table.rows(READ) == [(1, 10), (2, 22), (3, 30)]


def test_a_writer_of_a_locked_row_runs_into_its_lock_timeout(table: Database) -> None:
    one, two = table.session(autocommit=False), table.session()
    one.run("UPDATE t SET a = 11 WHERE id = 1")
    for timeout in (0, 100):
        two.run(f"SET LOCK_TIMEOUT {timeout}")
        with fails(1222):
            two.run("UPDATE t SET a = 12 WHERE id = 1")
    one.commit()
    two.run("UPDATE t SET a = 12 WHERE id = 1")
    assert table.value("SELECT a FROM t WHERE id = 1") == 12


def test_a_lock_timeout_leaves_the_transaction(table: Database) -> None:
    one, two = table.session(autocommit=False), table.session(autocommit=False)
    one.run("UPDATE t SET a = 11 WHERE id = 1")
    two.run("UPDATE t SET a = 22 WHERE id = 2")
    blocked(two, "UPDATE t SET a = 12 WHERE id = 1")
    two.commit()
    one.commit()
    assert table.rows(READ) == [(1, 11), (2, 22), (3, 30)]


def test_a_writer_of_a_locked_row_waits_and_loses_no_update(
    table: Database, in_background: InBackground
) -> None:
    one, two = table.session(autocommit=False), table.session()
    one.run("UPDATE t SET a = a + 1 WHERE id = 1")
    waiting = in_background(two.run, "UPDATE t SET a = a + 1 WHERE id = 1")
    assert not wait([waiting], timeout=0.3).done
    one.commit()
    assert waiting.result(timeout=20) == 1
    assert table.value("SELECT a FROM t WHERE id = 1") == 12


@pytest.mark.parametrize("commits", [True, False])
def test_a_key_that_another_is_inserting_is_decided_by_its_end(
    table: Database, in_background: InBackground, *, commits: bool
) -> None:
    one, two = table.session(autocommit=False), table.session()
    one.run("INSERT INTO t VALUES (4, 1)")
    waiting = in_background(two.run, "INSERT INTO t VALUES (4, 2)")
    assert not wait([waiting], timeout=0.3).done
    if commits:
        one.commit()
        with fails(2627, "23000"):
            waiting.result(timeout=20)
    else:
        one.rollback()
        waiting.result(timeout=20)
    assert table.value("SELECT a FROM t WHERE id = 4") == (1 if commits else 2)


def test_two_that_wait_for_each_other_are_parted_by_an_error(
    table: Database, in_background: InBackground
) -> None:
    sessions = [table.session(autocommit=False) for _ in range(2)]
    both_hold = threading.Barrier(2, timeout=20)

    def cross(number: int) -> str:
        session = sessions[number]
        session.run("UPDATE t SET a = a + 1 WHERE id = ?", 1 + number)
        both_hold.wait()
        try:
            session.run("UPDATE t SET a = a + 1 WHERE id = ?", 2 - number)
        except pyodbc.Error as error:
            session.rollback()
            return f"victim {error.args[0]} {error.args[1].count('(1205)')}"
        session.commit()
        return "went on"

    ends = [in_background(cross, number) for number in range(2)]
    assert sorted(end.result(timeout=60) for end in ends) == ["victim 40001 1", "went on"]
    assert table.rows(READ) == [(1, 11), (2, 21), (3, 30)]


def test_a_deadlock_ends_the_victims_transaction(
    table: Database, in_background: InBackground
) -> None:
    one, two = table.session(), table.session()
    for number, session in enumerate((one, two)):
        session.run(f"BEGIN TRAN; UPDATE t SET a = 0 WHERE id = {1 + number}")
    outcome = [
        in_background(one.run, "UPDATE t SET a = 0 WHERE id = 2"),
        in_background(two.run, "UPDATE t SET a = 0 WHERE id = 1"),
    ]
    wait(outcome, timeout=60)
    left = [session.value("SELECT @@TRANCOUNT") for session in (one, two)]
    assert sorted(left) == [0, 1]
    assert outcome[left.index(0)].exception() is not None
    (one if left[0] else two).run("ROLLBACK TRAN")


def test_many_writers_lose_nothing(table: Database, in_background: InBackground) -> None:
    sessions = [table.session(autocommit=False) for _ in range(4)]

    def work(number: int) -> None:
        for step in range(25):
            sessions[number].run("INSERT INTO t VALUES (?, 0)", 1000 * (number + 1) + step)
            sessions[number].run("UPDATE t SET a = a + 1 WHERE id = 1")
            sessions[number].commit()

    for done in [in_background(work, number) for number in range(4)]:
        done.result(timeout=90)
    assert table.value("SELECT COUNT(*) FROM t") == 103
    assert table.value("SELECT a FROM t WHERE id = 1") == 110
