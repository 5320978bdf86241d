"""Snapshots: when they begin, what they see, what they may not write."""

from __future__ import annotations

from tests.contract.conftest import ADatabase
from tests.contract.sqlserver import Database, fails

READ = "SELECT id, a FROM t ORDER BY id"


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
