"""Many rows by few statements: SQLite gives the interpreter away once for each statement.

`executemany` runs a statement for each row, and whoever waits for the interpreter takes it in
between; a statement with many rows runs to its end while others compute.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable
from functools import cache
from itertools import chain, islice
from typing import Any, Final

__all__ = ["put"]

# Below 999 values with up to seven columns, which every build of SQLite takes.
ROWS: Final = 128


def put(connection: sqlite3.Connection, statement: str, rows: Iterable[tuple[Any, ...]]) -> None:
    """Run a statement with one `VALUES (?, …)` over rows, in their order, as `executemany` does."""
    left = iter(rows)
    while some := list(islice(left, ROWS)):
        if len(some) == ROWS:
            connection.execute(_widened(statement), tuple(chain.from_iterable(some)))
        else:
            connection.executemany(statement, some)


@cache
def _widened(statement: str) -> str:
    """Give the statement with as many rows as go into one."""
    begin = statement.index("VALUES (") + len("VALUES ")
    end = statement.index(")", begin) + 1
    return f"{statement[:begin]}{', '.join([statement[begin:end]] * ROWS)}{statement[end:]}"
