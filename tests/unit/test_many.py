"""Many rows by few statements do what one statement a row does."""

from __future__ import annotations

import sqlite3
from contextlib import closing

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stream_app.many import ROWS, put

UPSERT = "INSERT INTO t (k, v) VALUES (?, ?) ON CONFLICT DO UPDATE SET v = excluded.v WHERE v <> 7"
UPDATE = "WITH new (k, v) AS (VALUES (?, ?)) UPDATE t SET v = new.v FROM new WHERE t.k = new.k"


def rows_of(connection: sqlite3.Connection) -> list[tuple[int, int]]:
    return connection.execute("SELECT k, v FROM t ORDER BY k").fetchall()


def a_table() -> sqlite3.Connection:
    connection = sqlite3.connect(":memory:", isolation_level=None)
    connection.execute("CREATE TABLE t (k INTEGER PRIMARY KEY, v INTEGER)")
    connection.executemany("INSERT INTO t VALUES (?, -1)", ((k,) for k in range(0, 100, 2)))
    return connection


@given(rows=st.lists(st.tuples(st.integers(0, 99), st.integers(0, 9)), max_size=3 * ROWS))
def test_rows_are_put_as_one_statement_for_each_would_put_them(rows: list[tuple[int, int]]) -> None:
    with closing(a_table()) as one, closing(a_table()) as other:
        one.executemany(UPSERT, rows)
        put(other, UPSERT, iter(rows))
        assert rows_of(one) == rows_of(other)


@pytest.mark.parametrize("count", [0, 1, ROWS - 1, ROWS, ROWS + 1, 2 * ROWS])
def test_rows_are_found_again_whatever_their_number(count: int) -> None:
    with closing(a_table()) as connection:
        put(connection, UPSERT, [(k, 1) for k in range(count)])
        put(connection, UPDATE, [(k, k) for k in range(count)])
        found = dict(rows_of(connection))
        assert [found[k] for k in range(count)] == list(range(count))


def test_triggers_see_each_row() -> None:
    with closing(a_table()) as connection:
        connection.execute("CREATE TABLE seen (k)")
        connection.execute(
            "CREATE TRIGGER told AFTER INSERT ON t BEGIN INSERT INTO seen VALUES (NEW.k); END"
        )
        put(connection, UPSERT, [(1000 + k, 1) for k in range(2 * ROWS)])
        assert connection.execute("SELECT count(*) FROM seen").fetchone() == (2 * ROWS,)
