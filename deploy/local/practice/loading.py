"""A planned practice becomes a database: tables, rows, then tracking, then the reader's rights.

ALLOW_SNAPSHOT_ISOLATION is switched on last: a database that has it is whole, one that has it
not was left half loaded and is made anew.
"""

from __future__ import annotations

import datetime as dt
import json
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import dataclass
from itertools import islice
from typing import TypeAlias

import pyodbc

from deploy.local.practice import fillers, statements
from deploy.local.practice.blueprint import Practice
from deploy.local.practice.content import Row
from deploy.local.practice.layout import Table
from producers.connection import number_of

Connect: TypeAlias = Callable[[str], pyodbc.Connection]
"""Opens a connection to a database, in autocommit mode, with rights to create and to fill it."""

LOGIN_EXISTS = 15025
BATCH = 2000
TABLES_A_BATCH = 10


@dataclass(frozen=True, slots=True)
class Loaded:
    """How much was loaded and how long it took; `seconds` counts from the first statement."""

    databases: int
    rows: int
    seconds: float


def load(practice: Practice, connect: Connect, *, user: str) -> Loaded:
    """Create the practice's database and everything in it; a half-loaded one is replaced."""
    began = time.perf_counter()
    with closing(connect("master")) as master:
        if practice.database in whole(master):
            _run(master, statements.drop_database(practice))
        _run(master, statements.create_database(practice))
        with closing(connect(practice.database)) as own:
            own.autocommit = False
            _create(own, practice)
            rows = _fill(own, practice)
            own.autocommit = True
            for statement in (*statements.track(practice), *statements.grant(practice, user)):
                _run(own, statement)
        _run(master, statements.allow_snapshots(practice))
    return Loaded(1, rows, time.perf_counter() - began)


def load_missing(
    practices: Sequence[Practice],
    connect: Connect,
    *,
    user: str,
    password: str,
    threads: int = 4,
    say: Callable[[Practice, Loaded], None] = lambda _practice, _loaded: None,
) -> Loaded:
    """Load the practices that the server has not yet, several at once, and the reader's login."""
    began = time.perf_counter()
    with closing(connect("master")) as master:
        create_login(master, user, password)
        there = whole(master)
    missing = [practice for practice in practices if not there.get(practice.database)]
    rows = 0
    with ThreadPoolExecutor(threads, thread_name_prefix="load") as pool:
        for practice, loaded in zip(
            missing,
            pool.map(lambda practice: load(practice, connect, user=user), missing),
            strict=True,
        ):
            rows += loaded.rows
            say(practice, loaded)
    return Loaded(len(missing), rows, time.perf_counter() - began)


def whole(master: pyodbc.Connection) -> Mapping[str, bool]:
    """Tell of each database on the server whether its loading came to the end."""
    with closing(master.cursor()) as cursor:
        cursor.execute(statements.DATABASES)
        return {name: bool(state) for name, state in cursor.fetchall()}


def create_login(master: pyodbc.Connection, user: str, password: str) -> None:
    """Give the reader its login, or the login its present password."""
    try:
        _run(master, statements.create_login(user, password))
    except pyodbc.Error as error:
        if number_of(error) != LOGIN_EXISTS:
            raise
        _run(master, statements.alter_login(user, password))


def _create(own: pyodbc.Connection, practice: Practice) -> None:
    """Create all tables in one transaction, which is several times faster than one by one."""
    schema = statements.create_schema(practice)
    if schema is not None:
        _run(own, schema)
    tables = iter(practice.tables)
    while some := list(islice(tables, TABLES_A_BATCH)):
        _run(own, ";\n".join(statements.create_table(practice, table) for table in some))
    own.commit()


def _fill(own: pyodbc.Connection, practice: Practice) -> int:
    """Insert all rows in one transaction and return their number."""
    total = sum(_insert(own, practice, table, rows) for table, rows in fillers.rows(practice))
    own.commit()
    return total


def _insert(own: pyodbc.Connection, practice: Practice, table: Table, rows: Iterator[Row]) -> int:
    """Insert rows thousands at a time, as one JSON document that the server takes apart."""
    sql = statements.insert_json(practice, table)
    total = 0
    with closing(own.cursor()) as cursor:
        while batch := list(islice(rows, BATCH)):
            cursor.execute(sql, json.dumps(batch, ensure_ascii=False, default=_json))
            total += len(batch)
    return total


def _json(value: object) -> str:
    """Give a value that JSON has no word for, as SQL Server reads it in any language."""
    return value.isoformat() if isinstance(value, dt.datetime) else str(value)


def _run(connection: pyodbc.Connection, sql: str) -> None:
    """Run a batch to its end, so that no error in it stays unread."""
    with closing(connection.cursor()) as cursor:
        cursor.execute(sql)
        while cursor.nextset():
            pass
