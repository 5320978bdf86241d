"""Switching Change Tracking on and off, and what is refused."""

from __future__ import annotations

import pytest

from tests.contract.conftest import ADatabase
from tests.contract.sqlserver import TRACK, Database, fails


def test_changes_of_an_untracked_table_are_refused(database: Database) -> None:
    database.run("CREATE TABLE plain (id int NOT NULL PRIMARY KEY)")
    with fails(22105, "42000", naming="plain"):
        database.rows("SELECT * FROM CHANGETABLE(CHANGES plain, 0) AS ct")


def test_changes_in_an_untracked_database_are_refused(a_database: ADatabase) -> None:
    database = a_database(tracking=False)
    database.run("CREATE TABLE plain (id int NOT NULL PRIMARY KEY)")
    with fails(22105, "42000"):
        database.rows("SELECT * FROM CHANGETABLE(CHANGES plain, 0) AS ct")


def test_versions_of_an_untracked_table_are_refused(database: Database) -> None:
    database.run("CREATE TABLE plain (id int NOT NULL PRIMARY KEY)")
    with fails(22105, "42000"):
        database.rows("SELECT * FROM CHANGETABLE(VERSION plain, (id), (1)) AS v")


def test_changes_of_a_table_that_is_gone_are_refused(database: Database) -> None:
    with fails(208, "42S02", naming="gone"):
        database.rows("SELECT * FROM CHANGETABLE(CHANGES gone, 0) AS ct")


def test_a_table_is_not_tracked_before_its_database(a_database: ADatabase) -> None:
    database = a_database(tracking=False)
    database.run("CREATE TABLE t (id int NOT NULL PRIMARY KEY)")
    with fails(1718, "42000"):
        database.run(f"ALTER TABLE t {TRACK}")


def test_a_database_is_not_switched_off_before_its_tables(tracked: Database) -> None:
    with fails(22115, "42000"):
        tracked.alter("SET CHANGE_TRACKING = OFF")
    tracked.run("ALTER TABLE t DISABLE CHANGE_TRACKING")
    tracked.alter("SET CHANGE_TRACKING = OFF")


def test_the_key_of_a_tracked_table_stays(tracked: Database) -> None:
    with fails(3735, "42000", naming="pk_t"):
        tracked.run("ALTER TABLE t DROP CONSTRAINT pk_t")
    tracked.run("ALTER TABLE t DISABLE CHANGE_TRACKING")
    tracked.run("ALTER TABLE t DROP CONSTRAINT pk_t")


def test_a_table_without_a_key_is_not_tracked(database: Database) -> None:
    database.run("CREATE TABLE heap (id int NOT NULL)")
    with fails(4997, "42000"):
        database.run(f"ALTER TABLE heap {TRACK}")


def test_a_table_is_not_tracked_twice(tracked: Database) -> None:
    with fails(4996, "42000"):
        tracked.run(f"ALTER TABLE t {TRACK}")


def test_an_untracked_table_is_not_switched_off(database: Database) -> None:
    database.run("CREATE TABLE t (id int NOT NULL PRIMARY KEY)")
    with fails(4998, "42000"):
        database.run("ALTER TABLE t DISABLE CHANGE_TRACKING")


def test_a_database_is_not_tracked_twice(database: Database) -> None:
    with fails(5088):
        database.alter("SET CHANGE_TRACKING = ON")


@pytest.mark.parametrize(
    ("retention", "period", "unit", "described"),
    [("2 DAYS", 2, 3, "DAYS"), ("5 HOURS", 5, 2, "HOURS"), ("90 MINUTES", 90, 1, "MINUTES")],
)
@pytest.mark.parametrize("auto_cleanup", [True, False])
def test_retention_is_what_was_set(
    a_database: ADatabase,
    retention: str,
    period: int,
    unit: int,
    described: str,
    *,
    auto_cleanup: bool,
) -> None:
    database = a_database(retention=retention, auto_cleanup=auto_cleanup)
    assert database.rows(
        "SELECT is_auto_cleanup_on, retention_period, retention_period_units,"
        " retention_period_units_desc FROM sys.change_tracking_databases"
        " WHERE database_id = DB_ID()"
    ) == [(auto_cleanup, period, unit, described)]


def test_retention_changes_while_tracking_goes_on(tracked: Database) -> None:
    tracked.run("UPDATE t SET a = 0 WHERE id = 1")
    tracked.alter("SET CHANGE_TRACKING (CHANGE_RETENTION = 7 DAYS)")
    read = "SELECT retention_period FROM sys.change_tracking_databases WHERE database_id = DB_ID()"
    assert tracked.value(read) == 7
    assert len(tracked.changes("t")) == 1


def test_an_untracked_database_is_not_in_the_list(a_database: ADatabase) -> None:
    database = a_database(tracking=False)
    assert (
        database.rows("SELECT 1 FROM sys.change_tracking_databases WHERE database_id = DB_ID()")
        == []
    )


def test_tracking_goes_on_over_new_columns_and_new_names(tracked: Database) -> None:
    tracked.run("UPDATE t SET a = 0 WHERE id = 1")
    tracked.run("ALTER TABLE t ADD c int NULL")
    tracked.run("UPDATE t SET c = 5 WHERE id = 2")
    tracked.run("EXEC sp_rename 'dbo.t', 'renamed'")
    tracked.run("EXEC sp_rename 'dbo.renamed.id', 'key_7X', 'COLUMN'")
    tracked.run("DELETE FROM renamed WHERE key_7X = 3")
    assert [row[2:] for row in tracked.changes("renamed", columns=["key_7X"])] == [
        ("U", 1),
        ("U", 2),
        ("D", 3),
    ]


def test_commits_are_listed_with_their_time(tracked: Database) -> None:
    tracked.run("UPDATE t SET a = 0 WHERE id = 1")
    tracked.run("UPDATE t SET a = 0 WHERE id = 2")
    listed = tracked.rows(
        "SELECT commit_ts, CASE WHEN commit_time BETWEEN DATEADD(minute, -5, GETUTCDATE())"
        " AND DATEADD(minute, 5, GETUTCDATE()) THEN 1 ELSE 0 END"
        " FROM sys.dm_tran_commit_table ORDER BY commit_ts"
    )
    assert listed == [(1, 1), (2, 1)]
