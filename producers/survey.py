"""Reading what discovery needs from a center: its catalog, bounded samples, links between tables.

Sampled values become profiles here and are gone; nothing of them is kept, logged or shown.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import pyodbc

from producers import quoting
from producers import survey_statements as statements
from producers.catalog import Catalog, Column, Table
from producers.connection import translated
from producers.discovery import profiles
from producers.discovery.inclusion import Found, Link
from producers.discovery.profiles import Profile
from producers.errors import Denied
from producers.survey_statements import CHANGE_TRACKING

__all__ = [
    "CHANGE_TRACKING",
    "fetch",
    "read_catalog",
    "read_examples",
    "read_links",
    "read_profiles",
    "read_tables",
]

LINKS_A_STATEMENT = 8
NO_RIGHT = frozenset({229, 230})
DOUBLE = frozenset({"nchar", "nvarchar"})
SIZED = DOUBLE | {"char", "varchar", "binary", "varbinary"}


def fetch(
    connection: pyodbc.Connection, center: str, text: str, *parameters: object
) -> list[list[pyodbc.Row]]:
    """Give all result sets of a batch."""
    with translated(center), connection.cursor() as cursor:
        cursor.execute(text, *parameters)
        sets = []
        while True:
            if cursor.description is not None:
                sets.append(cursor.fetchall())
            if not cursor.nextset():
                return sets


def _column(row: Sequence[Any]) -> Column:
    name, type_, length, precision, scale, nullable = row
    type_ = type_ or "unknown"
    characters = None
    if type_ in SIZED and length != -1:
        characters = length // 2 if type_ in DOUBLE else length
    return Column(name, type_, characters, precision, scale, bool(nullable))


def read_catalog(connection: pyodbc.Connection, center: str) -> Catalog:
    """Give all tables with columns, keys and numbers of rows, in one round trip."""
    tables, types, columns, keys, rows = fetch(connection, center, statements.CATALOG)
    by_table: dict[int, list[Column]] = defaultdict(list)
    # Joined here: for the thousands of columns there are, that is faster than on the server.
    type_names = dict(map(tuple, types))
    for id_, name, type_, *rest in columns:
        by_table[id_].append(_column((name, type_names.get(type_), *rest)))
    key: dict[int, list[str]] = defaultdict(list)
    for id_, name in keys:
        key[id_].append(name)
    count = {id_: int(total or 0) for id_, total in rows}
    return Catalog(
        tuple(
            Table(schema, name, tuple(by_table[id_]), tuple(key[id_]), count.get(id_, 0))
            for schema, name, id_ in tables
        )
    )


def read_tables(
    connection: pyodbc.Connection, center: str, schema: str, names: Iterable[str]
) -> Catalog:
    """Give those tables of a schema that exist, as they are now, in one round trip."""
    wanted = list(names)
    (rows_found,) = fetch(
        connection,
        center,
        statements.live(len(wanted)),
        *[quoting.qualified(schema, name) for name in wanted],
    )
    by_number: dict[int, list[Sequence[Any]]] = defaultdict(list)
    for row in rows_found:
        by_number[row[0]].append(row)
    tables = []
    for number, name in enumerate(wanted):
        rows = by_number.get(number)
        if not rows:
            continue
        keyed = sorted((row[7], row[1]) for row in rows if row[7])
        columns = tuple(_column(tuple(row)[1:7]) for row in rows)
        tables.append(Table(schema, name, columns, tuple(column for _, column in keyed)))
    return Catalog(tuple(tables))


def read_profiles(
    connection: pyodbc.Connection, center: str, tables: Iterable[Table], rows: int
) -> dict[tuple[str, str], Mapping[str, Profile]]:
    """Give the profiles of a bounded sample of each table that the login may read."""
    result: dict[tuple[str, str], Mapping[str, Profile]] = {}
    for table in tables:
        columns = statements.sampled(table)
        if not columns:
            continue
        try:
            (read,) = fetch(connection, center, statements.sample(table, rows))
        except Denied as error:
            if error.fields.get("number") not in NO_RIGHT:
                raise
            # The login need not see every table; what it may not read has no profile.
            continue
        result[table.schema, table.name] = {
            column.name: profiles.of([row[at] for row in read]) for at, column in enumerate(columns)
        }
    return result


def read_links(
    connection: pyodbc.Connection,
    center: str,
    catalog: Catalog,
    links: Sequence[Link],
    rows: int,
) -> dict[Link, Found]:
    """Give, per link, how many of a child's values the parent has; the values stay there."""
    questions = []
    for link in links:
        child, parent = (catalog.table(link.schema, name) for name in (link.child, link.parent))
        if child is not None and parent is not None:
            questions.append((link, child, parent))
    result: dict[Link, Found] = {}
    for start in range(0, len(questions), LINKS_A_STATEMENT):
        some = questions[start : start + LINKS_A_STATEMENT]
        (answers,) = fetch(connection, center, statements.links(some, rows))
        for number, asked, found in answers:
            result[some[number][0]] = Found(int(asked), int(found or 0))
    return result


def read_examples(
    connection: pyodbc.Connection, center: str, table: Table, column: str
) -> list[object]:
    """Give a few values of a column; only `shown.values` may show anything of them."""
    (rows,) = fetch(connection, center, statements.examples(table, column))
    return [row[0] for row in rows]
