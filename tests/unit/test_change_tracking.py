"""Change tracking of the stand-in, case by case: versions, net changes, validity, errors."""

from __future__ import annotations

import apsw
import pytest

from deploy.local.sqlserver import change_tracking
from deploy.local.sqlserver.change_tracking import layout
from deploy.local.sqlserver.errors import SqlError
from deploy.local.sqlserver.results import SqlType
from tests.unit.standin_database import Database, a_column

_DAY = 86400


@pytest.fixture
def database() -> Database:
    return Database()


@pytest.fixture
def table(database: Database) -> int:
    """Return a tracked table with the rows 1, 2 and 3, which were there before."""
    object_id = database.table(tracked=False)
    database.commit(f"INSERT INTO t{object_id} VALUES (1, 0), (2, 0), (3, 0)")
    change_tracking.enable_table(database.db, object_id)
    return object_id


def version(database: Database) -> int | None:
    return change_tracking.current_version(database.db)


def begin_version(database: Database, table: int) -> object:
    [(found,)] = database.rows("SELECT begin_version FROM ct_tables WHERE object_id = ?", table)
    return found


def last_version(database: Database, table: int, key: int) -> list[tuple[object, ...]]:
    source = change_tracking.version_sql(database.db, table, ["?1"])
    return database.rows(f"SELECT SYS_CHANGE_VERSION, c1 FROM ({source.sql})", key)


def add_one_to_every_key(table: int) -> tuple[str, ...]:
    """`SET id = id + 1` over neighbours, in the steps that SQLite needs."""
    return (
        f"CREATE TEMP TABLE moved AS SELECT c1 + 1 AS c1, c2 FROM t{table}",
        f"DELETE FROM t{table}",
        f"INSERT INTO t{table} SELECT * FROM moved",
        "DROP TABLE moved",
    )


# Versions.


def test_rows_that_were_there_before_are_no_changes(database: Database, table: int) -> None:
    assert version(database) == 0
    assert database.changes(table, 0) == []


def test_a_version_is_given_at_commit_one_for_all_tables_of_a_transaction(
    database: Database, table: int
) -> None:
    other = database.table(name="KASSEN")
    statements = f"UPDATE t{table} SET c2 = 1 WHERE c1 = 1", f"INSERT INTO t{other} VALUES (9, 9)"
    assert database.commit(*statements) == 1
    assert database.changes(table, 0) == [("U", 1, None, 1)]
    assert database.changes(other, 0) == [("I", 1, 1, 9)]


def test_a_long_transaction_shows_up_late_at_a_high_version() -> None:
    database = Database()
    table = database.table()
    database.commit(f"INSERT INTO t{table} VALUES (1, 0)")
    session = apsw.Session(database.db, "main")
    session.attach()
    database.db.execute("BEGIN")
    database.db.execute(f"INSERT INTO t{table} VALUES (10, 0)")
    parked = session.changeset()
    session.close()
    database.db.execute("ROLLBACK")
    assert database.commit(f"INSERT INTO t{table} VALUES (20, 0)") == 2
    database.db.config(apsw.SQLITE_DBCONFIG_ENABLE_TRIGGER, 0)
    database.db.execute("BEGIN")
    apsw.Changeset.apply(parked, database.db)
    assert change_tracking.stamp(database.db) == 3
    database.db.execute("COMMIT")
    assert database.changes(table, 1) == [("I", 3, 3, 10), ("I", 2, 2, 20)]


def test_a_rollback_makes_no_version(database: Database, table: int) -> None:
    database.db.execute("BEGIN")
    database.db.execute(f"DELETE FROM t{table}")
    database.db.execute("ROLLBACK")
    assert database.commit(f"UPDATE t{table} SET c2 = 1 WHERE c1 = 1") == 1
    assert database.changes(table, 0) == [("U", 1, None, 1)]


def test_a_rollback_to_a_savepoint_takes_back_its_changes_alone(
    database: Database, table: int
) -> None:
    database.commit(
        f"UPDATE t{table} SET c2 = 1 WHERE c1 = 1",
        "SAVEPOINT a",
        f"DELETE FROM t{table}",
        "ROLLBACK TO a",
    )
    assert database.changes(table, 0) == [("U", 1, None, 1)]


def test_a_transaction_rolled_back_to_its_start_makes_no_version(
    database: Database, table: int
) -> None:
    assert database.commit("SAVEPOINT a", f"DELETE FROM t{table}", "ROLLBACK TO a") is None
    assert version(database) == 0


@pytest.mark.parametrize("statement", ["UPDATE {} SET c2 = 1", "DELETE FROM {}"])
def test_zero_rows_make_no_version(database: Database, table: int, statement: str) -> None:
    assert database.commit(statement.format(f"t{table}") + " WHERE c1 = 99") is None


def test_a_failed_statement_makes_no_version(database: Database, table: int) -> None:
    with pytest.raises(apsw.ConstraintError):
        database.db.execute(f"INSERT INTO t{table} VALUES (7, 0), (1, 0)")
    assert database.commit() is None


def test_writes_to_a_table_that_is_not_tracked_make_no_version(database: Database) -> None:
    other = database.table(tracked=False)
    assert database.commit(f"INSERT INTO t{other} VALUES (1, 1)") is None


def test_setting_a_column_to_itself_makes_a_version(database: Database, table: int) -> None:
    assert database.commit(f"UPDATE t{table} SET c2 = c2 WHERE c1 = 2") == 1
    assert database.changes(table, 0) == [("U", 1, None, 2)]


def test_the_current_version_is_null_where_the_database_is_not_tracked() -> None:
    assert version(Database(tracked=False)) is None


def test_the_current_version_outlives_switching_off_and_on(database: Database, table: int) -> None:
    database.commit(f"DELETE FROM t{table}")
    change_tracking.disable_table(database.db, table)
    change_tracking.disable_database(database.db)
    assert version(database) is None
    change_tracking.enable_database(database.db, _DAY, auto_cleanup=True)
    assert version(database) == 1


def test_uncommitted_changes_of_ones_own_do_not_show(database: Database, table: int) -> None:
    database.db.execute("BEGIN")
    database.db.execute(f"DELETE FROM t{table}")
    assert database.changes(table, 0) == []
    assert version(database) == 0


# Net changes.


def test_an_insert_is_i(database: Database, table: int) -> None:
    database.commit(f"INSERT INTO t{table} VALUES (10, 0)")
    assert database.changes(table, 0) == [("I", 1, 1, 10)]


def test_insert_and_update_are_i_at_the_update(database: Database, table: int) -> None:
    database.commit(f"INSERT INTO t{table} VALUES (10, 0)")
    database.commit(f"UPDATE t{table} SET c2 = 1 WHERE c1 = 10")
    assert database.changes(table, 0) == [("I", 2, 1, 10)]
    assert database.changes(table, 1) == [("U", 2, None, 10)]


@pytest.mark.parametrize("together", [True, False])
def test_insert_and_delete_are_d_with_a_creation_version(
    database: Database, table: int, *, together: bool
) -> None:
    statements = f"INSERT INTO t{table} VALUES (10, 0)", f"DELETE FROM t{table} WHERE c1 = 10"
    for transaction in [statements] if together else [[s] for s in statements]:
        database.commit(*transaction)
    assert database.changes(table, 0) == [("D", version(database), 1, 10)]


def test_an_update_of_an_older_row_is_u_and_its_delete_d(database: Database, table: int) -> None:
    database.commit(f"UPDATE t{table} SET c2 = 1 WHERE c1 = 1")
    assert database.changes(table, 0) == [("U", 1, None, 1)]
    database.commit(f"DELETE FROM t{table} WHERE c1 = 1")
    assert database.changes(table, 0) == [("D", 2, None, 1)]


def test_delete_and_reinsert_of_an_older_row_are_u(database: Database, table: int) -> None:
    database.commit(f"DELETE FROM t{table} WHERE c1 = 1")
    database.commit(f"INSERT INTO t{table} VALUES (1, 5)")
    assert database.changes(table, 0) == [("U", 2, 2, 1)]


def test_delete_and_reinsert_with_a_baseline_between_are_i(database: Database, table: int) -> None:
    database.commit(f"DELETE FROM t{table} WHERE c1 = 1")
    database.commit(f"INSERT INTO t{table} VALUES (1, 5)")
    assert database.changes(table, 1) == [("I", 2, 2, 1)]


def test_a_changed_key_is_d_of_the_old_and_i_of_the_new(database: Database, table: int) -> None:
    database.commit(f"UPDATE t{table} SET c1 = 30 WHERE c1 = 3")
    assert database.changes(table, 0) == [("D", 1, None, 3), ("I", 1, 1, 30)]


def test_keys_that_exist_before_and_after_a_shift_are_u(database: Database, table: int) -> None:
    database.commit(*add_one_to_every_key(table))
    assert [(row[0], row[3]) for row in database.changes(table, 0)] == [
        ("D", 1),
        ("U", 2),
        ("U", 3),
        ("I", 4),
    ]
    assert {row[1] for row in database.changes(table, 0)} == {1}


@pytest.mark.parametrize("order", ["c1", "c1 DESC"])
def test_a_shift_that_sqlite_can_do_row_by_row_shows_the_same(
    database: Database, table: int, order: str
) -> None:
    step = -1 if order == "c1" else 1
    keys = [1, 2, 3] if order == "c1" else [3, 2, 1]
    database.commit(*(f"UPDATE t{table} SET c1 = {k + step} WHERE c1 = {k}" for k in keys))
    assert [row[0] for row in database.changes(table, 0) if row[3] in {1, 2, 3}].count("U") == 2


def test_a_swap_of_two_keys_is_u_of_both(database: Database, table: int) -> None:
    database.commit(
        f"DELETE FROM t{table} WHERE c1 IN (1, 2)", f"INSERT INTO t{table} VALUES (2, 0), (1, 0)"
    )
    assert [(row[0], row[3]) for row in database.changes(table, 0)] == [("U", 1), ("U", 2)]


def test_setting_a_key_to_itself_is_u_with_a_creation_version(
    database: Database, table: int
) -> None:
    database.commit(f"UPDATE t{table} SET c1 = c1 WHERE c1 = 2")
    assert database.changes(table, 0) == [("U", 1, 1, 2)]


def test_a_key_and_another_column_set_in_one_statement_are_d_and_i(
    database: Database, table: int
) -> None:
    database.commit(f"UPDATE t{table} SET c2 = 5, c1 = 30 WHERE c1 = 3")
    assert database.changes(table, 0) == [("D", 1, None, 3), ("I", 1, 1, 30)]


@pytest.mark.parametrize("everything", [None, 0])
def test_a_baseline_of_null_or_zero_means_all(
    database: Database, table: int, everything: int | None
) -> None:
    database.commit(f"DELETE FROM t{table} WHERE c1 = 1")
    database.commit(f"DELETE FROM t{table} WHERE c1 = 2")
    assert [row[3] for row in database.changes(table, everything)] == [1, 2]


@pytest.mark.parametrize("nothing", [-1, -7, 2, 99])
def test_a_baseline_below_zero_now_or_ahead_means_nothing(
    database: Database, table: int, nothing: int
) -> None:
    database.commit(f"DELETE FROM t{table} WHERE c1 = 1")
    database.commit(f"DELETE FROM t{table} WHERE c1 = 2")
    assert database.changes(table, nothing) == []


def test_the_columns_of_changetable_end_with_the_key_in_key_order(database: Database) -> None:
    table = database.table(
        a_column(1, "A", nullable=False), a_column(2, "B", nullable=False), key=(2, 1)
    )
    source = change_tracking.changes_sql(database.db, table, "0")
    assert [column.name for column in source.columns] == [
        "SYS_CHANGE_VERSION",
        "SYS_CHANGE_CREATION_VERSION",
        "SYS_CHANGE_OPERATION",
        "SYS_CHANGE_COLUMNS",
        "SYS_CHANGE_CONTEXT",
        "B",
        "A",
    ]
    assert [column.type for column in source.columns[:5]] == [
        SqlType("bigint"),
        SqlType("bigint"),
        SqlType("nchar", 1),
        SqlType("varbinary", 4100),
        SqlType("varbinary", 128),
    ]
    database.commit(f"INSERT INTO t{table} VALUES (1, 2)")
    assert database.changes(table, 0) == [("I", 1, 1, 2, 1)]


def test_keys_that_differ_only_in_case_or_trailing_blanks_are_one(database: Database) -> None:
    table = database.table(a_column(1, "ID", SqlType("varchar", 10), nullable=False))
    database.commit(f"INSERT INTO t{table} VALUES ('müller')")
    database.commit(f"DELETE FROM t{table}", f"INSERT INTO t{table} VALUES ('MÜLLER ')")
    [(operation, at, creation, _)] = database.changes(table, 1)
    assert (operation, at, creation) == ("U", 2, 2)
    database.commit(f"UPDATE t{table} SET c1 = 'Müller'")
    assert [row[:3] for row in database.changes(table, 2)] == [("U", 3, 3)]
    source = change_tracking.changes_sql(database.db, table, "2")
    joined = f"SELECT t.c1 FROM ({source.sql}) AS c JOIN t{table} AS t ON t.c1 = c.c1"
    assert database.rows(joined) == [("Müller",)]


def test_a_key_that_differs_in_accent_is_another(database: Database) -> None:
    table = database.table(a_column(1, "ID", SqlType("varchar", 10), nullable=False))
    database.commit(f"INSERT INTO t{table} VALUES ('a'), ('ä')")
    assert len(database.changes(table, 0)) == 2


def test_the_context_belongs_to_the_last_change_of_a_row(database: Database, table: int) -> None:
    database.db.execute("BEGIN")
    database.db.execute(f"UPDATE t{table} SET c2 = 1 WHERE c1 = 1")
    since = change_tracking.mark(database.db)
    database.db.execute(f"UPDATE t{table} SET c2 = 1 WHERE c1 = 2")
    change_tracking.annotate(database.db, since, b"von Hand")
    change_tracking.stamp(database.db)
    database.db.execute("COMMIT")
    source = change_tracking.changes_sql(database.db, table, "0")
    contexts = f"SELECT c1, SYS_CHANGE_CONTEXT FROM ({source.sql}) ORDER BY c1"
    assert database.rows(contexts) == [(1, None), (2, b"von Hand")]
    database.commit(f"UPDATE t{table} SET c2 = 1 WHERE c1 = 2")
    assert database.rows(contexts) == [(1, None), (2, None)]


def test_the_mask_names_the_updated_columns_where_they_are_tracked(database: Database) -> None:
    columns = a_column(1, "ID", nullable=False), a_column(2, "A"), a_column(4, "B")
    table = database.table(*columns, track_columns=True)
    database.commit(f"INSERT INTO t{table} VALUES (1, 0, 0)")
    database.commit(f"UPDATE t{table} SET c4 = 1")
    masks = change_tracking.changes_sql(database.db, table, "?1").sql
    [(mask,)] = database.rows(f"SELECT SYS_CHANGE_COLUMNS FROM ({masks})", 1)
    assert isinstance(mask, bytes)
    assert [layout.is_in_mask(number, mask) for number in (2, 4)] == [0, 1]
    assert database.rows(f"SELECT SYS_CHANGE_COLUMNS FROM ({masks})", 0) == [(None,)]


def test_version_tells_a_rows_last_version(database: Database, table: int) -> None:
    database.commit(f"UPDATE t{table} SET c2 = 1 WHERE c1 = 1")
    database.commit(f"UPDATE t{table} SET c2 = 2 WHERE c1 = 1")
    assert last_version(database, table, 1) == [(2, 1)]


def test_version_is_null_for_a_row_untouched_since_tracking_began(
    database: Database, table: int
) -> None:
    assert last_version(database, table, 2) == [(None, 2)]


def test_version_gives_no_row_for_an_unknown_key(database: Database, table: int) -> None:
    assert last_version(database, table, 99) == []


def test_versions_of_many_rows_come_by_a_join_that_looks_keys_up(
    database: Database, table: int
) -> None:
    database.commit(f"UPDATE t{table} SET c2 = 2 WHERE c1 = 2")
    source = change_tracking.versions_sql(database.db, table)
    joined = (
        f"SELECT t.c1, v.SYS_CHANGE_VERSION FROM t{table} AS t JOIN ({source.sql}) AS v"
        " ON v.c1 = t.c1 WHERE t.c1 > 1 ORDER BY t.c1"
    )
    assert database.rows(joined) == [(2, 1), (3, None)]


# Validity.


def test_a_truncate_makes_no_version_and_no_change_but_moves_begin_and_min_valid(
    database: Database, table: int
) -> None:
    database.commit(f"UPDATE t{table} SET c2 = 1 WHERE c1 = 1")
    assert (begin_version(database, table), version(database)) == (0, 1)
    with change_tracking.untriggered(database.db, table):
        database.db.execute(f"DELETE FROM t{table}")
    change_tracking.table_truncated(database.db, table)
    assert database.commit() is None
    assert version(database) == 1
    assert database.changes(table, 0) == []
    assert change_tracking.min_valid_version(database.db, table) == 1
    assert begin_version(database, table) == 1


def test_changes_are_recorded_again_after_a_truncate(database: Database, table: int) -> None:
    with change_tracking.untriggered(database.db, table):
        database.db.execute(f"DELETE FROM t{table}")
    change_tracking.table_truncated(database.db, table)
    database.commit(f"INSERT INTO t{table} VALUES (1, 0)")
    assert database.changes(table, 0) == [("I", 1, 1, 1)]


def test_off_and_on_moves_begin_version_and_forgets_the_changes(
    database: Database, table: int
) -> None:
    database.commit(f"UPDATE t{table} SET c2 = 1 WHERE c1 = 1")
    change_tracking.disable_table(database.db, table)
    assert change_tracking.min_valid_version(database.db, table) is None
    assert database.commit(f"UPDATE t{table} SET c2 = 2") is None
    change_tracking.enable_table(database.db, table)
    assert begin_version(database, table) == 1
    assert change_tracking.min_valid_version(database.db, table) == 1
    assert database.changes(table, 0) == []


def test_a_table_dropped_and_created_again_is_another(database: Database, table: int) -> None:
    database.commit(f"DELETE FROM t{table}")
    change_tracking.table_dropped(database.db, table)
    database.db.execute(f"DROP TABLE t{table}")
    assert change_tracking.min_valid_version(database.db, table) is None
    again = database.table()
    assert again != table
    assert begin_version(database, again) == 1


@pytest.mark.parametrize("unknown", [None, 424242])
def test_min_valid_is_null_for_an_unknown_table(database: Database, unknown: int | None) -> None:
    assert change_tracking.min_valid_version(database.db, unknown) is None


def test_cleanup_drops_what_is_beyond_retention_and_raises_min_valid(
    database: Database, table: int
) -> None:
    database.commit(f"UPDATE t{table} SET c2 = 1 WHERE c1 = 1")
    database.clock.now += 3 * _DAY
    database.commit(f"UPDATE t{table} SET c2 = 1 WHERE c1 = 2")
    assert change_tracking.cleanup(database.db, clock=database.clock) == 1
    assert change_tracking.min_valid_version(database.db, table) == 1
    assert database.changes(table, 0) == [("U", 2, None, 2)]
    assert begin_version(database, table) == 0
    assert version(database) == 2


def test_cleanup_within_retention_drops_nothing(database: Database, table: int) -> None:
    database.commit(f"UPDATE t{table} SET c2 = 1 WHERE c1 = 1")
    assert change_tracking.cleanup(database.db, clock=database.clock) == 0
    assert change_tracking.min_valid_version(database.db, table) == 0


def test_a_reader_at_the_cleaned_version_misses_nothing(database: Database, table: int) -> None:
    database.commit(f"UPDATE t{table} SET c2 = 1 WHERE c1 = 1")
    change_tracking.age(database.db, 3 * _DAY)
    database.commit(f"UPDATE t{table} SET c2 = 1 WHERE c1 = 2")
    before = database.changes(table, 1)
    change_tracking.cleanup(database.db, clock=database.clock)
    assert change_tracking.min_valid_version(database.db, table) == 1
    assert database.changes(table, 1) == before == [("U", 2, None, 2)]


def test_aging_makes_all_changes_so_far_expire(database: Database, table: int) -> None:
    database.commit(f"UPDATE t{table} SET c2 = 1")
    change_tracking.age(database.db, 2 * _DAY + 1)
    change_tracking.cleanup(database.db, clock=database.clock)
    assert change_tracking.min_valid_version(database.db, table) == version(database) == 1
    assert database.changes(table, 0) == []


def test_a_version_that_was_cleaned_up_is_null_for_its_row(database: Database, table: int) -> None:
    database.commit(f"UPDATE t{table} SET c2 = 1 WHERE c1 = 1")
    change_tracking.age(database.db, 3 * _DAY)
    change_tracking.cleanup(database.db, clock=database.clock)
    assert last_version(database, table, 1) == [(None, 1)]


# What is refused.


def test_changetable_on_a_table_without_tracking_is_22105(database: Database) -> None:
    table = database.table(tracked=False)
    with pytest.raises(SqlError) as changes:
        change_tracking.changes_sql(database.db, table, "0")
    with pytest.raises(SqlError) as versions:
        change_tracking.version_sql(database.db, table, ["1"])
    assert [changes.value.number, versions.value.number] == [22105, 22105]


def test_tracking_a_table_in_a_database_without_it_is_1718() -> None:
    database = Database(tracked=False)
    table = database.table(tracked=False)
    with pytest.raises(SqlError) as error:
        change_tracking.enable_table(database.db, table)
    assert error.value.number == 1718


def test_tracking_a_table_without_a_primary_key_is_4997(database: Database) -> None:
    table = database.table(a_column(1, "X"), key=(), tracked=False)
    with pytest.raises(SqlError) as error:
        change_tracking.enable_table(database.db, table)
    assert error.value.number == 4997


def test_tracking_a_table_twice_is_4996(database: Database, table: int) -> None:
    with pytest.raises(SqlError) as error:
        change_tracking.enable_table(database.db, table)
    assert error.value.number == 4996


def test_switching_a_database_off_while_tables_are_tracked_is_22115(
    database: Database, table: int
) -> None:
    assert change_tracking.is_tracked(database.db, table)
    with pytest.raises(SqlError) as error:
        change_tracking.disable_database(database.db)
    assert error.value.number == 22115


def test_dropping_the_key_of_a_tracked_table_is_3735(database: Database, table: int) -> None:
    with pytest.raises(SqlError) as error:
        change_tracking.check_key_drop(database.db, table)
    assert error.value.number == 3735
    change_tracking.disable_table(database.db, table)
    change_tracking.check_key_drop(database.db, table)


def test_version_with_too_few_key_columns_is_22110(database: Database, table: int) -> None:
    with pytest.raises(SqlError) as error:
        change_tracking.version_sql(database.db, table, [])
    assert error.value.number == 22110


def test_a_setting_of_a_database_can_be_changed_later(database: Database) -> None:
    change_tracking.configure_database(database.db, retention_seconds=60)
    assert database.rows("SELECT retention_seconds, auto_cleanup FROM ct_state") == [(60, 1)]
