"""What a reader of changes may rely on: versions, net changes, where a position is void."""

from __future__ import annotations

from dataclasses import dataclass

import pytest

from tests.contract.conftest import ADatabase, InBackground
from tests.contract.sqlserver import Database, fails

TRACK = "ENABLE CHANGE_TRACKING"


@pytest.fixture
def tracked(database: Database) -> Database:
    """Make a table t that was there before tracking began, with the keys 1, 2 and 3."""
    database.run(
        "CREATE TABLE t (id int NOT NULL CONSTRAINT pk_t PRIMARY KEY, a int NULL, b nvarchar(50))"
    )
    database.run("INSERT INTO t (id, a, b) VALUES (1, 10, N'eins'), (2, 20, N'zwei'), (3, 30, '')")
    database.run(f"ALTER TABLE t {TRACK}")
    return database


@dataclass(frozen=True, slots=True)
class Case:
    """Statements, each its own transaction, and what is then seen: operation, version by key.

    Versions are counted from the one before the first statement.
    """

    name: str
    statements: tuple[str, ...]
    seen: dict[int, tuple[str, int]]
    created: dict[int, int] | None = None


NET_CHANGES = [
    Case("insert", ("INSERT INTO t VALUES (10, 1, N'x')",), {10: ("I", 1)}, {10: 1}),
    Case(
        "insert then update",
        ("INSERT INTO t VALUES (10, 1, N'x')", "UPDATE t SET a = 2 WHERE id = 10"),
        {10: ("I", 2)},
        {10: 1},
    ),
    Case(
        "insert then two updates",
        (
            "INSERT INTO t VALUES (10, 1, N'x')",
            "UPDATE t SET a = 2 WHERE id = 10",
            "UPDATE t SET a = 3 WHERE id = 10",
        ),
        {10: ("I", 3)},
        {10: 1},
    ),
    Case(
        "insert then delete",
        ("INSERT INTO t VALUES (10, 1, N'x')", "DELETE FROM t WHERE id = 10"),
        {10: ("D", 2)},
        {10: 1},
    ),
    Case(
        "insert, update, delete",
        (
            "INSERT INTO t VALUES (10, 1, N'x')",
            "UPDATE t SET a = 2 WHERE id = 10",
            "DELETE FROM t WHERE id = 10",
        ),
        {10: ("D", 3)},
    ),
    Case(
        "insert, delete, insert again",
        (
            "INSERT INTO t VALUES (10, 1, N'x')",
            "DELETE FROM t WHERE id = 10",
            "INSERT INTO t VALUES (10, 2, N'y')",
        ),
        {10: ("I", 3)},
    ),
    Case("update of an older row", ("UPDATE t SET a = 11 WHERE id = 1",), {1: ("U", 1)}),
    Case(
        "two updates of an older row",
        ("UPDATE t SET a = 11 WHERE id = 1", "UPDATE t SET a = 12 WHERE id = 1"),
        {1: ("U", 2)},
    ),
    Case("delete of an older row", ("DELETE FROM t WHERE id = 1",), {1: ("D", 1)}),
    Case(
        "update then delete of an older row",
        ("UPDATE t SET a = 11 WHERE id = 1", "DELETE FROM t WHERE id = 1"),
        {1: ("D", 2)},
    ),
    Case(
        "delete then insert of an older row",
        ("DELETE FROM t WHERE id = 1", "INSERT INTO t VALUES (1, 11, N'neu')"),
        {1: ("U", 2)},
    ),
    Case(
        "delete, insert and delete of an older row",
        (
            "DELETE FROM t WHERE id = 1",
            "INSERT INTO t VALUES (1, 11, N'neu')",
            "DELETE FROM t WHERE id = 1",
        ),
        {1: ("D", 3)},
    ),
    Case(
        "delete then insert of an older row in one transaction",
        (
            (
                "BEGIN TRAN; DELETE FROM t WHERE id = 1;"
                " INSERT INTO t VALUES (1, 11, N'neu'); COMMIT TRAN"
            ),
        ),
        {1: ("U", 1)},
    ),
    Case(
        "insert then update in one transaction",
        (
            (
                "BEGIN TRAN; INSERT INTO t VALUES (10, 1, N'x');"
                " UPDATE t SET a = 2 WHERE id = 10; COMMIT TRAN"
            ),
        ),
        {10: ("I", 1)},
        {10: 1},
    ),
    Case(
        "a changed key",
        ("UPDATE t SET id = 20 WHERE id = 1",),
        {1: ("D", 1), 20: ("I", 1)},
        {20: 1},
    ),
    Case(
        "a changed key of a new row",
        ("INSERT INTO t VALUES (10, 1, N'x')", "UPDATE t SET id = 11 WHERE id = 10"),
        {10: ("D", 2), 11: ("I", 2)},
    ),
    Case(
        "all keys moved up by one",
        ("UPDATE t SET id = id + 1",),
        {1: ("D", 1), 2: ("U", 1), 3: ("U", 1), 4: ("I", 1)},
    ),
    Case(
        "two keys swapped",
        ("UPDATE t SET id = CASE id WHEN 1 THEN 2 ELSE 1 END WHERE id IN (1, 2)",),
        {1: ("U", 1), 2: ("U", 1)},
    ),
    Case("a key set to itself", ("UPDATE t SET id = id WHERE id = 1",), {1: ("U", 1)}, {1: 1}),
    Case("a value set to itself", ("UPDATE t SET a = a WHERE id = 1",), {1: ("U", 1)}),
    Case(
        "many rows in one statement",
        ("INSERT INTO t VALUES (10, 1, N'x'), (11, 1, N'y')", "UPDATE t SET a = 0 WHERE id < 3"),
        {1: ("U", 2), 2: ("U", 2), 10: ("I", 1), 11: ("I", 1)},
    ),
    Case(
        "every kind in one transaction",
        (
            (
                "BEGIN TRAN; INSERT INTO t VALUES (10, 1, N'x'); UPDATE t SET a = 5 WHERE id = 2;"
                " DELETE FROM t WHERE id = 3; COMMIT TRAN"
            ),
        ),
        {2: ("U", 1), 3: ("D", 1), 10: ("I", 1)},
    ),
    Case(
        "an insert from a select",
        ("INSERT INTO t (id, a, b) SELECT id + 100, a, b FROM t WHERE id < 3",),
        {101: ("I", 1), 102: ("I", 1)},
    ),
    Case(
        "an update through a join",
        ("UPDATE x SET a = y.a FROM t AS x JOIN t AS y ON y.id = x.id + 1 WHERE x.id = 1",),
        {1: ("U", 1)},
    ),
]


@pytest.mark.parametrize("case", NET_CHANGES, ids=lambda case: case.name)
def test_one_net_change_per_key(tracked: Database, case: Case) -> None:
    before = tracked.version()
    for statement in case.statements:
        tracked.run(statement)
    changes = tracked.changes("t", before)
    assert {
        key: (operation.strip(), version - before) for version, _, operation, key in changes
    } == case.seen
    for key, created in (case.created or {}).items():
        assert [row[1] - before for row in changes if row[3] == key] == [created]


def test_a_deleted_new_row_still_tells_when_it_was_created(tracked: Database) -> None:
    tracked.run("INSERT INTO t VALUES (10, 1, N'x')")
    tracked.run("DELETE FROM t WHERE id = 10")
    assert tracked.changes("t") == [(2, 1, "D", 10)]


def test_a_baseline_between_delete_and_insert_makes_it_an_insert(tracked: Database) -> None:
    tracked.run("DELETE FROM t WHERE id = 1")
    between = tracked.version()
    tracked.run("INSERT INTO t VALUES (1, 11, N'neu')")
    assert [row[2:] for row in tracked.changes("t", between)] == [("I", 1)]
    assert [row[2:] for row in tracked.changes("t", between - 1)] == [("U", 1)]


def test_a_baseline_between_insert_and_update_makes_it_an_update(tracked: Database) -> None:
    tracked.run("INSERT INTO t VALUES (10, 1, N'x')")
    between = tracked.version()
    tracked.run("UPDATE t SET a = 2 WHERE id = 10")
    assert [(row[0], *row[2:]) for row in tracked.changes("t", between)] == [(between + 1, "U", 10)]


def test_a_baseline_between_insert_and_delete_makes_it_a_delete(tracked: Database) -> None:
    tracked.run("INSERT INTO t VALUES (10, 1, N'x')")
    between = tracked.version()
    tracked.run("DELETE FROM t WHERE id = 10")
    assert [row[2:] for row in tracked.changes("t", between)] == [("D", 10)]


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


# Versions


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


# CHANGETABLE(VERSION ...)


def test_version_of_a_row_is_its_last_one(tracked: Database) -> None:
    tracked.run("UPDATE t SET a = 0 WHERE id = 1")
    tracked.run("UPDATE t SET a = 1 WHERE id = 1")
    read = "SELECT v.SYS_CHANGE_VERSION, v.id FROM CHANGETABLE(VERSION t, (id), ({})) AS v"
    assert tracked.rows(read.format(1)) == [(2, 1)]
    assert tracked.rows(read.format(2)) == [(None, 2)]
    assert tracked.rows(read.format(999)) == []


def test_version_takes_a_bound_key(tracked: Database) -> None:
    tracked.run("INSERT INTO t VALUES (10, 1, N'')")
    read = "SELECT v.SYS_CHANGE_VERSION FROM CHANGETABLE(VERSION t, (id), (?)) AS v"
    assert tracked.value(read, 10) == 1


# Setting up and its errors


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


# Where a position is void

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
