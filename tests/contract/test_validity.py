"""Where a position is void: clean-up, TRUNCATE, off and on, recreated, restored."""

from __future__ import annotations

import pytest

from tests.contract.conftest import ADatabase, InBackground
from tests.contract.sqlserver import TRACK, Database

STATE = (
    "SELECT object_id, min_valid_version, begin_version FROM sys.change_tracking_tables"
    " WHERE object_id = OBJECT_ID('{}')"
)
MIN_VALID = "SELECT CHANGE_TRACKING_MIN_VALID_VERSION(OBJECT_ID('{}'))"


def test_min_valid_is_of_each_table(tracked: Database) -> None:
    tracked.run("UPDATE t SET a = 0")
    tracked.run("UPDATE t SET a = 1")
    tracked.run("CREATE TABLE u (id int NOT NULL PRIMARY KEY)")
    tracked.run(f"ALTER TABLE u {TRACK}")
    assert tracked.value(MIN_VALID.format("t")) == 0
    assert tracked.value(MIN_VALID.format("u")) == 2


@pytest.mark.parametrize("object_id", ["OBJECT_ID('plain')", "OBJECT_ID('gone')", "NULL", "-5"])
def test_min_valid_is_null_where_nothing_is_tracked(database: Database, object_id: str) -> None:
    database.run("CREATE TABLE plain (id int NOT NULL PRIMARY KEY)")
    assert database.value(f"SELECT CHANGE_TRACKING_MIN_VALID_VERSION({object_id})") is None


def test_min_valid_is_null_where_the_database_is_not_tracked(a_database: ADatabase) -> None:
    database = a_database(tracking=False)
    database.run("CREATE TABLE plain (id int NOT NULL PRIMARY KEY)")
    assert database.value(MIN_VALID.format("plain")) is None


def test_one_cheap_statement_tells_the_whole_position(tracked: Database) -> None:
    tracked.run("CREATE TABLE u (id int NOT NULL PRIMARY KEY)")
    tracked.run(f"ALTER TABLE u {TRACK}")
    tracked.run("UPDATE t SET a = 0")
    rows = tracked.rows(
        "SELECT SYSUTCDATETIME(), CHANGE_TRACKING_CURRENT_VERSION(), n.name, c.object_id,"
        " c.begin_version, CHANGE_TRACKING_MIN_VALID_VERSION(c.object_id)"
        " FROM (VALUES (N'[dbo].[t]'), (N'[dbo].[u]')) AS n (name)"
        " LEFT JOIN sys.change_tracking_tables AS c ON c.object_id = OBJECT_ID(n.name)"
        " ORDER BY n.name"
    )
    assert [(row[1], row[2], row[4], row[5]) for row in rows] == [
        (1, "[dbo].[t]", 0, 0),
        (1, "[dbo].[u]", 0, 0),
    ]
    assert all(row[3] is not None for row in rows)


@pytest.mark.usefixtures("only_standin")
def test_aged_changes_are_cleaned_up_and_the_position_is_void(tracked: Database) -> None:
    tracked.run("UPDATE t SET a = 0 WHERE id = 1")
    tracked.run("UPDATE t SET a = 0 WHERE id = 2")
    tracked.run("EXEC standin.age_changes @seconds = 172801")
    tracked.run("UPDATE t SET a = 0 WHERE id = 3")
    assert len(tracked.changes("t")) == 3
    tracked.run("EXEC sys.sp_flush_CT_internal_table_on_demand")
    assert tracked.value(MIN_VALID.format("t")) == 2
    assert tracked.version() == 3
    assert [(row[0], row[3]) for row in tracked.changes("t")] == [(3, 3)]
    assert [(row[0], row[3]) for row in tracked.changes("t", 2)] == [(3, 3)]


@pytest.mark.usefixtures("only_standin")
def test_a_cleanup_of_everything_leaves_the_current_version_valid(tracked: Database) -> None:
    tracked.run("UPDATE t SET a = 0 WHERE id = 1")
    tracked.run("EXEC standin.age_changes @seconds = 172801")
    tracked.run("EXEC sys.sp_flush_CT_internal_table_on_demand")
    assert tracked.value(MIN_VALID.format("t")) <= tracked.version() == 1
    assert tracked.changes("t") == []


@pytest.mark.usefixtures("only_standin")
def test_retention_decides_what_is_old(a_database: ADatabase) -> None:
    database = a_database(retention="5 HOURS")
    database.run("CREATE TABLE t (id int NOT NULL PRIMARY KEY)")
    database.run(f"ALTER TABLE t {TRACK}")
    database.run("INSERT INTO t VALUES (1)")
    database.run("EXEC standin.age_changes @seconds = 17000")
    database.run("EXEC sys.sp_flush_CT_internal_table_on_demand")
    assert database.value(MIN_VALID.format("t")) == 0
    database.run("EXEC standin.age_changes @seconds = 1001")
    database.run("EXEC sys.sp_flush_CT_internal_table_on_demand")
    assert database.value(MIN_VALID.format("t")) == 1


def test_a_cleanup_keeps_what_is_within_retention(tracked: Database) -> None:
    tracked.run("UPDATE t SET a = 0 WHERE id = 1")
    tracked.run("EXEC sys.sp_flush_CT_internal_table_on_demand")
    assert tracked.value(MIN_VALID.format("t")) == 0
    assert len(tracked.changes("t")) == 1


def test_truncate_makes_no_version_and_no_change_but_a_new_beginning(tracked: Database) -> None:
    tracked.run("UPDATE t SET a = 0 WHERE id = 1")
    tracked.run("UPDATE t SET a = 0 WHERE id = 2")
    before = tracked.rows(STATE.format("t"))[0]
    tracked.run("TRUNCATE TABLE t")
    after = tracked.rows(STATE.format("t"))[0]
    assert tracked.version() == 2
    assert tracked.value(MIN_VALID.format("t")) == 2
    assert tracked.changes("t", 2) == []
    assert after[0] == before[0]
    assert (before[2], after[2]) == (0, 2)


def test_truncate_of_one_table_says_nothing_of_another(tracked: Database) -> None:
    tracked.run("CREATE TABLE u (id int NOT NULL PRIMARY KEY)")
    tracked.run(f"ALTER TABLE u {TRACK}")
    tracked.run("INSERT INTO u VALUES (1)")
    tracked.run("TRUNCATE TABLE t")
    assert tracked.value(MIN_VALID.format("u")) == 0
    assert len(tracked.changes("u")) == 1


def test_a_truncate_taken_back_changes_nothing(tracked: Database) -> None:
    tracked.run("UPDATE t SET a = 0 WHERE id = 1")
    before = tracked.rows(STATE.format("t"))
    tracked.run("BEGIN TRAN; TRUNCATE TABLE t; ROLLBACK TRAN")
    assert tracked.rows(STATE.format("t")) == before
    assert tracked.value("SELECT COUNT(*) FROM t") == 3
    assert len(tracked.changes("t")) == 1


def test_a_table_switched_off_and_on_begins_anew(tracked: Database) -> None:
    tracked.run("UPDATE t SET a = 0 WHERE id = 1")
    before = tracked.rows(STATE.format("t"))[0]
    tracked.run("ALTER TABLE t DISABLE CHANGE_TRACKING")
    assert tracked.rows(STATE.format("t")) == []
    assert tracked.value(MIN_VALID.format("t")) is None
    tracked.run("UPDATE t SET a = 0 WHERE id = 2")
    tracked.run(f"ALTER TABLE t {TRACK}")
    after = tracked.rows(STATE.format("t"))[0]
    assert after[0] == before[0]
    assert (before[2], after[2]) == (0, 1)
    assert tracked.value(MIN_VALID.format("t")) == 1
    assert tracked.changes("t", 1) == []


def test_a_table_dropped_and_made_again_has_another_id(tracked: Database) -> None:
    tracked.run("UPDATE t SET a = 0 WHERE id = 1")
    before = tracked.rows(STATE.format("t"))[0]
    tracked.run("DROP TABLE t")
    assert tracked.value("SELECT OBJECT_ID('t')") is None
    tracked.run("CREATE TABLE t (id int NOT NULL PRIMARY KEY)")
    assert tracked.value(MIN_VALID.format("t")) is None
    tracked.run(f"ALTER TABLE t {TRACK}")
    after = tracked.rows(STATE.format("t"))[0]
    assert after[0] != before[0]
    assert tracked.version() == 1
    assert tracked.changes("t") == []


def test_a_restore_is_seen_by_the_identity_and_a_version_that_went_back(
    tracked: Database,
) -> None:
    name = tracked.name
    identity = (
        "SELECT family_guid, recovery_fork_guid FROM sys.database_recovery_status"
        " WHERE database_id = DB_ID()"
    )
    tracked.run("UPDATE t SET a = 0 WHERE id = 1")
    before = tracked.rows(identity)
    assert tracked.rows(identity) == before
    tracked.admin.run(f"BACKUP DATABASE {name} TO DISK = N'{name}.bak'")
    tracked.run("UPDATE t SET a = 0 WHERE id = 2")
    tracked.run("UPDATE t SET a = 0 WHERE id = 3")
    assert tracked.version() == 3
    tracked.disconnect()
    tracked.admin.run(f"RESTORE DATABASE {name} FROM DISK = N'{name}.bak' WITH REPLACE")
    assert tracked.rows(identity) != before
    assert tracked.version() == 1
    assert [(row[0], row[3]) for row in tracked.changes("t")] == [(1, 1)]
    assert tracked.changes("t", 3) == []
    assert tracked.rows("SELECT id, a FROM t ORDER BY id") == [(1, 0), (2, 20), (3, 30)]
    tracked.run("UPDATE t SET a = 7 WHERE id = 2")
    assert tracked.version() == 2


def test_an_offline_database_keeps_its_identity_and_version(tracked: Database) -> None:
    identity = (
        "SELECT family_guid, recovery_fork_guid FROM sys.database_recovery_status"
        " WHERE database_id = DB_ID()"
    )
    tracked.run("UPDATE t SET a = 0 WHERE id = 1")
    before = tracked.rows(identity)
    tracked.disconnect()
    tracked.alter("SET OFFLINE WITH ROLLBACK IMMEDIATE")
    tracked.alter("SET ONLINE")
    assert (tracked.rows(identity), tracked.version()) == (before, 1)


def test_the_right_way_to_read_covers_each_change_once(
    tracked: Database, in_background: InBackground
) -> None:
    """Poll in snapshots while three writers overlap: nothing is missed, nothing comes twice."""
    writers = [tracked.session(autocommit=False) for _ in range(3)]

    def write(number: int) -> None:
        for step in range(20):
            key = 1000 * (number + 1) + step
            writers[number].run("INSERT INTO t VALUES (?, 0, N'')", key)
            writers[number].run("UPDATE t SET a = 1 WHERE id = ?", key)
            writers[number].commit()

    written = [in_background(write, number) for number in range(3)]
    reader = tracked.session(isolation="SNAPSHOT", autocommit=False)
    position, seen = 0, []
    while True:
        finished = all(done.done() for done in written)
        upto = reader.value("SELECT CHANGE_TRACKING_CURRENT_VERSION()")
        assert reader.value(MIN_VALID.format("t")) <= position
        seen += reader.rows(
            "SELECT ct.id, t.a FROM CHANGETABLE(CHANGES t, ?) AS ct"
            " LEFT JOIN t ON t.id = ct.id WHERE ct.SYS_CHANGE_VERSION <= ?",
            position,
            upto,
        )
        reader.commit()
        position = upto
        if finished:
            break
    for done in written:
        done.result(timeout=30)
    assert position == 60
    assert sorted(seen) == [(1000 * n + step, 1) for n in (1, 2, 3) for step in range(20)]
