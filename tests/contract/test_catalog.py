"""What the catalog tells of tables, columns, keys and databases, whatever their names."""

from __future__ import annotations

import pytest

from tests.contract.sqlserver import Database, fails, quoted

ODD_NAMES = [
    "KARTEI_8Y",
    "with space",
    "  leading blanks",
    "Größe_ÄÖÜß",
    "a]b[c",
    "]; DROP TABLE x; --",
    "it's",
    'say "x"',
    "select",
    "a.b",
    "percent%_under",
    "tab\tand\nline",
    "漢字",
    "Zahn 🦷",
    "@p1",
    "#not temporary"[1:],
    "n" * 128,
    "]" * 128,
]


def literal(text: str) -> str:
    return "N'" + text.replace("'", "''") + "'"


@pytest.fixture
def praxis(database: Database) -> Database:
    database.run("CREATE SCHEMA ck")
    database.run(
        "CREATE TABLE ck.KARTEI_8Y (ID int IDENTITY(1, 1) NOT NULL, PATNR_R2Z5 int NULL,"
        " DATUM_7M varchar(8) NOT NULL,"
        " BEMERKUNG nvarchar(500) COLLATE German_PhoneBook_CI_AS NULL,"
        " NOTIZ varchar(max) NULL, BETRAG decimal(9, 2) NULL, GEAENDERT datetime2(3) NULL,"
        " DELKZ bit NULL CONSTRAINT df_delkz DEFAULT 0,"
        " CONSTRAINT pk_kartei PRIMARY KEY CLUSTERED (ID))"
    )
    database.run("CREATE TABLE ck.zwei (b int NOT NULL, a int NOT NULL, PRIMARY KEY (b, a))")
    database.run("CREATE TABLE dbo.heap (x int NULL)")
    database.run("CREATE INDEX ix_patnr ON ck.KARTEI_8Y (PATNR_R2Z5, DATUM_7M)")
    database.run("INSERT INTO ck.KARTEI_8Y (DATUM_7M) VALUES ('20220118'), ('20220119')")
    return database


def test_tables_are_listed_with_their_schema(praxis: Database) -> None:
    assert praxis.rows(
        "SELECT TABLE_CATALOG, TABLE_SCHEMA, TABLE_NAME, TABLE_TYPE"
        " FROM INFORMATION_SCHEMA.TABLES ORDER BY TABLE_SCHEMA, TABLE_NAME"
    ) == [
        (praxis.name, "ck", "KARTEI_8Y", "BASE TABLE"),
        (praxis.name, "ck", "zwei", "BASE TABLE"),
        (praxis.name, "dbo", "heap", "BASE TABLE"),
    ]


def test_columns_are_listed_with_their_types(praxis: Database) -> None:
    assert praxis.rows(
        "SELECT COLUMN_NAME, ORDINAL_POSITION, IS_NULLABLE, DATA_TYPE, CHARACTER_MAXIMUM_LENGTH,"
        " NUMERIC_PRECISION, NUMERIC_SCALE, DATETIME_PRECISION, COLLATION_NAME"
        " FROM INFORMATION_SCHEMA.COLUMNS WHERE TABLE_SCHEMA = ? AND TABLE_NAME = ?"
        " ORDER BY ORDINAL_POSITION",
        "ck",
        "KARTEI_8Y",
    ) == [
        ("ID", 1, "NO", "int", None, 10, 0, None, None),
        ("PATNR_R2Z5", 2, "YES", "int", None, 10, 0, None, None),
        ("DATUM_7M", 3, "NO", "varchar", 8, None, None, None, "Latin1_General_CI_AS"),
        ("BEMERKUNG", 4, "YES", "nvarchar", 500, None, None, None, "German_PhoneBook_CI_AS"),
        ("NOTIZ", 5, "YES", "varchar", -1, None, None, None, "Latin1_General_CI_AS"),
        ("BETRAG", 6, "YES", "decimal", None, 9, 2, None, None),
        ("GEAENDERT", 7, "YES", "datetime2", None, None, None, 3, None),
        ("DELKZ", 8, "YES", "bit", None, None, None, None, None),
    ]


def test_keys_are_listed_in_key_order(praxis: Database) -> None:
    assert praxis.rows(
        "SELECT u.COLUMN_NAME, u.ORDINAL_POSITION, c.CONSTRAINT_TYPE"
        " FROM INFORMATION_SCHEMA.TABLE_CONSTRAINTS AS c"
        " JOIN INFORMATION_SCHEMA.KEY_COLUMN_USAGE AS u"
        " ON u.CONSTRAINT_SCHEMA = c.CONSTRAINT_SCHEMA AND u.CONSTRAINT_NAME = c.CONSTRAINT_NAME"
        " WHERE c.TABLE_SCHEMA = 'ck' AND c.TABLE_NAME = 'zwei' ORDER BY u.ORDINAL_POSITION"
    ) == [("b", 1, "PRIMARY KEY"), ("a", 2, "PRIMARY KEY")]


def test_the_whole_schema_comes_in_one_statement(praxis: Database) -> None:
    rows = praxis.rows(
        "SELECT s.name, t.name, c.name, y.name, c.max_length, c.precision, c.scale, c.is_nullable,"
        " c.is_identity, k.key_ordinal FROM sys.tables AS t"
        " JOIN sys.schemas AS s ON s.schema_id = t.schema_id"
        " JOIN sys.columns AS c ON c.object_id = t.object_id"
        " JOIN sys.types AS y ON y.user_type_id = c.user_type_id"
        " LEFT JOIN sys.indexes AS i ON i.object_id = t.object_id AND i.is_primary_key = 1"
        " LEFT JOIN sys.index_columns AS k ON k.object_id = i.object_id"
        " AND k.index_id = i.index_id AND k.column_id = c.column_id"
        " WHERE t.name = 'KARTEI_8Y' ORDER BY c.column_id"
    )
    assert [row[2:] for row in rows] == [
        ("ID", "int", 4, 10, 0, False, True, 1),
        ("PATNR_R2Z5", "int", 4, 10, 0, True, False, None),
        ("DATUM_7M", "varchar", 8, 0, 0, False, False, None),
        ("BEMERKUNG", "nvarchar", 1000, 0, 0, True, False, None),
        ("NOTIZ", "varchar", -1, 0, 0, True, False, None),
        ("BETRAG", "decimal", 5, 9, 2, True, False, None),
        ("GEAENDERT", "datetime2", 7, 23, 3, True, False, None),
        ("DELKZ", "bit", 1, 1, 0, True, False, None),
    ]


def test_key_constraints_have_their_names(praxis: Database) -> None:
    assert praxis.rows(
        "SELECT k.name, k.type, OBJECT_NAME(k.parent_object_id) FROM sys.key_constraints AS k"
        " WHERE k.parent_object_id = OBJECT_ID(N'ck.KARTEI_8Y')"
    ) == [("pk_kartei", "PK", "KARTEI_8Y")]


def test_indexes_are_listed_and_a_heap_is_one(praxis: Database) -> None:
    read = (
        "SELECT name, index_id, type_desc, is_unique, is_primary_key FROM sys.indexes"
        " WHERE object_id = OBJECT_ID(?) ORDER BY index_id"
    )
    assert praxis.rows(read, "ck.KARTEI_8Y") == [
        ("pk_kartei", 1, "CLUSTERED", True, True),
        ("ix_patnr", 2, "NONCLUSTERED", False, False),
    ]
    assert praxis.rows(read, "dbo.heap") == [(None, 0, "HEAP", False, False)]


def test_row_counts_come_without_reading_the_tables(praxis: Database) -> None:
    assert praxis.rows(
        "SELECT t.name, SUM(p.rows) FROM sys.tables AS t JOIN sys.partitions AS p"
        " ON p.object_id = t.object_id AND p.index_id IN (0, 1) GROUP BY t.name ORDER BY t.name"
    ) == [("heap", 0), ("KARTEI_8Y", 2), ("zwei", 0)]


def test_databases_tell_what_is_allowed_in_them(praxis: Database) -> None:
    assert praxis.rows(
        "SELECT name, state_desc, snapshot_isolation_state_desc, collation_name"
        " FROM sys.databases WHERE database_id = DB_ID()"
    ) == [(praxis.name, "ONLINE", "ON", "Latin1_General_CI_AS")]
    assert praxis.value("SELECT DATABASEPROPERTYEX(DB_NAME(), 'Collation')") == (
        "Latin1_General_CI_AS"
    )
    assert praxis.value("SELECT DATABASEPROPERTYEX(DB_NAME(), 'Status')") == "ONLINE"
    assert praxis.value("SELECT DATABASEPROPERTYEX('no_such', 'Status')") is None
    assert praxis.value("SELECT DB_ID('no_such')") is None


def test_a_new_database_has_no_tables(database: Database) -> None:
    assert database.value("SELECT COUNT(*) FROM INFORMATION_SCHEMA.TABLES") == 0


@pytest.mark.parametrize(
    ("name", "found"),
    [
        ("ck.KARTEI_8Y", True),
        ("[ck].[KARTEI_8Y]", True),
        ("CK.kartei_8y", True),
        ("KARTEI_8Y", False),
        ("heap", True),
        ("gone", False),
        ("ck.gone", False),
    ],
)
def test_object_id_finds_a_table_by_its_name(praxis: Database, name: str, *, found: bool) -> None:
    assert (praxis.value("SELECT OBJECT_ID(?)", name) is not None) is found


def test_names_lead_back_from_an_object_id(praxis: Database) -> None:
    assert praxis.rows(
        "SELECT OBJECT_NAME(object_id), OBJECT_SCHEMA_NAME(object_id), SCHEMA_NAME(schema_id)"
        " FROM sys.tables WHERE object_id = OBJECT_ID('ck.zwei')"
    ) == [("zwei", "ck", "ck")]


def test_a_table_has_another_name_and_the_same_id(praxis: Database) -> None:
    before = praxis.value("SELECT OBJECT_ID('ck.KARTEI_8Y')")
    praxis.run("EXEC sp_rename 'ck.KARTEI_8Y', 'KARTEI_X7'")
    assert praxis.value("SELECT OBJECT_ID('ck.KARTEI_X7')") == before
    assert praxis.value("SELECT OBJECT_ID('ck.KARTEI_8Y')") is None
    with fails(208):
        praxis.rows("SELECT * FROM ck.KARTEI_8Y")
    assert praxis.value("SELECT COUNT(*) FROM ck.KARTEI_X7") == 2


def test_a_column_has_another_name_and_its_values(praxis: Database) -> None:
    praxis.run("EXEC sp_rename 'ck.KARTEI_8Y.DATUM_7M', 'TAG', 'COLUMN'")
    assert praxis.rows("SELECT TAG FROM ck.KARTEI_8Y ORDER BY ID") == [("20220118",), ("20220119",)]
    with fails(207, naming="DATUM_7M"):
        praxis.rows("SELECT DATUM_7M FROM ck.KARTEI_8Y")


def test_columns_come_and_go_and_change(praxis: Database) -> None:
    praxis.run("ALTER TABLE ck.KARTEI_8Y ADD NEU int NOT NULL CONSTRAINT df_neu DEFAULT 7, X date")
    assert praxis.rows("SELECT NEU, X FROM ck.KARTEI_8Y") == [(7, None), (7, None)]
    praxis.run("ALTER TABLE ck.KARTEI_8Y DROP COLUMN X")
    praxis.run("ALTER TABLE ck.KARTEI_8Y ALTER COLUMN DATUM_7M int NULL")
    assert praxis.rows("SELECT DATUM_7M FROM ck.KARTEI_8Y ORDER BY ID") == [
        (20220118,),
        (20220119,),
    ]
    assert praxis.rows(
        "SELECT COLUMN_NAME, DATA_TYPE FROM INFORMATION_SCHEMA.COLUMNS"
        " WHERE TABLE_NAME = 'KARTEI_8Y' AND COLUMN_NAME IN ('NEU', 'X', 'DATUM_7M')"
        " ORDER BY COLUMN_NAME"
    ) == [("DATUM_7M", "int"), ("NEU", "int")]


def test_modify_date_follows_a_change_of_the_table(praxis: Database) -> None:
    read = "SELECT modify_date FROM sys.tables WHERE object_id = OBJECT_ID('ck.zwei')"
    before = praxis.value(read)
    praxis.run("ALTER TABLE ck.zwei ADD c int NULL")
    assert praxis.value(read) >= before


@pytest.mark.parametrize("name", ODD_NAMES, ids=lambda name: ascii(name[:24]))
def test_a_name_may_hold_anything(database: Database, name: str) -> None:
    database.run("CREATE TABLE x (id int)")
    table = f"{quoted(name)}.{quoted(name)}"
    database.run(f"CREATE SCHEMA {quoted(name)}")
    database.run(f"CREATE TABLE {table} ({quoted(name)} int NOT NULL PRIMARY KEY, v int)")
    database.run(f"ALTER TABLE {table} ENABLE CHANGE_TRACKING")
    database.run(f"INSERT INTO {table} ({quoted(name)}, v) VALUES (?, 1)", 5)
    assert database.rows(f"SELECT t.{quoted(name)} FROM {table} AS t") == [(5,)]
    assert [row[3] for row in database.changes(table, columns=[name])] == [5]
    assert database.rows(
        "SELECT TABLE_SCHEMA, COLUMN_NAME FROM INFORMATION_SCHEMA.COLUMNS"
        " WHERE TABLE_NAME = ? AND ORDINAL_POSITION = 1",
        name,
    ) == [(name, name)]
    assert database.value("SELECT OBJECT_ID(?)", table) is not None
    assert database.value(f"SELECT OBJECT_ID({literal(table)})") is not None
    assert database.value("SELECT COUNT(*) FROM x") == 0


@pytest.mark.parametrize("name", ["with space", "a]b[c", "Größe_ÄÖÜß", "it's", "Zahn 🦷"])
def test_a_database_may_be_called_anything(database: Database, name: str) -> None:
    odd = f"{name} {database.name}"
    database.admin.run(f"CREATE DATABASE {quoted(odd)}")
    try:
        session = database.server.session(odd)
        assert session.value("SELECT DB_NAME()") == odd
        session.close()
    finally:
        database.admin.run(f"DROP DATABASE {quoted(odd)}")


def test_a_name_of_more_than_128_characters_is_refused(database: Database) -> None:
    with fails(103, "42000"):
        database.run(f"CREATE TABLE {quoted('n' * 129)} (id int)")


def test_names_in_a_rename_are_values(database: Database) -> None:
    database.run("CREATE TABLE [a]]b] (id int)")
    database.run("EXEC sp_rename N'[a]]b]', N'Neu [x]'")
    assert database.value("SELECT name FROM sys.tables") == "Neu [x]"
