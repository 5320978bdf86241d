"""The statements the project sends, and their relatives: what they give and how they are bound."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal

import pytest

from tests.contract.sqlserver import Database, fails


@pytest.fixture(scope="module")
def practice(shared_database: Database) -> Database:
    """Four entries of three patients with their services and insurances."""
    shared_database.run("CREATE SCHEMA ck")
    shared_database.run(
        "CREATE TABLE ck.KARTEI (ID int NOT NULL PRIMARY KEY, PATNR int NULL, DATUM int NULL,"
        " BEMERKUNG nvarchar(500) NULL, DELKZ bit NULL)"
    )
    shared_database.run(
        "CREATE TABLE ck.LEISTUNG (ID int NOT NULL PRIMARY KEY, PATIENTID int NULL,"
        " DATUM varchar(8) NULL, LEISTUNG varchar(20) NULL, DELKZ int NULL)"
    )
    shared_database.run(
        "CREATE TABLE ck.PATKASSE (ID int NOT NULL PRIMARY KEY, PATNR int, KASSENID int)"
    )
    shared_database.run(
        "CREATE TABLE ck.KASSEN (ID int NOT NULL PRIMARY KEY, NAME nvarchar(100), ART char(1))"
    )
    shared_database.run(
        "INSERT INTO ck.KARTEI VALUES (1, 1, 20220118, N'Kontrolle', 0),"
        " (2, 1, 20220118, N'Füllung', NULL), (3, 2, 20220118, NULL, 0),"
        " (4, 3, 20220119, N'gelöscht', 1)"
    )
    shared_database.run(
        "INSERT INTO ck.LEISTUNG VALUES (1, 1, '20220118', '01 ', 0),"
        " (2, 1, '20220118', '1040', NULL), (3, 2, '20220118', '13b', 0),"
        " (4, 2, '20220118', '', 0)"
    )
    shared_database.run("INSERT INTO ck.PATKASSE VALUES (1, 1, 10), (2, 1, 20), (3, 2, 99)")
    shared_database.run("INSERT INTO ck.KASSEN VALUES (10, N'AOK', '1'), (20, N'PRIVAT', 'P')")
    return shared_database


@pytest.mark.parametrize(
    ("sql", "rows"),
    [
        pytest.param("SELECT 1 AS a, 'x' AS b", [(1, "x")], id="no table"),
        pytest.param("SELECT TOP 2 ID FROM ck.KARTEI ORDER BY ID DESC", [(4,), (3,)], id="top"),
        pytest.param("SELECT TOP (1) ID FROM ck.KARTEI ORDER BY ID", [(1,)], id="top in brackets"),
        pytest.param("SELECT TOP 0 ID FROM ck.KARTEI", [], id="top nothing"),
        pytest.param(
            "SELECT ID FROM ck.KARTEI ORDER BY ID OFFSET 1 ROWS FETCH NEXT 2 ROWS ONLY",
            [(2,), (3,)],
            id="offset and fetch",
        ),
        pytest.param("SELECT ID FROM ck.KARTEI ORDER BY ID OFFSET 3 ROWS", [(4,)], id="offset"),
        pytest.param(
            "SELECT DISTINCT PATNR FROM ck.KARTEI ORDER BY PATNR", [(1,), (2,), (3,)], id="distinct"
        ),
        pytest.param(
            "SELECT PATNR, COUNT(*) AS n FROM ck.KARTEI GROUP BY PATNR HAVING COUNT(*) > 1",
            [(1, 2)],
            id="having",
        ),
        pytest.param(
            "WITH live AS (SELECT ID, PATNR FROM ck.KARTEI WHERE ISNULL(DELKZ, 0) = 0),"
            " first_one AS (SELECT PATNR, MIN(ID) AS ID FROM live GROUP BY PATNR)"
            " SELECT PATNR, ID FROM first_one ORDER BY PATNR",
            [(1, 1), (2, 3)],
            id="two CTEs",
        ),
        pytest.param(
            "SELECT PATIENTID, STRING_AGG(RTRIM(LEISTUNG), ',') WITHIN GROUP (ORDER BY ID DESC)"
            " FROM ck.LEISTUNG WHERE LEISTUNG <> '' GROUP BY PATIENTID ORDER BY PATIENTID",
            [(1, "1040,01"), (2, "13b")],
            id="string_agg within group",
        ),
        pytest.param(
            "SELECT STRING_AGG(BEMERKUNG, N'; ') FROM ck.KARTEI WHERE ID = 1 OR ID = 3",
            [("Kontrolle",)],
            id="string_agg leaves NULL out",
        ),
        pytest.param(
            "SELECT k.ID, l.LEISTUNG FROM ck.KARTEI AS k INNER JOIN ck.LEISTUNG AS l"
            " ON l.PATIENTID = k.PATNR AND l.DATUM = k.DATUM WHERE k.ID = 3 ORDER BY l.ID",
            [(3, "13b"), (3, "")],
            id="join over text and number",
        ),
        pytest.param(
            "SELECT k.ID, p.KASSENID FROM ck.KARTEI k LEFT JOIN ck.PATKASSE p"
            " ON p.PATNR = k.PATNR AND p.ID = (SELECT MAX(x.ID) FROM ck.PATKASSE x"
            " WHERE x.PATNR = k.PATNR) ORDER BY k.ID",
            [(1, 20), (2, 20), (3, 99), (4, None)],
            id="left join to the highest",
        ),
        pytest.param(
            "SELECT PATNR, KASSENID FROM (SELECT PATNR, KASSENID,"
            " ROW_NUMBER() OVER (PARTITION BY PATNR ORDER BY ID DESC) AS place FROM ck.PATKASSE)"
            " AS ranked WHERE place = 1 ORDER BY PATNR",
            [(1, 20), (2, 99)],
            id="row_number",
        ),
        pytest.param(
            "SELECT p.ID, s.NAME FROM ck.PATKASSE p RIGHT JOIN ck.KASSEN s ON s.ID = p.KASSENID"
            " AND p.ID > 1 ORDER BY s.ID",
            [(None, "AOK"), (2, "PRIVAT")],
            id="right join",
        ),
        pytest.param(
            "SELECT p.ID, s.ID FROM ck.PATKASSE p FULL JOIN ck.KASSEN s ON s.ID = p.KASSENID"
            " AND p.ID <> 2 ORDER BY p.ID, s.ID",
            [(None, 20), (1, 10), (2, None), (3, None)],
            id="full join",
        ),
        pytest.param(
            "SELECT COUNT(*) FROM ck.KARTEI CROSS JOIN ck.KASSEN", [(8,)], id="cross join"
        ),
        pytest.param(
            "SELECT ID, CASE ART WHEN 'P' THEN 'PKV' WHEN '1' THEN 'GKV' ELSE '?' END,"
            " CASE WHEN ID > 10 THEN 1 END FROM ck.KASSEN ORDER BY ID",
            [(10, "GKV", None), (20, "PKV", 1)],
            id="case",
        ),
        pytest.param("SELECT IIF(1 > 2, 'a', 'b')", [("b",)], id="iif"),
        pytest.param(
            "SELECT ID FROM ck.KARTEI k WHERE EXISTS (SELECT 1 FROM ck.PATKASSE p"
            " WHERE p.PATNR = k.PATNR AND p.KASSENID = 99)",
            [(3,)],
            id="exists",
        ),
        pytest.param(
            "SELECT ID FROM ck.KARTEI k WHERE NOT EXISTS (SELECT * FROM ck.PATKASSE p"
            " WHERE p.PATNR = k.PATNR)",
            [(4,)],
            id="not exists",
        ),
        pytest.param(
            "SELECT ID FROM ck.KARTEI WHERE PATNR IN (SELECT PATNR FROM ck.PATKASSE WHERE ID > 2)",
            [(3,)],
            id="in a subquery",
        ),
        pytest.param(
            "SELECT 'k' AS t, ID FROM ck.KASSEN UNION ALL SELECT 'p', ID FROM ck.PATKASSE"
            " WHERE ID = 1 ORDER BY t, ID",
            [("k", 10), ("k", 20), ("p", 1)],
            id="union all",
        ),
        pytest.param("SELECT 1 UNION SELECT 1", [(1,)], id="union"),
        pytest.param(
            "SELECT PATNR FROM ck.KARTEI EXCEPT SELECT PATNR FROM ck.PATKASSE", [(3,)], id="except"
        ),
        pytest.param(
            "SELECT PATNR FROM ck.KARTEI INTERSECT SELECT PATNR FROM ck.PATKASSE ORDER BY PATNR",
            [(1,), (2,)],
            id="intersect",
        ),
        pytest.param(
            "SELECT v.a, v.b FROM (VALUES (1, 'x'), (2, NULL)) AS v (a, b) ORDER BY v.a",
            [(1, "x"), (2, None)],
            id="values",
        ),
        pytest.param(
            "SELECT k.ID, i.NAME FROM ck.KARTEI k OUTER APPLY (SELECT TOP 1 s.NAME"
            " FROM ck.PATKASSE p LEFT JOIN ck.KASSEN s ON s.ID = p.KASSENID"
            " WHERE p.PATNR = k.PATNR ORDER BY p.ID DESC) AS i ORDER BY k.ID",
            [(1, "PRIVAT"), (2, "PRIVAT"), (3, None), (4, None)],
            id="outer apply",
        ),
        pytest.param(
            "SELECT [key], value FROM OPENJSON(N'[\"a\", 2]') ORDER BY [key]",
            [("0", "a"), ("1", "2")],
            id="openjson",
        ),
        pytest.param(
            'SELECT j.id, j.s FROM OPENJSON(N\'[{"id": 1, "s": "ä"}, {"id": 2}]\')'
            " WITH (id int '$.id', s nvarchar(10) '$.s') AS j ORDER BY j.id",
            [(1, "ä"), (2, None)],
            id="openjson with columns",
        ),
        pytest.param("SELECT ID FROM ck.KARTEI WHERE BEMERKUNG LIKE N'%ü%'", [(2,)], id="like"),
        pytest.param("SELECT MAX(ID), MIN(BEMERKUNG) FROM ck.KARTEI", [(4, "Füllung")], id="max"),
        pytest.param(
            "SELECT ID AS n FROM ck.KARTEI WHERE ID < 3 ORDER BY n DESC", [(2,), (1,)], id="alias"
        ),
        pytest.param("SELECT n = ID FROM ck.KASSEN ORDER BY 1", [(10,), (20,)], id="n = x"),
        pytest.param(
            "select id from CK.kartei where ID = 1 -- a comment\n/* and /* nested */ */",
            [(1,)],
            id="names in any case, comments",
        ),
        pytest.param('SELECT "ID" FROM [ck]."KASSEN" WHERE ID = 10', [(10,)], id="two quotings"),
        pytest.param(
            "SELECT k.* FROM ck.KASSEN AS k WITH (NOLOCK) WHERE k.ID = 10",
            [(10, "AOK", "1")],
            id="star of an alias, a hint",
        ),
        pytest.param(
            "SELECT COUNT_BIG(*), SUM(ID) FROM ck.KASSEN WHERE 1 = 0",
            [(0, None)],
            id="aggregates of nothing",
        ),
    ],
)
def test_a_select_gives(practice: Database, sql: str, rows: list[tuple[object, ...]]) -> None:
    assert practice.rows(sql) == rows


@pytest.mark.parametrize(
    ("declared", "value"),
    [
        ("int", 5),
        ("bigint", 2**40),
        ("bit", True),
        ("float", 1.5),
        ("decimal(10, 3)", Decimal("1.125")),
        ("varchar(50)", "Füllung"),
        ("nvarchar(50)", "漢 😀"),
        ("nvarchar(max)", "x" * 9000),
        ("varbinary(50)", b"\x00\x01"),
        ("date", dt.date(2022, 1, 18)),
        ("time(3)", dt.time(1, 2, 3)),
        ("datetime2(6)", dt.datetime(2022, 1, 18, 1, 2, 3, 456789)),  # noqa: DTZ001 - SQL has none
        ("uniqueidentifier", "6F9619FF-8B86-D011-B42D-00C04FC964FF"),
    ],
)
def test_a_bound_value_finds_its_row(shared: Database, declared: str, value: object) -> None:
    shared.run("DROP TABLE IF EXISTS b")
    shared.run(f"CREATE TABLE b (id int NOT NULL PRIMARY KEY, x {declared} NULL)")
    shared.run("INSERT INTO b VALUES (?, ?), (?, ?)", 1, value, 2, None)
    assert shared.rows("SELECT id, x FROM b WHERE x = ?", value) == [(1, value)]
    assert shared.run("UPDATE b SET x = ? WHERE x = ?", None, value) == 1
    assert shared.rows("SELECT x FROM b") == [(None,), (None,)]


def test_a_null_parameter_equals_nothing(practice: Database) -> None:
    assert practice.rows("SELECT ID FROM ck.KARTEI WHERE BEMERKUNG = ?", None) == []
    assert practice.value("SELECT COUNT(*) FROM ck.KARTEI WHERE ? IS NULL OR ID = ?", None, 1) == 4


def test_a_value_is_never_read_as_sql(shared: Database) -> None:
    shared.run("DROP TABLE IF EXISTS b")
    shared.run("CREATE TABLE b (x nvarchar(100))")
    for text in ("'; DROP TABLE b; --", "?", "@P1", "{d '2022-01-18'}", "%", "x\x00y"):
        shared.run("INSERT INTO b VALUES (?)", text)
        assert shared.value("SELECT x FROM b WHERE x = ?", text) == text
        shared.run("DELETE FROM b")


def test_one_statement_many_times_with_changing_values(shared: Database) -> None:
    shared.run("DROP TABLE IF EXISTS b")
    shared.run("CREATE TABLE b (id int NOT NULL PRIMARY KEY, x nvarchar(50))")
    rows = [(1, "a"), (2, None), (3, "längerer Text"), (4, "")]
    with shared.own.cursor() as cursor:
        cursor.executemany("INSERT INTO b VALUES (?, ?)", rows)
        for key, text in rows:
            cursor.execute("SELECT x FROM b WHERE id = ?", key)
            assert cursor.fetchone()[0] == text
    assert shared.rows("SELECT id, x FROM b ORDER BY id") == rows


def test_rows_in_bulk(shared: Database) -> None:
    shared.run("DROP TABLE IF EXISTS b")
    shared.run(
        "CREATE TABLE b (id int NOT NULL PRIMARY KEY, x nvarchar(50) NULL, d date NULL,"
        " m decimal(9, 2) NULL, s varchar(20) NULL)"
    )
    rows = [
        (n, None if n % 7 == 0 else f"Zähler {n}", dt.date(2022, 1, 1 + n % 28), Decimal(n), "ä")
        for n in range(2000)
    ]
    with shared.own.cursor() as cursor:
        cursor.fast_executemany = True
        cursor.executemany("INSERT INTO b (id, x, d, m, s) VALUES (?, ?, ?, ?, ?)", rows)
    assert shared.rows("SELECT id, x, d, m, s FROM b ORDER BY id") == rows


def test_rows_in_bulk_fail_as_one_statement_does(shared: Database) -> None:
    shared.run("DROP TABLE IF EXISTS b")
    shared.run("CREATE TABLE b (id int NOT NULL PRIMARY KEY)")
    session = shared.session(autocommit=False)
    with session.cursor() as cursor, fails(2627, "23000"):
        cursor.fast_executemany = True
        cursor.executemany("INSERT INTO b VALUES (?)", [(1,), (2,), (1,)])
    session.rollback()
    assert shared.rows("SELECT id FROM b") == []


def test_rows_as_one_json_parameter(shared: Database) -> None:
    document = "[" + ",".join(f'{{"id": {n}, "s": "Zähler {n}"}}' for n in range(1000)) + "]"
    shared.run("DROP TABLE IF EXISTS b")
    shared.run("CREATE TABLE b (id int NOT NULL PRIMARY KEY, s nvarchar(50))")
    shared.run(
        "INSERT INTO b (id, s) SELECT id, s FROM OPENJSON(?)"
        " WITH (id int '$.id', s nvarchar(50) '$.s')",
        document,
    )
    assert shared.rows("SELECT COUNT(*), MAX(s) FROM b") == [(1000, "Zähler 999")]


@pytest.mark.parametrize(
    ("declared", "keys"),
    [
        ("int", [-5, 1, 2, 7, 10, 2**31 - 1]),
        ("bigint", [-(2**40), 0, 2**40]),
        ("varchar(20)", ["1040", "13b", "67890/A22", "abc"]),
        ("nvarchar(20)", ["10", "9", "a", "B", "c"]),
        ("decimal(9, 2)", [Decimal("-1.50"), Decimal("0.10"), Decimal("10.00")]),
    ],
)
def test_paging_by_key_meets_each_row_once(
    shared: Database, declared: str, keys: list[object]
) -> None:
    shared.run("DROP TABLE IF EXISTS b")
    shared.run(f"CREATE TABLE b (id {declared} NOT NULL PRIMARY KEY)")
    for key in reversed(keys):
        shared.run("INSERT INTO b VALUES (?)", key)
    page = shared.rows("SELECT TOP (2) id FROM b ORDER BY id")
    met = [key for (key,) in page]
    while page:
        page = shared.rows("SELECT TOP (?) id FROM b WHERE id > ? ORDER BY id", 2, met[-1])
        met += [key for (key,) in page]
    assert met == keys


def test_a_statement_prepared_before_a_change_of_the_table_still_runs(shared: Database) -> None:
    shared.run("DROP TABLE IF EXISTS b")
    shared.run("CREATE TABLE b (id int NOT NULL PRIMARY KEY)")
    with shared.own.cursor() as cursor:
        cursor.execute("SELECT * FROM b WHERE id > ?", 0)
        cursor.fetchall()
        shared.run("ALTER TABLE b ADD s varchar(5) NULL")
        shared.run("INSERT INTO b VALUES (1, 'x')")
        cursor.execute("SELECT * FROM b WHERE id > ?", 0)
        assert [tuple(row) for row in cursor.fetchall()] == [(1, "x")]


def test_a_large_result_comes_whole(shared: Database) -> None:
    rows = shared.rows(
        "WITH ten AS (SELECT n FROM (VALUES (0),(1),(2),(3),(4),(5),(6),(7),(8),(9)) AS v (n))"
        " SELECT a.n + 10 * b.n + 100 * c.n + 1000 * d.n AS n, N'Füllung' AS s"
        " FROM ten a CROSS JOIN ten b CROSS JOIN ten c CROSS JOIN ten d ORDER BY 1"
    )
    assert [n for n, _ in rows] == list(range(10_000))
    assert {text for _, text in rows} == {"Füllung"}


def test_a_reader_may_leave_a_result_unread(shared: Database) -> None:
    shared.run("DROP TABLE IF EXISTS b")
    shared.run("CREATE TABLE b (id int NOT NULL PRIMARY KEY, s varchar(200))")
    with shared.own.cursor() as cursor:
        cursor.fast_executemany = True
        cursor.executemany("INSERT INTO b VALUES (?, ?)", [(n, "x" * 200) for n in range(5000)])
        cursor.execute("SELECT id, s FROM b ORDER BY id")
        assert cursor.fetchone()[0] == 0
    assert shared.value("SELECT COUNT(*) FROM b") == 5000


def test_a_batch_gives_its_results_in_turn(shared: Database) -> None:
    with shared.own.cursor() as cursor:
        cursor.execute("SELECT 1 AS a; SELECT 2 AS b, 3 AS c")
        assert [tuple(row) for row in cursor.fetchall()] == [(1,)]
        assert cursor.nextset()
        assert [tuple(row) for row in cursor.fetchall()] == [(2, 3)]
        assert not cursor.nextset()


def test_nocount_keeps_counts_back(shared: Database) -> None:
    shared.run("DROP TABLE IF EXISTS b")
    shared.run("CREATE TABLE b (id int)")
    assert shared.rows("SET NOCOUNT ON; INSERT INTO b VALUES (1), (2); SELECT COUNT(*) FROM b") == [
        (2,)
    ]
    shared.run("SET NOCOUNT OFF")


def test_variables_carry_values_through_a_batch(shared: Database) -> None:
    assert shared.rows(
        "DECLARE @a int = 5, @b nvarchar(10); SET @b = N'ä'; SELECT @a = @a + 1; SELECT @a, @b"
    ) == [(6, "ä")]


def test_a_condition_chooses_a_statement(shared: Database) -> None:
    shared.run("DROP TABLE IF EXISTS b")
    shared.run("IF OBJECT_ID(N'b') IS NULL CREATE TABLE b (id int)")
    shared.run("IF OBJECT_ID(N'b') IS NULL CREATE TABLE b (id int)")
    assert shared.value("IF EXISTS (SELECT 1 FROM b) SELECT 'rows' ELSE SELECT 'none'") == "none"


def test_sp_executesql_takes_its_parameters_by_name(practice: Database) -> None:
    assert practice.rows(
        "EXEC sp_executesql N'SELECT ID FROM ck.KARTEI WHERE PATNR = @p AND ID > @i',"
        " N'@p int, @i int', @p = 1, @i = 1"
    ) == [(2,)]


def test_rows_change_through_joins_and_tell_what_they_were(shared: Database) -> None:
    shared.run("DROP TABLE IF EXISTS b")
    shared.run("CREATE TABLE b (id int NOT NULL PRIMARY KEY, n int)")
    shared.run("INSERT INTO b VALUES (1, 1), (2, 2), (3, 3)")
    assert (
        shared.run("UPDATE b SET n = v.n FROM b JOIN (VALUES (1, 10)) AS v (id, n) ON v.id = b.id")
        == 1
    )
    assert shared.run("DELETE x FROM b AS x WHERE x.n > 5") == 1
    assert shared.rows("DELETE FROM b OUTPUT deleted.id WHERE id = 2") == [(2,)]
    assert shared.rows("INSERT INTO b (id, n) OUTPUT inserted.id VALUES (7, 7)") == [(7,)]
    assert shared.rows("SELECT id, n FROM b ORDER BY id") == [(3, 3), (7, 7)]
