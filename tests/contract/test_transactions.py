"""Commit, rollback, snapshots, locks: what one session sees and waits for of another."""

from __future__ import annotations

import threading
from concurrent.futures import wait

import pyodbc
import pytest

from tests.contract.conftest import ADatabase, InBackground
from tests.contract.sqlserver import Database, Session, fails

READ = "SELECT id, a FROM t ORDER BY id"


@pytest.fixture
def table(database: Database) -> Database:
    database.run("CREATE TABLE t (id int NOT NULL CONSTRAINT pk_t PRIMARY KEY, a int NULL)")
    database.run("INSERT INTO t VALUES (1, 10), (2, 20), (3, 30)")
    return database


def test_a_commit_is_seen_by_others(table: Database) -> None:
    writer = table.session(autocommit=False)
    writer.run("UPDATE t SET a = 11 WHERE id = 1")
    writer.commit()
    assert table.value("SELECT a FROM t WHERE id = 1") == 11


def test_a_rollback_leaves_nothing(table: Database) -> None:
    writer = table.session(autocommit=False)
    writer.run("UPDATE t SET a = 0")
    writer.run("DELETE FROM t WHERE id = 1")
    writer.run("INSERT INTO t VALUES (4, 40)")
    assert writer.rows(READ) == [(2, 0), (3, 0), (4, 40)]
    writer.rollback()
    assert writer.rows(READ) == [(1, 10), (2, 20), (3, 30)]


def test_a_closed_connection_takes_its_work_back(table: Database) -> None:
    writer = table.session(autocommit=False)
    writer.run("DELETE FROM t")
    writer.close()
    assert len(table.rows(READ)) == 3


def test_tables_made_in_a_transaction_go_with_it(table: Database) -> None:
    writer = table.session(autocommit=False)
    writer.run("CREATE TABLE made (id int NOT NULL PRIMARY KEY)")
    writer.run("INSERT INTO made VALUES (1)")
    writer.rollback()
    assert table.value("SELECT OBJECT_ID('made')") is None


def test_a_savepoint_takes_back_a_part(table: Database) -> None:
    table.run(
        "BEGIN TRAN; UPDATE t SET a = 11 WHERE id = 1; SAVE TRAN part; DELETE FROM t WHERE id > 1;"
        " ROLLBACK TRAN part; COMMIT TRAN"
    )
    assert table.rows(READ) == [(1, 11), (2, 20), (3, 30)]


def test_savepoints_lie_inside_one_another(table: Database) -> None:
    writer = table.session(autocommit=False)
    writer.run("UPDATE t SET a = 1 WHERE id = 1")
    writer.run("SAVE TRANSACTION outer_one")
    writer.run("UPDATE t SET a = 2 WHERE id = 2")
    writer.run("SAVE TRANSACTION inner_one")
    writer.run("UPDATE t SET a = 3 WHERE id = 3")
    writer.run("ROLLBACK TRANSACTION inner_one")
    assert writer.rows(READ) == [(1, 1), (2, 2), (3, 30)]
    writer.run("ROLLBACK TRANSACTION outer_one")
    writer.commit()
    assert table.rows(READ) == [(1, 1), (2, 20), (3, 30)]


def test_an_inner_commit_commits_nothing(table: Database) -> None:
    table.run("BEGIN TRAN")
    table.run("BEGIN TRAN")
    table.run("DELETE FROM t")
    assert table.value("SELECT @@TRANCOUNT") == 2
    table.run("COMMIT TRAN")
    assert table.value("SELECT @@TRANCOUNT") == 1
    table.run("ROLLBACK TRAN")
    assert table.value("SELECT @@TRANCOUNT") == 0
    assert len(table.rows(READ)) == 3


def test_a_rollback_ends_all_levels(table: Database) -> None:
    table.run("BEGIN TRAN; BEGIN TRAN; DELETE FROM t")
    table.run("ROLLBACK TRAN")
    assert table.value("SELECT @@TRANCOUNT") == 0
    assert len(table.rows(READ)) == 3


@pytest.mark.parametrize(("statement", "number"), [("COMMIT TRAN", 3902), ("ROLLBACK TRAN", 3903)])
def test_there_must_be_a_transaction_to_end(table: Database, statement: str, number: int) -> None:
    with fails(number):
        table.run(statement)


def test_a_failed_statement_does_not_end_the_transaction(table: Database) -> None:
    writer = table.session(autocommit=False)
    writer.run("INSERT INTO t VALUES (4, 40)")
    with fails(2627, "23000"):
        writer.run("INSERT INTO t VALUES (5, 50), (1, 0)")
    writer.run("INSERT INTO t VALUES (6, 60)")
    writer.commit()
    assert [key for key, _ in table.rows(READ)] == [1, 2, 3, 4, 6]


def test_with_xact_abort_a_failed_statement_ends_it(table: Database) -> None:
    table.run("SET XACT_ABORT ON")
    table.run("BEGIN TRAN; INSERT INTO t VALUES (4, 40)")
    with fails(2627):
        table.run("INSERT INTO t VALUES (1, 0)")
    assert table.value("SELECT @@TRANCOUNT") == 0
    assert len(table.rows(READ)) == 3


def test_autocommit_can_be_switched_in_between(table: Database) -> None:
    writer = table.session()
    writer.run("UPDATE t SET a = 1 WHERE id = 1")
    writer.connection.autocommit = False
    writer.run("UPDATE t SET a = 2 WHERE id = 2")
    writer.rollback()
    writer.connection.autocommit = True
    assert writer.rows(READ) == [(1, 1), (2, 20), (3, 30)]


# Snapshots


def test_a_snapshot_stands_still(table: Database) -> None:
    reader = table.session(isolation="SNAPSHOT", autocommit=False)
    before = reader.rows(READ)
    table.run("UPDATE t SET a = 0")
    table.run("INSERT INTO t VALUES (4, 40)")
    assert reader.rows(READ) == before
    reader.commit()
    assert reader.rows(READ) == [(1, 0), (2, 0), (3, 0), (4, 40)]


def test_a_snapshot_begins_at_the_first_access_not_at_begin(table: Database) -> None:
    reader = table.session(isolation="SNAPSHOT")
    reader.run("BEGIN TRAN")
    table.run("UPDATE t SET a = 11 WHERE id = 1")
    assert reader.value("SELECT a FROM t WHERE id = 1") == 11
    table.run("UPDATE t SET a = 12 WHERE id = 1")
    assert reader.value("SELECT a FROM t WHERE id = 1") == 11
    reader.run("COMMIT TRAN")


def test_a_snapshot_covers_every_table(table: Database) -> None:
    table.run("CREATE TABLE u (id int NOT NULL PRIMARY KEY)")
    reader = table.session(isolation="SNAPSHOT", autocommit=False)
    assert reader.value("SELECT COUNT(*) FROM t") == 3
    table.run("INSERT INTO u VALUES (1)")
    assert reader.value("SELECT COUNT(*) FROM u") == 0
    reader.commit()
    assert reader.value("SELECT COUNT(*) FROM u") == 1


def test_a_snapshot_holds_the_tracked_version_still(table: Database) -> None:
    table.run("ALTER TABLE t ENABLE CHANGE_TRACKING")
    reader = table.session(isolation="SNAPSHOT", autocommit=False)
    assert reader.value("SELECT COUNT(*) FROM t") == 3
    table.run("UPDATE t SET a = 0")
    assert reader.value("SELECT CHANGE_TRACKING_CURRENT_VERSION()") == 0
    reader.rollback()
    assert reader.value("SELECT CHANGE_TRACKING_CURRENT_VERSION()") == 1


def test_a_snapshot_reads_its_own_writes(table: Database) -> None:
    writer = table.session(isolation="SNAPSHOT", autocommit=False)
    writer.run("UPDATE t SET a = 0 WHERE id = 1")
    writer.run("INSERT INTO t VALUES (4, 40)")
    assert writer.rows(READ) == [(1, 0), (2, 20), (3, 30), (4, 40)]
    writer.commit()
    assert table.rows(READ) == [(1, 0), (2, 20), (3, 30), (4, 40)]


def test_a_snapshot_does_not_wait_for_a_writer(table: Database) -> None:
    writer = table.session(autocommit=False)
    writer.run("UPDATE t SET a = 0")
    reader = table.session(isolation="SNAPSHOT", autocommit=False)
    reader.run("SET LOCK_TIMEOUT 0")
    assert reader.rows(READ) == [(1, 10), (2, 20), (3, 30)]
    reader.commit()
    writer.rollback()


def test_a_writer_does_not_wait_for_a_snapshot(table: Database) -> None:
    reader = table.session(isolation="SNAPSHOT", autocommit=False)
    reader.rows(READ)
    table.run("SET LOCK_TIMEOUT 0")
    table.run("UPDATE t SET a = 0")
    reader.commit()


def test_a_row_that_changed_since_is_no_snapshots_to_write(table: Database) -> None:
    late = table.session(isolation="SNAPSHOT", autocommit=False)
    late.rows(READ)
    table.run("UPDATE t SET a = 11 WHERE id = 1")
    with fails(3960, "42000"):
        late.run("UPDATE t SET a = 12 WHERE id = 1")
    late.rollback()
    assert table.value("SELECT a FROM t WHERE id = 1") == 11


def test_a_row_that_changed_since_is_no_snapshots_to_delete(table: Database) -> None:
    late = table.session(isolation="SNAPSHOT", autocommit=False)
    late.rows(READ)
    table.run("UPDATE t SET a = 11 WHERE id = 1")
    with fails(3960):
        late.run("DELETE FROM t WHERE id = 1")
    late.rollback()
    assert len(table.rows(READ)) == 3


def test_a_conflict_ends_the_transaction(table: Database) -> None:
    late = table.session(isolation="SNAPSHOT")
    late.run("BEGIN TRAN; UPDATE t SET a = 33 WHERE id = 3")
    table.run("UPDATE t SET a = 11 WHERE id = 1")
    with fails(3960):
        late.run("UPDATE t SET a = 12 WHERE id = 1")
    assert late.value("SELECT @@TRANCOUNT") == 0
    assert table.rows(READ) == [(1, 11), (2, 20), (3, 30)]


def test_snapshots_that_write_different_rows_do_not_conflict(table: Database) -> None:
    one, two = (table.session(isolation="SNAPSHOT", autocommit=False) for _ in range(2))
    one.rows(READ)
    two.rows(READ)
    one.run("UPDATE t SET a = 11 WHERE id = 1")
    one.commit()
    two.run("UPDATE t SET a = 22 WHERE id = 2")
    two.commit()
    assert table.rows(READ) == [(1, 11), (2, 22), (3, 30)]


def test_snapshots_must_be_allowed_and_fail_at_the_first_access(a_database: ADatabase) -> None:
    database = a_database(snapshot=False)
    database.run("CREATE TABLE t (id int NOT NULL PRIMARY KEY)")
    reader = database.session(isolation="SNAPSHOT")
    reader.run("BEGIN TRAN")
    with fails(3952, "42000", naming=database.name):
        reader.rows("SELECT id FROM t")


def test_a_session_may_go_back_to_read_committed(table: Database) -> None:
    reader = table.session(isolation="SNAPSHOT", autocommit=False)
    reader.rows(READ)
    reader.commit()
    reader.run("SET TRANSACTION ISOLATION LEVEL READ COMMITTED")
    reader.commit()
    assert reader.value("SELECT a FROM t WHERE id = 1") == 10
    table.run("UPDATE t SET a = 11 WHERE id = 1")
    assert reader.value("SELECT a FROM t WHERE id = 1") == 11
    reader.commit()


# Several writers


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
