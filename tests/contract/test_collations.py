"""How text compares: without case, with accents, without trailing blanks."""

from __future__ import annotations

import pytest

from tests.contract.sqlserver import Database, fails


@pytest.fixture
def words(shared: Database) -> Database:
    shared.run("DROP TABLE IF EXISTS w")
    shared.run(
        "CREATE TABLE w (id int NOT NULL PRIMARY KEY, s varchar(20) NULL, u nvarchar(20) NULL)"
    )
    shared.run(
        "INSERT INTO w VALUES (1, 'Ä', N'Ä'), (2, 'ä ', N'ä '), (3, 'a', N'a'), (4, 'B', N'B'),"
        " (5, '', N''), (6, NULL, NULL)"
    )
    return shared


@pytest.mark.parametrize("column", ["s", "u"])
def test_columns_compare_without_case_with_accents_without_trailing_blanks(
    words: Database, column: str
) -> None:
    def found(text: str) -> list[int]:
        read = f"SELECT id FROM w WHERE {column} = ? ORDER BY id"
        return [key for (key,) in words.rows(read, text)]

    assert found("ä") == [1, 2]
    assert found("A  ") == [3]
    assert found("b") == [4]
    assert found("") == [5]


@pytest.mark.parametrize("column", ["s", "u"])
def test_groups_and_distinct_and_joins_compare_the_same_way(words: Database, column: str) -> None:
    assert words.value(f"SELECT COUNT(DISTINCT {column}) FROM w") == 4
    assert len(words.rows(f"SELECT {column} FROM w GROUP BY {column}")) == 5
    assert words.value(f"SELECT COUNT(*) FROM w JOIN w AS v ON v.{column} = w.{column}") == 7


@pytest.mark.parametrize("column", ["s", "u"])
def test_order_is_by_letter_with_null_first(words: Database, column: str) -> None:
    read = f"SELECT id FROM w WHERE id > 2 ORDER BY {column}"
    assert [key for (key,) in words.rows(read)] == [6, 5, 3, 4]
    read = f"SELECT id FROM w WHERE id > 2 ORDER BY {column} DESC"
    assert [key for (key,) in words.rows(read)] == [4, 3, 5, 6]


@pytest.mark.parametrize("second", ["ABC", "abc ", "aBc   "])
def test_keys_that_differ_only_in_case_or_blanks_are_one(shared: Database, second: str) -> None:
    shared.run("DROP TABLE IF EXISTS k")
    shared.run("CREATE TABLE k (id varchar(10) NOT NULL PRIMARY KEY)")
    shared.run("INSERT INTO k VALUES ('abc')")
    with fails(2627):
        shared.run("INSERT INTO k VALUES (?)", second)


def test_keys_that_differ_in_accents_are_two(shared: Database) -> None:
    shared.run("DROP TABLE IF EXISTS k")
    shared.run("CREATE TABLE k (id nvarchar(10) NOT NULL PRIMARY KEY)")
    shared.run("INSERT INTO k VALUES (N'Ä935'), (N'A935')")
    with fails(2627):
        shared.run("INSERT INTO k VALUES (N'ä935')")


def test_a_binary_collation_tells_case_apart(shared: Database) -> None:
    shared.run("DROP TABLE IF EXISTS k")
    shared.run("CREATE TABLE k (id varchar(10) COLLATE Latin1_General_BIN2 NOT NULL PRIMARY KEY)")
    shared.run("INSERT INTO k VALUES ('13b'), ('13B')")
    assert shared.value("SELECT COUNT(*) FROM k WHERE id = '13b'") == 1
