"""What the stand-in's engine answers to queries: values, types, comparisons."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path

import pytest

from deploy.local.sqlserver.instance import Instance
from tests.unit.standin_engine import Client


@pytest.fixture(scope="module")
def client(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Client]:
    home: Path = tmp_path_factory.mktemp("queries")
    instance = Instance(home, "secret")
    client = Client(instance, instance.open("sa", "secret", None, lambda: False))
    client.run("CREATE DATABASE q")
    client.run("USE q")
    client.run(
        "CREATE TABLE t (id int NOT NULL PRIMARY KEY, g varchar(10), n int NULL, d decimal(10,2))"
    )
    client.run("INSERT INTO t VALUES (1,'a',10,1.50), (2,'A ',20,2.25), (3,'ä',NULL,NULL)")
    yield client
    client.session.close()
    instance.close()


@pytest.mark.parametrize(
    ("expression", "value"),
    [
        ("7 / 2", 3),
        ("-7 / 2", -3),
        ("7 % 3", 1),
        ("7 / 2.0", Decimal("3.500000")),
        ("1.5 + 1", Decimal("2.5")),
        ("CAST(1.005 AS decimal(10,2))", Decimal("1.01")),
        ("N'a' + 'b'", "ab"),
        ("'a' + NULL", None),
        ("LEN('ab  ')", 2),
        ("DATALENGTH('ab  ')", 4),
        ("DATALENGTH(N'ab')", 4),
        ("LEFT('äöü', 2) + RIGHT('äöü', 1)", "äöü"),
        ("SUBSTRING('abcdef', 2, 3)", "bcd"),
        ("SUBSTRING('abc', 0, 2)", "a"),
        ("UPPER('straße')", "STRAßE"),
        ("REPLACE('aXbx', 'x', '-')", "a-b-"),
        ("CHARINDEX('B', 'abc')", 2),
        ("LTRIM(RTRIM('  a '))", "a"),
        ("CONCAT('a', NULL, 1)", "a1"),
        ("ISNULL(NULL, 'x')", "x"),
        ("COALESCE(NULL, NULL, 5)", 5),
        ("NULLIF(1, 1)", None),
        ("IIF(1 = 1, 'y', 'n')", "y"),
        ("CASE 'A' WHEN 'a ' THEN 1 ELSE 0 END", 1),
        ("TRY_CONVERT(date, '20240230')", None),
        ("TRY_CAST('17 ' AS int)", 17),
        ("TRY_CAST('1x' AS int)", None),
        ("CONVERT(varchar(8), CAST('2022-01-18' AS date), 112)", "20220118"),
        ("CONVERT(varchar(10), CAST('2022-01-18' AS date), 104)", "18.01.2022"),
        ("CAST('20220118' AS date)", dt.date(2022, 1, 18)),
        (
            "CAST('2022-01-18T10:00:00.005' AS datetime)",
            dt.datetime(2022, 1, 18, 10, 0, 0, 7000),  # noqa: DTZ001 - SQL's has no zone either
        ),
        ("DATEADD(day, 1, CAST('2024-02-28' AS date))", dt.date(2024, 2, 29)),
        ("DATEADD(month, 1, CAST('2024-01-31' AS date))", dt.date(2024, 2, 29)),
        ("DATEDIFF(day, '2022-01-18', '2022-02-01')", 14),
        ("DATEDIFF(hour, '2022-01-18 10:59', '2022-01-18 11:01')", 1),
        ("YEAR('2022-01-18')", 2022),
        ("CAST(N'日本' AS varchar(10))", "??"),
        ("CAST(0x4142 AS varchar(10))", "AB"),
        ("CAST('2147483647' AS bigint) + 1", 2147483648),
        ("ABS(-5)", 5),
        ("ROUND(2.345, 2)", Decimal("2.350")),
        ("(SELECT MAX(id) FROM t)", 3),
        ("DB_NAME()", "q"),
        ("OBJECT_ID('gone')", None),
    ],
)
def test_an_expression_has_the_value(client: Client, expression: str, value: object) -> None:
    assert client.value(f"SELECT {expression}") == value


@pytest.mark.parametrize(
    ("expression", "name", "length"),
    [
        ("1", "int", None),
        ("3000000000", "bigint", None),
        ("1.50", "numeric", None),
        ("1e0", "float", None),
        ("'abc'", "varchar", 3),
        ("N'abc'", "nvarchar", 3),
        ("'a' + N'bc'", "nvarchar", 3),
        ("COUNT(*)", "int", None),
        ("COUNT_BIG(*)", "bigint", None),
        ("SUM(n)", "int", None),
        ("SUM(d)", "numeric", None),
        ("MAX(g)", "varchar", 10),
        ("STRING_AGG(g, ',')", "varchar", 8000),
        ("CASE WHEN MAX(n) = 1 THEN 1 ELSE 1.5 END", "numeric", None),
        ("ISNULL(MAX(g), 'long enough')", "varchar", 10),
        ("GETDATE()", "datetime", None),
        ("SYSUTCDATETIME()", "datetime2", None),
        ("NEWID()", "uniqueidentifier", None),
    ],
)
def test_a_column_says_its_type(client: Client, expression: str, name: str, length: int) -> None:
    (column,) = client.run(f"SELECT {expression} FROM t").columns
    assert (column.type.name, column.type.length) == (name, length)


@pytest.mark.parametrize(
    ("condition", "holds"),
    [
        ("'ä' = 'Ä'", True),
        ("'a' = 'ä'", False),
        ("N'x' = 'X  '", True),
        ("'20220118' = 20220118", True),
        ("1.50 = 1.5", True),
        ("'abc' LIKE 'A%'", True),
        ("'a%c' LIKE 'a!%c' ESCAPE '!'", True),
        ("'5' LIKE '[0-9]'", True),
        ("'x' LIKE '[^0-9]'", True),
        ("'' IS NULL", False),
        ("NULL = NULL", False),
        ("2 BETWEEN 1 AND 3", True),
        ("2 NOT IN (1, NULL)", False),
        ("EXISTS (SELECT 1 FROM t WHERE g = 'A')", True),
        ("CAST('2022-01-18' AS date) = '20220118'", True),
        ("N'ä' COLLATE Latin1_General_BIN2 = N'Ä'", False),
    ],
)
def test_a_condition_holds(client: Client, condition: str, *, holds: bool) -> None:
    assert client.value(f"SELECT CASE WHEN {condition} THEN 1 ELSE 0 END") == int(holds)


@pytest.mark.parametrize(
    ("sql", "rows"),
    [
        ("SELECT g, COUNT(*) FROM t GROUP BY g ORDER BY 2 DESC", [("a", 2), ("ä", 1)]),
        ("SELECT DISTINCT UPPER(RTRIM(g)) AS u FROM t ORDER BY u", [("A",), ("Ä",)]),
        ("SELECT TOP (2) id FROM t ORDER BY id DESC", [(3,), (2,)]),
        ("SELECT id FROM t ORDER BY id OFFSET 1 ROWS FETCH NEXT 1 ROWS ONLY", [(2,)]),
        ("SELECT n FROM t ORDER BY n", [(None,), (10,), (20,)]),
        ("SELECT STRING_AGG(g, '|') WITHIN GROUP (ORDER BY id DESC) FROM t", [("ä|A |a",)]),
        (
            "SELECT a.id, b.id FROM t a LEFT JOIN t b ON b.id = a.id + 2",
            [(1, 3), (2, None), (3, None)],
        ),
        ("WITH x AS (SELECT id FROM t WHERE id > 1) SELECT MIN(id) FROM x", [(2,)]),
        (
            "WITH r AS (SELECT 1 AS i UNION ALL SELECT i + 1 FROM r WHERE i < 3) SELECT i FROM r",
            [(1,), (2,), (3,)],
        ),
        ("SELECT 1 UNION ALL SELECT 2 UNION SELECT 2", [(1,), (2,)]),
        ("SELECT id, ROW_NUMBER() OVER (ORDER BY id DESC) FROM t WHERE id < 3", [(2, 1), (1, 2)]),
        ("SELECT SUM(d), AVG(d), AVG(n) FROM t", [(Decimal("3.75"), Decimal("1.875"), 15)]),
        ("SELECT v.x FROM (VALUES (1), (2)) AS v (x) WHERE v.x > 1", [(2,)]),
        (
            'SELECT a, b FROM OPENJSON(\'[{"a": 1, "b": "x"}]\') WITH (a int, b nvarchar(5))',
            [(1, "x")],
        ),
        (
            "SELECT t.id, l.m FROM t OUTER APPLY (SELECT MAX(s.id) m FROM t s WHERE s.id < t.id) l",
            [(1, None), (2, 1), (3, 2)],
        ),
        ("SELECT COUNT(*) FROM t WHERE g = @P1", [(2,)]),
    ],
)
def test_a_query_answers(client: Client, sql: str, rows: list[tuple[object, ...]]) -> None:
    assert client.rows(sql, "A") == rows


@pytest.mark.parametrize(
    ("sql", "number"),
    [
        ("SELECT * FROM gone", 208),
        ("SELECT gone FROM t", 207),
        ("SELECT x.id FROM t", 4104),
        ("SELECT id FROM t a JOIN t b ON a.id = b.id", 209),
        ("SELECT id, COUNT(*) FROM t", 8120),
        ("SELECT 1 / 0", 8134),
        ("SELECT CAST('x' AS int)", 245),
        ("SELECT CAST(300 AS tinyint)", 220),
        ("SELECT 2147483647 + 1", 8115),
        ("SELECT @gone", 137),
        ("SELECT FROM t", 156),
        ("SELECT id FROM t WHERE id ==", 102),
        ("SELECT 'open", 105),
        ("SELECT (SELECT id FROM t)", 512),
        ("SELECT GONE(1)", 195),
        ("SELECT SOUNDEX('x')", 50000),
        ("SET DATEFORMAT dmy", 50000),
        ("SET LANGUAGE German", 50000),
        ("SET DATEFIRST 1", 50000),
        ("EXEC sp_who", 50000),
        ("EXEC nobody_has_this", 2812),
        ("SELECT a, COUNT(*) FROM (SELECT 1 AS a) AS x GROUP BY a WITH ROLLUP", 50000),
        ("MERGE t USING t AS s ON 1 = 1 WHEN MATCHED THEN DELETE", 50000),
        ("EXEC gone", 2812),
    ],
)
def test_a_query_fails_with_sql_servers_number(client: Client, sql: str, number: int) -> None:
    assert client.ask(sql).errors == [number]


def test_unknown_sql_names_the_construct(client: Client) -> None:
    (event,) = client.ask("SELECT id FROM t FOR XML AUTO").events
    assert "does not support FOR XML" in str(getattr(event, "error", ""))


def test_variables_and_control_flow(client: Client) -> None:
    answer = client.run(
        "DECLARE @i int = 0, @s varchar(20) = ''; WHILE @i < 3 BEGIN SET @i += 1;"
        " IF @i = 2 CONTINUE; SET @s = @s + CAST(@i AS varchar(2)) END SELECT @s, @i"
    )
    assert answer.rows == [("13", 3)]


def test_a_caught_error_tells_its_number(client: Client) -> None:
    sql = "BEGIN TRY SELECT 1 / 0 END TRY BEGIN CATCH SELECT ERROR_NUMBER() AS number END CATCH"
    assert client.rows(sql) == [(8134,)]


def test_undeclared_parameters_take_the_types_of_what_they_meet(client: Client) -> None:
    found = client.session.undeclared_parameters(
        "INSERT INTO t (id, g) SELECT @P1, @P2 WHERE @P3 = 1 UPDATE t SET d = @P4 WHERE g = @P5", ()
    )
    assert [each.type.name for each in found][-2:] == ["decimal", "varchar"]
