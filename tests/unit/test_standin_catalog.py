"""The catalog views of the stand-in, over tables that are really there."""

from __future__ import annotations

import time
from typing import Any

import pytest

from deploy.local.sqlserver import catalog
from deploy.local.sqlserver.results import SqlType
from tests.unit.standin_database import Database, a_column


@pytest.fixture
def database() -> Database:
    return Database()


def select(database: Database, schema: str, name: str, *columns: str) -> list[tuple[object, ...]]:
    sql = catalog.VIEWS[schema, name].sql
    return database.rows(f"SELECT {', '.join(columns)} FROM ({sql})")


def a_patient_table(database: Database) -> int:
    return database.table(
        a_column(1, "ID", nullable=False, identity=(1, 1)),
        a_column(2, "P_NAME", SqlType("nvarchar", 100)),
        a_column(3, "NOTIZ", SqlType("varchar", -1), collation="German_PhoneBook_CI_AS"),
        a_column(5, "BETRAG", SqlType("decimal", None, 10, 2), default=("DF_BETRAG", "0")),
        a_column(6, "SEIT", SqlType("datetime2", None, None, 3)),
        name="PATIENT",
    )


def all_views() -> list[Any]:
    return [pytest.param(*key, id=".".join(key)) for key in sorted(catalog.VIEWS)]


@pytest.mark.parametrize(("schema", "name"), all_views())
def test_every_view_runs_and_names_its_outputs_as_its_columns(
    database: Database, schema: str, name: str
) -> None:
    database.db.create_scalar_function(
        "SESSIONS_", lambda *_: '[{"session_id": 51, "login_time": 0, "login_name": "sa"}]', 0
    )
    table = a_patient_table(database)
    database.commit(f"INSERT INTO t{table} (c1) VALUES (1)")
    view = catalog.VIEWS[schema, name]
    cursor = database.db.execute(view.sql)
    assert tuple(column[0] for column in cursor.get_description()) == view.outputs
    assert list(cursor)


def test_tables_are_listed_with_schema_and_type(database: Database) -> None:
    a_patient_table(database)
    assert select(
        database,
        "information_schema",
        "tables",
        "TABLE_CATALOG",
        "TABLE_SCHEMA",
        "TABLE_NAME",
        "TABLE_TYPE",
    ) == [("Praxis", "dbo", "PATIENT", "BASE TABLE")]


def test_columns_tell_types_lengths_and_precisions(database: Database) -> None:
    a_patient_table(database)
    assert select(
        database,
        "information_schema",
        "columns",
        "COLUMN_NAME",
        "ORDINAL_POSITION",
        "IS_NULLABLE",
        "DATA_TYPE",
        "CHARACTER_MAXIMUM_LENGTH",
        "CHARACTER_OCTET_LENGTH",
        "NUMERIC_PRECISION",
        "NUMERIC_SCALE",
        "DATETIME_PRECISION",
    ) == [
        ("ID", 1, "NO", "int", None, None, 10, 0, None),
        ("P_NAME", 2, "YES", "nvarchar", 100, 200, None, None, None),
        ("NOTIZ", 3, "YES", "varchar", -1, -1, None, None, None),
        ("BETRAG", 4, "YES", "decimal", None, None, 10, 2, None),
        ("SEIT", 5, "YES", "datetime2", None, None, None, None, 3),
    ]


def test_a_text_column_tells_its_collation_and_no_other_has_one(database: Database) -> None:
    a_patient_table(database)
    assert select(database, "sys", "columns", "name", "collation_name", "max_length") == [
        ("ID", None, 4),
        ("P_NAME", catalog.DEFAULT_COLLATION, 200),
        ("NOTIZ", "German_PhoneBook_CI_AS", -1),
        ("BETRAG", None, 9),
        ("SEIT", None, 7),
    ]


@pytest.mark.parametrize(
    ("kind", "expected"),
    [
        (SqlType("decimal"), (9, 18, 0)),
        (SqlType("decimal", None, 38, 10), (17, 38, 10)),
        (SqlType("datetime2"), (8, 27, 7)),
        (SqlType("datetime2", None, None, 0), (6, 19, 0)),
        (SqlType("time", None, None, 3), (4, 12, 3)),
        (SqlType("datetime"), (8, 23, 3)),
        (SqlType("bit"), (1, 1, 0)),
        (SqlType("nchar", 10), (20, 0, 0)),
        (SqlType("varbinary", -1), (-1, 0, 0)),
    ],
)
def test_a_type_has_the_size_that_sql_server_gives_it(
    database: Database, kind: SqlType, expected: tuple[int, int, int]
) -> None:
    database.table(a_column(1, "X", kind), key=(), tracked=False)
    assert select(database, "sys", "columns", "max_length", "precision", "scale") == [expected]


def test_a_key_of_two_columns_is_listed_in_key_order(database: Database) -> None:
    database.table(a_column(1, "A", nullable=False), a_column(2, "B", nullable=False), key=(2, 1))
    assert select(
        database, "information_schema", "key_column_usage", "ORDINAL_POSITION", "COLUMN_NAME"
    ) in ([(1, "B"), (2, "A")], [(2, "A"), (1, "B")])
    assert select(database, "sys", "index_columns", "column_id", "key_ordinal") == [(2, 1), (1, 2)]


def test_a_key_is_a_constraint_an_object_and_an_index(database: Database) -> None:
    table = a_patient_table(database)
    [(name, constraint, parent)] = select(
        database, "sys", "key_constraints", "name", "object_id", "parent_object_id"
    )
    assert (name, parent) == ("PK_PATIENT", table)
    assert (name, constraint, "PK", table) in select(
        database, "sys", "objects", "name", "object_id", "type", "parent_object_id"
    )
    assert select(database, "sys", "indexes", "name", "index_id", "is_primary_key") == [
        ("PK_PATIENT", 1, 1)
    ]


def test_a_table_without_a_key_is_a_heap(database: Database) -> None:
    database.table(a_column(1, "X"), key=(), tracked=False)
    assert select(database, "sys", "indexes", "name", "index_id", "type_desc") == [
        (None, 0, "HEAP")
    ]


def test_defaults_and_identities_are_listed(database: Database) -> None:
    a_patient_table(database)
    assert select(
        database, "sys", "default_constraints", "name", "parent_column_id", "definition"
    ) == [("DF_BETRAG", 5, "(0)")]
    assert select(database, "sys", "identity_columns", "name", "seed_value") == [("ID", 1)]


def test_partitions_count_the_rows_there_are_now(database: Database) -> None:
    table = database.table()
    assert select(database, "sys", "partitions", "object_id", "rows") == [(table, 0)]
    database.commit(f"INSERT INTO t{table} VALUES (1, 0), (2, 0), (3, 0)")
    assert select(database, "sys", "partitions", "object_id", "rows") == [(table, 3)]
    database.commit(f"DELETE FROM t{table} WHERE c1 = 2")
    assert select(database, "sys", "partitions", "object_id", "rows") == [(table, 2)]


def test_databases_tell_their_state(database: Database) -> None:
    assert select(
        database,
        "sys",
        "databases",
        "name",
        "state_desc",
        "state",
        "snapshot_isolation_state_desc",
        "create_date",
    ) == [
        ("master", "ONLINE", 0, "OFF", "1970-01-01 00:00:00.0000000"),
        ("Praxis", "ONLINE", 0, "ON", "1970-01-02 00:00:00.0000000"),
        ("Stunden", "OFFLINE", 6, "OFF", "1970-01-02 00:00:00.5000000"),
    ]


def test_tracked_databases_tell_their_retention_in_its_unit(database: Database) -> None:
    assert select(
        database,
        "sys",
        "change_tracking_databases",
        "database_id",
        "is_auto_cleanup_on",
        "retention_period",
        "retention_period_units_desc",
    ) == [(5, 1, 2, "DAYS"), (6, 0, 2, "HOURS")]


def test_tracked_tables_tell_their_versions(database: Database) -> None:
    first = database.table()
    database.commit(f"INSERT INTO t{first} VALUES (1, 0)")
    second = database.table(name="KASSEN", track_columns=True)
    assert select(
        database,
        "sys",
        "change_tracking_tables",
        "object_id",
        "is_track_columns_updated_on",
        "min_valid_version",
        "begin_version",
        "cleanup_version",
    ) == [(first, 0, 0, 0, 0), (second, 1, 1, 1, 0)]


def test_commits_tell_when_they_were(database: Database) -> None:
    table = database.table()
    database.commit(f"INSERT INTO t{table} VALUES (1, 0)")
    assert select(database, "sys", "dm_tran_commit_table", "commit_ts", "commit_time") == [
        (1, "2023-11-14 22:13:20.0000000")
    ]


def test_a_name_is_found_in_whatever_case(database: Database) -> None:
    a_patient_table(database)
    sql = catalog.VIEWS["sys", "tables"].sql
    assert database.rows(f"SELECT name FROM ({sql}) WHERE name = 'patient'") == [("PATIENT",)]


@pytest.mark.parametrize(
    ("schema", "name"),
    [
        *[("sys", name) for name in ("tables", "objects", "columns", "indexes", "partitions")],
        *[("sys", name) for name in ("index_columns", "key_constraints", "change_tracking_tables")],
        *[("sys", name) for name in ("default_constraints", "identity_columns")],
        *[("information_schema", name) for name in ("tables", "columns", "key_column_usage")],
        ("information_schema", "table_constraints"),
    ],
)
def test_a_table_that_one_has_no_right_on_is_not_shown(
    database: Database, schema: str, name: str
) -> None:
    a_patient_table(database)
    assert select(database, schema, name, "*")
    database.db.create_scalar_function("MAY_SEE_", lambda *_: 0, 1)
    assert select(database, schema, name, "*") == []


def test_500_tables_of_ten_columns_are_listed_in_a_moment(database: Database) -> None:
    columns = [a_column(number, f"SPALTE_{number}") for number in range(2, 11)]
    for number in range(500):
        database.table(
            a_column(1, "ID", nullable=False), *columns, name=f"T_{number}", tracked=False
        )
    for schema, name, expected in [
        ("information_schema", "columns", 5000),
        ("sys", "columns", 5000),
        ("sys", "partitions", 500),
        ("information_schema", "key_column_usage", 500),
    ]:
        started = time.perf_counter()
        assert len(select(database, schema, name, "*")) == expected
        assert time.perf_counter() - started < 1
