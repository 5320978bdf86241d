"""Versions: given at commit, one per transaction, still in a snapshot."""

from __future__ import annotations

import pytest

from tests.contract.conftest import ADatabase, InBackground
from tests.contract.sqlserver import TRACK, Database, fails


def test_each_transaction_has_one_version_in_all_its_tables(tracked: Database) -> None:
    tracked.run("CREATE TABLE u (id int NOT NULL PRIMARY KEY)")
    tracked.run(f"ALTER TABLE u {TRACK}")
    tracked.run(
        "BEGIN TRAN; INSERT INTO t VALUES (10, 1, N''); INSERT INTO u VALUES (1);"
        " UPDATE t SET a = 2 WHERE id = 1; COMMIT TRAN"
    )
    assert tracked.version() == 1
    assert [row[0] for row in tracked.changes("t") + tracked.changes("u")] == [1, 1, 1]


def test_versions_follow_the_order_of_commits(tracked: Database) -> None:
    early, late = tracked.session(autocommit=False), tracked.session(autocommit=False)
    early.run("UPDATE t SET a = 100 WHERE id = 1")
    late.run("UPDATE t SET a = 200 WHERE id = 2")
    late.commit()
    after_first = tracked.version()
    early.commit()
    assert [(row[0], row[3]) for row in tracked.changes("t", 0)] == [
        (after_first + 1, 1),
        (after_first, 2),
    ]


def test_a_long_transaction_shows_up_late_at_a_new_high_version(tracked: Database) -> None:
    long = tracked.session(autocommit=False)
    long.run("INSERT INTO t VALUES (10, 1, N'lang')")
    for key in (11, 12, 13):
        tracked.run("INSERT INTO t VALUES (?, 1, N'kurz')", key)
    reader = tracked.session(isolation="SNAPSHOT", autocommit=False)
    position = reader.value("SELECT CHANGE_TRACKING_CURRENT_VERSION()")
    seen = reader.rows("SELECT ct.id FROM CHANGETABLE(CHANGES t, 0) AS ct ORDER BY ct.id")
    reader.commit()
    assert (position, seen) == (3, [(11,), (12,), (13,)])
    long.commit()
    assert [(row[0], row[3]) for row in tracked.changes("t", position)] == [(4, 10)]


@pytest.mark.parametrize(
    "statements",
    [
        pytest.param("BEGIN TRAN; UPDATE t SET a = 0; ROLLBACK TRAN", id="rollback"),
        pytest.param(
            "BEGIN TRAN; SAVE TRAN s; UPDATE t SET a = 0; ROLLBACK TRAN s; COMMIT TRAN",
            id="rollback to a savepoint",
        ),
        pytest.param("UPDATE t SET a = 0 WHERE id = 999", id="update of no row"),
        pytest.param("DELETE FROM t WHERE id = 999", id="delete of no row"),
        pytest.param("INSERT INTO t SELECT id, a, b FROM t WHERE id = 999", id="insert of no row"),
        pytest.param("BEGIN TRAN; COMMIT TRAN", id="empty transaction"),
        pytest.param("BEGIN TRAN; SELECT * FROM t; COMMIT TRAN", id="reading only"),
        pytest.param("UPDATE untracked SET a = 1", id="an untracked table"),
        pytest.param("INSERT INTO untracked VALUES (2, 0)", id="insert to an untracked table"),
    ],
)
def test_no_version_is_made_by(tracked: Database, statements: str) -> None:
    tracked.run("CREATE TABLE untracked (id int NOT NULL PRIMARY KEY, a int)")
    tracked.run("INSERT INTO untracked VALUES (1, 0)")
    tracked.run("UPDATE t SET a = 0 WHERE id = 3")
    before = tracked.version()
    tracked.run(statements)
    assert tracked.version() == before == 1
    assert tracked.changes("t", before) == []


@pytest.mark.parametrize(
    ("statement", "number"),
    [
        ("INSERT INTO t VALUES (10, 1, N''), (1, 1, N'')", 2627),
        ("INSERT INTO t VALUES (10, 1, N''), (NULL, 1, N'')", 515),
        ("UPDATE t SET id = 7", 2627),
        ("UPDATE t SET a = 1 / (id - 3)", 8134),
    ],
)
def test_a_failed_statement_makes_no_version(
    tracked: Database, statement: str, number: int
) -> None:
    with fails(number):
        tracked.run(statement)
    assert tracked.version() == 0
    assert tracked.changes("t") == []


def test_a_failed_statement_leaves_the_rest_of_its_transaction(tracked: Database) -> None:
    writer = tracked.session(autocommit=False)
    writer.run("INSERT INTO t VALUES (10, 1, N'')")
    with fails(2627):
        writer.run("INSERT INTO t VALUES (11, 1, N''), (1, 1, N'')")
    writer.commit()
    assert tracked.changes("t") == [(1, 1, "I", 10)]


def test_a_savepoint_takes_back_only_what_came_after_it(tracked: Database) -> None:
    tracked.run(
        "BEGIN TRAN; INSERT INTO t VALUES (10, 1, N''); SAVE TRAN s;"
        " INSERT INTO t VALUES (11, 1, N''); DELETE FROM t WHERE id = 10; ROLLBACK TRAN s;"
        " INSERT INTO t VALUES (12, 1, N''); COMMIT TRAN"
    )
    assert tracked.changes("t") == [(1, 1, "I", 10), (1, 1, "I", 12)]


def test_current_version_is_null_where_the_database_is_not_tracked(a_database: ADatabase) -> None:
    database = a_database(tracking=False)
    assert database.value("SELECT CHANGE_TRACKING_CURRENT_VERSION()") is None


def test_current_version_outlives_switching_off_and_on(tracked: Database) -> None:
    tracked.run("UPDATE t SET a = 0")
    tracked.run("UPDATE t SET a = 1")
    tracked.run("ALTER TABLE t DISABLE CHANGE_TRACKING")
    tracked.alter("SET CHANGE_TRACKING = OFF")
    assert tracked.value("SELECT CHANGE_TRACKING_CURRENT_VERSION()") is None
    tracked.alter("SET CHANGE_TRACKING = ON (CHANGE_RETENTION = 2 DAYS, AUTO_CLEANUP = ON)")
    tracked.run(f"ALTER TABLE t {TRACK}")
    assert tracked.version() == 2
    tracked.run("UPDATE t SET a = 2")
    assert tracked.version() == 3


def test_uncommitted_changes_do_not_show_not_even_ones_own(tracked: Database) -> None:
    writer = tracked.session(autocommit=False)
    writer.run("UPDATE t SET a = 0 WHERE id = 1")
    assert writer.value("SELECT CHANGE_TRACKING_CURRENT_VERSION()") == 0
    assert writer.rows("SELECT ct.id FROM CHANGETABLE(CHANGES t, 0) AS ct") == []
    reader = tracked.session(isolation="SNAPSHOT", autocommit=False)
    assert reader.rows("SELECT ct.id FROM CHANGETABLE(CHANGES t, 0) AS ct") == []
    reader.commit()
    writer.commit()
    assert tracked.changes("t")[0][::3] == (1, 1)


def test_a_snapshot_holds_version_and_changes_still(tracked: Database) -> None:
    tracked.run("UPDATE t SET a = 0 WHERE id = 1")
    reader = tracked.session(isolation="SNAPSHOT", autocommit=False)
    read = "SELECT ct.SYS_CHANGE_VERSION, ct.id FROM CHANGETABLE(CHANGES t, 0) AS ct"
    assert reader.value("SELECT CHANGE_TRACKING_CURRENT_VERSION()") == 1
    tracked.run("UPDATE t SET a = 0 WHERE id = 2")
    tracked.run("DELETE FROM t WHERE id = 1")
    assert reader.value("SELECT CHANGE_TRACKING_CURRENT_VERSION()") == 1
    assert reader.rows(read) == [(1, 1)]
    assert reader.value("SELECT COUNT(*) FROM t") == 3
    reader.commit()
    assert reader.value("SELECT CHANGE_TRACKING_CURRENT_VERSION()") == 3


def test_a_snapshot_over_many_tables_sees_whole_transactions(
    tracked: Database, in_background: InBackground
) -> None:
    tracked.run("CREATE TABLE u (id int NOT NULL PRIMARY KEY)")
    tracked.run(f"ALTER TABLE u {TRACK}")
    writer = tracked.session()

    def write() -> None:
        for key in range(100, 160):
            writer.run(
                "BEGIN TRAN; INSERT INTO t VALUES (?, 0, N''); INSERT INTO u VALUES (?);"
                " COMMIT TRAN",
                key,
                key,
            )

    written = in_background(write)
    reader = tracked.session(isolation="SNAPSHOT", autocommit=False)
    read = "SELECT ct.SYS_CHANGE_VERSION, ct.id FROM CHANGETABLE(CHANGES {}, 0) AS ct ORDER BY 1"
    while True:
        finished = written.done()
        position = reader.value("SELECT CHANGE_TRACKING_CURRENT_VERSION()")
        in_t, in_u = reader.rows(read.format("t")), reader.rows(read.format("u"))
        reader.commit()
        assert in_t == in_u
        assert [version for version, _ in in_t] == list(range(1, position + 1))
        if finished:
            break
    written.result(timeout=30)
    assert position == 60
