"""What expressions and conditions give: conversions, functions, comparisons."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal

import pytest

from tests.contract.sqlserver import Database


def at(text: str) -> dt.datetime:
    return dt.datetime.fromisoformat(text)


@pytest.mark.parametrize(
    ("expression", "value"),
    [
        ("CAST('2022-01-18T10:00:00.005' AS datetime)", at("2022-01-18 10:00:00.007")),
        ("CAST('2022-01-18T10:00:00.001' AS datetime)", at("2022-01-18 10:00:00")),
        ("CAST('23:59:58.1234567' AS time(7))", dt.time(23, 59, 58, 123456)),
        ("CAST('20220118' AS datetime)", at("2022-01-18 00:00:00")),
        ("CAST('20220118' AS date)", dt.date(2022, 1, 18)),
        ("CAST('2022-01-18' AS date)", dt.date(2022, 1, 18)),
        ("TRY_CONVERT(date, '20220118')", dt.date(2022, 1, 18)),
        ("TRY_CONVERT(date, '20240229')", dt.date(2024, 2, 29)),
        ("TRY_CONVERT(date, '20240230')", None),
        ("TRY_CONVERT(date, '20230229')", None),
        ("TRY_CONVERT(date, '20221301')", None),
        ("TRY_CONVERT(date, 'gestern')", None),
        ("TRY_CONVERT(date, NULL)", None),
        ("TRY_CONVERT(date, '20220118', 112)", dt.date(2022, 1, 18)),
        ("TRY_CONVERT(date, CONVERT(varchar(8), 20220118), 112)", dt.date(2022, 1, 18)),
        ("TRY_CAST('20240230' AS date)", None),
        ("CONVERT(varchar(8), CAST('2022-01-18' AS date), 112)", "20220118"),
        ("CONVERT(varchar(10), CAST('2022-01-18' AS date), 23)", "2022-01-18"),
        ("CONVERT(varchar(10), CAST('2022-01-18' AS date), 104)", "18.01.2022"),
        ("CONVERT(char(8), 20220118)", "20220118"),
        ("CAST(20220118 AS varchar(20))", "20220118"),
        ("CAST(17 AS nvarchar(20)) + N'x'", "17x"),
        ("TRY_CONVERT(int, '13b')", None),
        ("TRY_CONVERT(int, ' 17 ')", 17),
        ("TRY_CONVERT(int, '-5')", -5),
        ("TRY_CONVERT(int, '')", 0),
        ("TRY_CONVERT(int, '1.5')", None),
        ("TRY_CONVERT(bigint, '99999999999')", 99999999999),
        ("TRY_CONVERT(int, '99999999999')", None),
        ("TRY_CONVERT(tinyint, 256)", None),
        ("CAST(1.9 AS int)", 1),
        ("CAST(-1.9 AS int)", -1),
        ("CAST('1' AS bit)", True),
        ("CAST('true' AS bit)", True),
        ("CAST(5 AS bit)", True),
        ("CAST(1.005 AS decimal(5, 2))", Decimal("1.01")),
        ("CAST('abcdef' AS varchar(3))", "abc"),
        ("CAST('ab' AS char(4))", "ab  "),
        ("CAST(N'漢' AS varchar(5))", "?"),
        ("CAST(N'5 €' AS varchar(5))", "5 €"),
        ("7 / 2", 3),
        ("-7 / 2", -3),
        ("7 % 3", 1),
        ("-7 % 3", -1),
        ("7 / 2.0", Decimal("3.500000")),
        ("1 + '2'", 3),
        ("'1' + '2'", "12"),
        ("'a' + NULL", None),
        ("N'ä' + 'b'", "äb"),
        ("CONCAT('a', NULL, 1)", "a1"),
        ("NULLIF('a', 'A')", None),
        ("ISNULL(NULL, 'x')", "x"),
        ("COALESCE(NULL, NULL, 3)", 3),
        ("LEN('ab  ')", 2),
        ("LEN('  ab')", 4),
        ("LEN('')", 0),
        ("LEN(NULL)", None),
        ("LEN(N'😀')", 2),
        ("DATALENGTH('ab  ')", 4),
        ("DATALENGTH(N'ab  ')", 8),
        ("DATALENGTH('ä')", 1),
        ("DATALENGTH(N'')", 0),
        ("DATALENGTH(20220118)", 4),
        ("UPPER('äöüß')", "ÄÖÜß"),
        ("LOWER(N'ÄÖÜ')", "äöü"),
        ("LTRIM('  a ') + '|'", "a |"),
        ("RTRIM(' a  ') + '|'", " a|"),
        ("TRIM('  a  ')", "a"),
        ("SUBSTRING('Karteikarte', 1, 6)", "Kartei"),
        ("SUBSTRING('abc', 0, 2)", "a"),
        ("SUBSTRING('abc', 3, 10)", "c"),
        ("LEFT('abc', 2)", "ab"),
        ("RIGHT('abc', 2)", "bc"),
        ("CHARINDEX('B', 'abc')", 2),
        ("REPLACE('aXbx', 'x', '-')", "a-b-"),
        ("ABS(-5)", 5),
        ("ROUND(2.5, 0)", Decimal("3.0")),
        ("YEAR(CAST('20220118' AS date))", 2022),
        ("DATEADD(day, 1, CAST('20220131' AS date))", dt.date(2022, 2, 1)),
        ("DATEDIFF(day, '20220118', '20220201')", 14),
    ],
)
def test_an_expression_has_sql_servers_value(
    shared: Database, expression: str, value: object
) -> None:
    assert shared.value(f"SELECT {expression}") == value


@pytest.mark.parametrize(
    ("condition", "holds"),
    [
        ("'ä' = 'Ä'", True),
        ("N'ä' = N'Ä'", True),
        ("'a' = 'ä'", False),
        ("'a' = 'A'", True),
        ("'e' = 'é'", False),
        ("'a ' = 'a'", True),
        ("' a' = 'a'", False),
        ("N'a ' = 'a'", True),
        ("'' = ' '", True),
        ("'' IS NULL", False),
        ("NULL = NULL", False),
        ("NULL <> 1", False),
        ("'a' < 'B'", True),
        ("'B' < 'c'", True),
        ("'10' < '9'", True),
        ("CAST('20220118' AS varchar(8)) = 20220118", True),
        ("CAST('0017' AS varchar(8)) = 17", True),
        ("'Ärztin' LIKE 'ärzt%'", True),
        ("'a_b' LIKE 'a[_]b'", True),
        ("'axb' LIKE 'a[_]b'", False),
        ("'13b' LIKE '[0-9][0-9]%'", True),
        ("'13b' LIKE '%[^0-9]%'", True),
        ("'50%' LIKE '50!%' ESCAPE '!'", True),
        ("'b' IN ('A', 'B')", True),
        ("5 NOT IN (1, NULL)", False),
        ("'20220118' BETWEEN '20220101' AND '20220131'", True),
        ("CAST('20220118' AS date) = '2022-01-18'", True),
        ("'13b' = '13B' COLLATE Latin1_General_BIN2", False),
        ("CAST('x' AS char(5)) = 'x'", True),
    ],
)
def test_a_condition_holds_or_does_not(shared: Database, condition: str, *, holds: bool) -> None:
    assert shared.value(f"SELECT CASE WHEN {condition} THEN 1 ELSE 0 END") == int(holds)
