"""Every type there and back, text in its code page, and how values compare and convert."""

from __future__ import annotations

import datetime as dt
import uuid
from decimal import Decimal

import pytest

from tests.contract.sqlserver import Database, fails

UMLAUTS = "Zahnärztliche Füllung, Größe „groß“ \u2013 5 € ÄÖÜß"
GUID = uuid.UUID("6f9619ff-8b86-d011-b42d-00c04fc964ff")


def at(text: str) -> dt.datetime:
    return dt.datetime.fromisoformat(text)


VALUES = [
    ("bit", True, True),
    ("bit", False, False),
    ("tinyint", 0, 0),
    ("tinyint", 255, 255),
    ("smallint", -32768, -32768),
    ("int", 2147483647, 2147483647),
    ("int", -2147483648, -2147483648),
    ("bigint", 9223372036854775807, 9223372036854775807),
    ("bigint", -9223372036854775808, -9223372036854775808),
    ("decimal(18, 4)", Decimal("-12345678901234.5678"), Decimal("-12345678901234.5678")),
    ("decimal(5, 2)", Decimal("1.005"), Decimal("1.01")),
    ("decimal(5, 2)", Decimal(7), Decimal("7.00")),
    ("numeric(38, 0)", Decimal(10**37), Decimal(10**37)),
    ("money", Decimal("922337203685477.5807"), Decimal("922337203685477.5807")),
    ("smallmoney", Decimal("-1.5"), Decimal("-1.5000")),
    ("float", 1.1, 1.1),
    ("float", -1.7976931348623157e308, -1.7976931348623157e308),
    ("real", 0.5, 0.5),
    ("char(5)", "ab", "ab   "),
    ("char(1)", "P", "P"),
    ("varchar(50)", UMLAUTS[:40], UMLAUTS[:40]),
    ("varchar(max)", UMLAUTS * 1000, UMLAUTS * 1000),
    ("varchar(10)", "", ""),
    ("varchar(10)", "a  ", "a  "),
    ("varchar(500)", "endet mit Komma,", "endet mit Komma,"),
    ("varchar(50)", "Zeile\r\nZeile\tTab 'x' \"y\"", "Zeile\r\nZeile\tTab 'x' \"y\""),
    ("nchar(4)", "ä", "ä   "),
    ("nvarchar(100)", UMLAUTS, UMLAUTS),
    ("nvarchar(100)", "漢字 Łódź Ωmega 😀", "漢字 Łódź Ωmega 😀"),
    ("nvarchar(max)", "😀" * 5000, "😀" * 5000),
    ("nvarchar(10)", "", ""),
    ("binary(4)", b"\x01\x02", b"\x01\x02\x00\x00"),
    ("varbinary(10)", b"\x00\xff", b"\x00\xff"),
    ("varbinary(10)", b"", b""),
    ("varbinary(max)", bytes(range(256)) * 100, bytes(range(256)) * 100),
    ("date", dt.date(2022, 1, 18), dt.date(2022, 1, 18)),
    ("date", dt.date(1, 1, 1), dt.date(1, 1, 1)),
    ("date", dt.date(9999, 12, 31), dt.date(9999, 12, 31)),
    ("time(0)", dt.time(23, 59, 58), dt.time(23, 59, 58)),
    ("time(7)", dt.time(23, 59, 58), dt.time(23, 59, 58)),
    ("datetime", at("2022-01-18 10:20:30.123"), at("2022-01-18 10:20:30.123")),
    ("smalldatetime", at("2022-01-18 10:20:30"), at("2022-01-18 10:21:00")),
    ("datetime2(0)", at("2022-01-18 10:20:30"), at("2022-01-18 10:20:30")),
    ("datetime2(3)", at("2022-01-18 10:20:30.123"), at("2022-01-18 10:20:30.123")),
    ("datetime2(7)", at("0001-01-01 00:00:00.000001"), at("0001-01-01 00:00:00.000001")),
    ("uniqueidentifier", GUID, str(GUID).upper()),
]
TYPES = sorted({declared for declared, _, _ in VALUES})


@pytest.mark.parametrize(("declared", "given", "stored"), VALUES)
def test_a_value_goes_there_and_back(
    shared: Database, declared: str, given: object, stored: object
) -> None:
    shared.run("DROP TABLE IF EXISTS v")
    shared.run(f"CREATE TABLE v (id int NOT NULL PRIMARY KEY, x {declared} NULL)")
    shared.run("INSERT INTO v VALUES (1, ?)", given)
    got = shared.value("SELECT x FROM v")
    assert got == stored
    assert shared.rows("SELECT x, id FROM v WHERE id = ?", 1) == [(stored, 1)]


@pytest.mark.parametrize("declared", TYPES)
def test_null_goes_there_and_back(shared: Database, declared: str) -> None:
    shared.run("DROP TABLE IF EXISTS v")
    shared.run(f"CREATE TABLE v (id int NOT NULL PRIMARY KEY, x {declared} NULL)")
    shared.run("INSERT INTO v VALUES (?, ?)", 1, None)
    assert shared.rows("SELECT x FROM v") == [(None,)]
    assert shared.value("SELECT COUNT(*) FROM v WHERE x IS NULL") == 1


@pytest.mark.parametrize(
    ("declared", "kind", "size"),
    [
        ("bit", bool, 1),
        ("int", int, 10),
        ("bigint", int, 19),
        ("decimal(18, 4)", Decimal, 18),
        ("float", float, 53),
        ("varchar(50)", str, 50),
        ("nvarchar(100)", str, 100),
        ("nvarchar(max)", str, 0),
        ("varbinary(10)", bytearray, 10),
        ("date", dt.date, 10),
        ("datetime2(7)", dt.datetime, 27),
    ],
)
def test_a_result_says_what_it_holds(
    shared: Database, declared: str, kind: type, size: int
) -> None:
    shared.run("DROP TABLE IF EXISTS v")
    shared.run(f"CREATE TABLE v (x {declared} NULL, y {declared} NOT NULL)")
    description, rows = shared.own.result("SELECT x, y AS z FROM v")
    assert rows == []
    assert [(c[0], c[1], c[3]) for c in description] == [("x", kind, size), ("z", kind, size)]


def test_varchar_holds_its_code_page_and_nothing_else(shared: Database) -> None:
    shared.run("DROP TABLE IF EXISTS k")
    shared.run("CREATE TABLE k (s varchar(20), u nvarchar(20))")
    shared.run("INSERT INTO k VALUES (?, ?)", "Ω 漢 €", "Ω 漢 €")
    stored, kept = shared.rows("SELECT s, u FROM k")[0]
    assert kept == "Ω 漢 €"
    assert stored.endswith("? €")
    assert shared.rows("SELECT DATALENGTH(s), DATALENGTH(u) FROM k") == [(5, 10)]


def test_a_limit_counts_bytes_of_varchar_and_units_of_nvarchar(shared: Database) -> None:
    shared.run("DROP TABLE IF EXISTS k")
    shared.run("CREATE TABLE k (s varchar(3), u nvarchar(3))")
    shared.run("INSERT INTO k VALUES ('äöü', N'漢字語')")
    with fails(2628):
        shared.run("INSERT INTO k (u) VALUES (?)", "😀😀")


def test_empty_is_not_null(shared: Database) -> None:
    shared.run("DROP TABLE IF EXISTS k")
    shared.run("CREATE TABLE k (id int, s varchar(10), u nvarchar(10))")
    shared.run("INSERT INTO k VALUES (1, '', N''), (2, NULL, NULL)")
    assert shared.rows("SELECT s, u FROM k ORDER BY id") == [("", ""), (None, None)]
    assert shared.value("SELECT id FROM k WHERE s = '' AND u = N''") == 1
    assert shared.value("SELECT id FROM k WHERE s IS NULL") == 2


def test_a_bit_can_be_null_and_is_then_not_zero(shared: Database) -> None:
    shared.run("DROP TABLE IF EXISTS k")
    shared.run("CREATE TABLE k (id int, gone bit NULL)")
    shared.run("INSERT INTO k VALUES (1, 0), (2, 1), (3, NULL)")
    assert shared.rows("SELECT id FROM k WHERE gone = 0") == [(1,)]
    assert shared.rows("SELECT id FROM k WHERE ISNULL(gone, 0) = 0 ORDER BY id") == [(1,), (3,)]
    assert shared.rows("SELECT gone FROM k ORDER BY id") == [(False,), (True,), (None,)]


def test_a_date_as_text_meets_a_date_as_number(shared: Database) -> None:
    shared.run("DROP TABLE IF EXISTS k")
    shared.run("CREATE TABLE k (s varchar(8), n int)")
    shared.run("INSERT INTO k VALUES ('20220118', 20220118), ('20220119', 20220118)")
    assert shared.value("SELECT COUNT(*) FROM k WHERE s = n") == 1
    assert shared.value("SELECT COUNT(*) FROM k WHERE s = ?", 20220118) == 1
    assert shared.value("SELECT COUNT(*) FROM k WHERE n = ?", "20220118") == 2


def test_numbers_keep_their_type_through_sums(shared: Database) -> None:
    shared.run("DROP TABLE IF EXISTS k")
    shared.run("CREATE TABLE k (n int, m decimal(9, 2))")
    shared.run("INSERT INTO k VALUES (1, 1.10), (2, 2.20), (NULL, NULL)")
    assert shared.rows("SELECT SUM(n), AVG(n), MIN(n), MAX(n), COUNT(n), COUNT(*) FROM k") == [
        (3, 1, 1, 2, 2, 3)
    ]
    assert shared.value("SELECT SUM(m) FROM k") == Decimal("3.30")
    assert shared.rows("SELECT SUM(n), COUNT(*) FROM k WHERE n > 99") == [(None, 0)]


def test_the_clock_is_utc_and_local(shared: Database) -> None:
    utc, local = shared.rows("SELECT SYSUTCDATETIME(), GETDATE()")[0]
    now = dt.datetime.now(dt.UTC).replace(tzinfo=None)
    assert abs(utc - now) < dt.timedelta(minutes=5)
    assert abs(local - now) < dt.timedelta(hours=15)


def test_a_default_and_an_identity_fill_in(shared: Database) -> None:
    shared.run("DROP TABLE IF EXISTS k")
    shared.run(
        "CREATE TABLE k (id int IDENTITY(10, 5) NOT NULL PRIMARY KEY, s varchar(10) NOT NULL"
        " CONSTRAINT df_k DEFAULT 'neu', at datetime2 NOT NULL DEFAULT SYSUTCDATETIME())"
    )
    shared.run("INSERT INTO k (s) VALUES ('a'), (DEFAULT)")
    shared.run("INSERT INTO k DEFAULT VALUES")
    assert shared.rows("SELECT id, s FROM k ORDER BY id") == [(10, "a"), (15, "neu"), (20, "neu")]
    assert shared.value("SELECT CAST(SCOPE_IDENTITY() AS int)") == 20
    with fails(544):
        shared.run("INSERT INTO k (id) VALUES (1)")
    shared.run("SET IDENTITY_INSERT k ON; INSERT INTO k (id) VALUES (1); SET IDENTITY_INSERT k OFF")
    assert shared.value("SELECT MIN(id) FROM k") == 1
