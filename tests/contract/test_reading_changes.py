"""How changes are asked for: baselines, columns, keys, joins, versions of single rows."""

from __future__ import annotations

import pytest

from tests.contract.sqlserver import TRACK, Database, fails


def test_rows_that_were_there_before_are_no_changes(tracked: Database) -> None:
    assert tracked.version() == 0
    assert tracked.changes("t", 0) == []
    assert tracked.changes("t", None) == []


@pytest.mark.parametrize(
    ("baseline", "keys"),
    [("NULL", [1, 10]), ("0", [1, 10]), ("1", [1]), ("2", []), ("-1", []), ("3", []), ("99", [])],
)
def test_a_baseline_shows_what_came_after_it(
    tracked: Database, baseline: str, keys: list[int]
) -> None:
    tracked.run("INSERT INTO t VALUES (10, 1, N'x')")
    tracked.run("UPDATE t SET a = 1 WHERE id = 1")
    read = f"SELECT ct.id FROM CHANGETABLE(CHANGES t, {baseline}) AS ct ORDER BY ct.id"
    assert [key for (key,) in tracked.rows(read)] == keys


@pytest.mark.parametrize(("baseline", "keys"), [(0, [1, 10]), (1, [1]), (2, []), (2**40, [])])
def test_a_baseline_may_be_a_bound_parameter(
    tracked: Database, baseline: int, keys: list[int]
) -> None:
    tracked.run("INSERT INTO t VALUES (10, 1, N'x')")
    tracked.run("UPDATE t SET a = 1 WHERE id = 1")
    read = "SELECT ct.id FROM CHANGETABLE(CHANGES t, ?) AS ct ORDER BY ct.id"
    assert [key for (key,) in tracked.rows(read, baseline)] == keys


def test_a_baseline_may_be_a_variable(tracked: Database) -> None:
    tracked.run("INSERT INTO t VALUES (10, 1, N'x')")
    read = "SELECT ct.id FROM CHANGETABLE(CHANGES t, @since) AS ct"
    assert tracked.rows(f"DECLARE @since bigint = 0; {read}") == [(10,)]
    assert tracked.rows(f"DECLARE @since bigint = NULL; {read}") == [(10,)]
    assert tracked.rows(f"DECLARE @since bigint = 1; {read}") == []


@pytest.mark.parametrize("baseline", ["1 + 1", "0 - 1", "CAST(0 AS bigint)", "(SELECT 0)"])
def test_a_baseline_is_no_expression(tracked: Database, baseline: str) -> None:
    with fails(102, "42000"):
        tracked.rows(f"SELECT * FROM CHANGETABLE(CHANGES t, {baseline}) AS ct")


def test_the_table_of_changes_needs_an_alias(tracked: Database) -> None:
    with fails(22104, "42000"):
        tracked.rows("SELECT * FROM CHANGETABLE(CHANGES t, 0)")


def test_the_columns_of_changes_are_the_five_and_then_the_key(tracked: Database) -> None:
    description, _ = tracked.own.result("SELECT * FROM CHANGETABLE(CHANGES t, 0) AS ct")
    assert [column[0] for column in description] == [
        "SYS_CHANGE_VERSION",
        "SYS_CHANGE_CREATION_VERSION",
        "SYS_CHANGE_OPERATION",
        "SYS_CHANGE_COLUMNS",
        "SYS_CHANGE_CONTEXT",
        "id",
    ]
    assert [column[1] for column in description] == [int, int, str, bytearray, bytearray, int]


def test_a_key_of_two_columns_comes_in_key_order(database: Database) -> None:
    database.run(
        "CREATE TABLE two (a int NOT NULL, b varchar(10) NOT NULL, c int, PRIMARY KEY (b, a))"
    )
    database.run(f"ALTER TABLE two {TRACK}")
    database.run("INSERT INTO two VALUES (1, 'x', 0), (2, 'x', 0)")
    database.run("UPDATE two SET c = 1 WHERE a = 2")
    description, rows = database.own.result(
        "SELECT * FROM CHANGETABLE(CHANGES two, 0) AS ct ORDER BY ct.a"
    )
    assert [column[0] for column in description][5:] == ["b", "a"]
    assert [row[2:3] + row[5:] for row in rows] == [("I", "x", 1), ("I", "x", 2)]


def test_the_rest_of_a_row_comes_from_a_join(tracked: Database) -> None:
    tracked.run("INSERT INTO t VALUES (10, 1, N'Zahnärztin')")
    tracked.run("DELETE FROM t WHERE id = 2")
    assert tracked.rows(
        "SELECT ct.SYS_CHANGE_OPERATION, ct.id, t.id, t.b"
        " FROM CHANGETABLE(CHANGES dbo.t, 0) AS ct LEFT JOIN dbo.t AS t ON t.id = ct.id"
        " WHERE ct.SYS_CHANGE_VERSION <= 2 ORDER BY ct.SYS_CHANGE_VERSION"
    ) == [("I", 10, 10, "Zahnärztin"), ("D", 2, None, None)]


def test_keys_of_text_keep_their_text(database: Database) -> None:
    database.run("CREATE TABLE k (id varchar(20) NOT NULL PRIMARY KEY, a int)")
    database.run(f"ALTER TABLE k {TRACK}")
    database.run("INSERT INTO k VALUES ('67890/A22', 1), ('Ä935', 1)")
    database.run("UPDATE k SET a = 2 WHERE id = 'ä935'")
    assert [row[2:] for row in database.changes("k")] == [("I", "67890/A22"), ("I", "Ä935")]


def test_a_key_that_changes_only_its_case_is_the_same_key(database: Database) -> None:
    database.run("CREATE TABLE k (id varchar(20) NOT NULL PRIMARY KEY, a int)")
    database.run("INSERT INTO k VALUES ('abc', 1)")
    database.run(f"ALTER TABLE k {TRACK}")
    database.run("UPDATE k SET id = 'ABC'")
    assert [row[2:] for row in database.changes("k")] == [("U", "ABC")]


def test_updated_columns_are_told_where_a_table_asks_for_it(database: Database) -> None:
    database.run("CREATE TABLE m (id int NOT NULL PRIMARY KEY, a int, b int)")
    database.run("INSERT INTO m VALUES (1, 1, 1)")
    database.run(f"ALTER TABLE m {TRACK} WITH (TRACK_COLUMNS_UPDATED = ON)")
    database.run("UPDATE m SET b = 2")
    mask = (
        "CHANGE_TRACKING_IS_COLUMN_IN_MASK("
        "COLUMNPROPERTY(OBJECT_ID('m'), '{}', 'ColumnId'), ct.SYS_CHANGE_COLUMNS)"
    )
    assert database.rows(
        f"SELECT {mask.format('a')}, {mask.format('b')} FROM CHANGETABLE(CHANGES m, 0) AS ct"
    ) == [(0, 1)]


def test_updated_columns_are_null_where_nobody_asked(tracked: Database) -> None:
    tracked.run("UPDATE t SET a = 0 WHERE id = 1")
    read = "SELECT ct.SYS_CHANGE_COLUMNS FROM CHANGETABLE(CHANGES t, 0) AS ct"
    assert tracked.value(read) is None


def test_a_writer_can_leave_its_mark(tracked: Database) -> None:
    tracked.run("WITH CHANGE_TRACKING_CONTEXT (0xC0FFEE) UPDATE t SET a = 0 WHERE id = 1")
    tracked.run("UPDATE t SET a = 0 WHERE id = 2")
    assert tracked.rows(
        "SELECT ct.id, ct.SYS_CHANGE_CONTEXT FROM CHANGETABLE(CHANGES t, 0) AS ct ORDER BY ct.id"
    ) == [(1, b"\xc0\xff\xee"), (2, None)]


def test_version_of_a_row_is_its_last_one(tracked: Database) -> None:
    tracked.run("UPDATE t SET a = 0 WHERE id = 1")
    tracked.run("UPDATE t SET a = 1 WHERE id = 1")
    read = "SELECT v.SYS_CHANGE_VERSION, v.id FROM CHANGETABLE(VERSION t, (id), ({})) AS v"
    assert tracked.rows(read.format(1)) == [(2, 1)]
    assert tracked.rows(read.format(2)) == [(None, 2)]
    assert tracked.rows(read.format(999)) == []


def test_version_of_each_row_comes_by_cross_apply(tracked: Database) -> None:
    tracked.run("UPDATE t SET a = 0 WHERE id = 2")
    assert tracked.rows(
        "SELECT t.id, v.SYS_CHANGE_VERSION FROM t"
        " CROSS APPLY CHANGETABLE(VERSION t, (id), (t.id)) AS v ORDER BY t.id"
    ) == [(1, None), (2, 1), (3, None)]


def test_version_takes_a_bound_key(tracked: Database) -> None:
    tracked.run("INSERT INTO t VALUES (10, 1, N'')")
    read = "SELECT v.SYS_CHANGE_VERSION FROM CHANGETABLE(VERSION t, (id), (?)) AS v"
    assert tracked.value(read, 10) == 1
