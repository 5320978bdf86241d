"""The statements of discovery and validation; identifiers come quoted from one function."""

from __future__ import annotations

from collections.abc import Sequence

from producers import quoting
from producers.catalog import Column, Table
from producers.discovery.inclusion import Link

__all__ = ["CATALOG", "CHANGE_TRACKING", "examples", "links", "live", "sample", "sampled"]

CATALOG = """\
SET NOCOUNT ON;
SELECT s.name, t.name, t.object_id
FROM sys.tables AS t JOIN sys.schemas AS s ON s.schema_id = t.schema_id
ORDER BY s.name, t.name;
SELECT y.user_type_id, y.name
FROM sys.types AS y
WHERE y.user_type_id = y.system_type_id
ORDER BY y.user_type_id;
SELECT c.object_id, c.name, c.system_type_id, c.max_length, c.[precision], c.scale, c.is_nullable
FROM sys.columns AS c
ORDER BY c.object_id, c.column_id;
SELECT i.object_id, c.name
FROM sys.indexes AS i
JOIN sys.index_columns AS x ON x.object_id = i.object_id AND x.index_id = i.index_id
JOIN sys.columns AS c ON c.object_id = x.object_id AND c.column_id = x.column_id
WHERE i.is_primary_key = 1
ORDER BY i.object_id, x.key_ordinal;
SELECT p.object_id, SUM(p.rows)
FROM sys.partitions AS p
WHERE p.index_id IN (0, 1)
GROUP BY p.object_id;
"""

# Asked of a few tables at once: a round trip and a plan for each would cost more than the answer.
LIVE = """\
SELECT w.number, c.name, y.name, c.max_length, c.[precision], c.scale, c.is_nullable,
  x.key_ordinal
FROM (
  {wanted}) AS w
JOIN sys.tables AS t ON t.object_id = w.id
JOIN sys.columns AS c ON c.object_id = t.object_id
LEFT JOIN sys.types AS y ON y.user_type_id = c.system_type_id
LEFT JOIN sys.indexes AS i ON i.object_id = t.object_id AND i.is_primary_key = 1
LEFT JOIN sys.index_columns AS x
  ON x.object_id = i.object_id AND x.index_id = i.index_id AND x.column_id = c.column_id
ORDER BY w.number, c.column_id;
"""

CHANGE_TRACKING = "SELECT COUNT(*) FROM sys.change_tracking_databases WHERE database_id = DB_ID();"

LONGEST = 200


def live(tables: int) -> str:
    """Give the statement that describes so many tables by their names, each with its number.

    What is not there gives no row.
    """
    wanted = "\n  UNION ALL ".join(
        f"SELECT {number} AS number, OBJECT_ID(?) AS id" for number in range(tables)
    )
    return LIVE.format(wanted=wanted)


def sampled(table: Table) -> tuple[Column, ...]:
    """Give the columns whose values can tell anything."""
    return tuple(column for column in table.columns if column.family != "other")


def sample(table: Table, rows: int) -> str:
    """Give the statement that reads a bounded sample: the newest rows, long texts cut."""
    listed = ", ".join(_cut(column) for column in sampled(table))
    order = ", ".join(f"{quoting.name(key)} DESC" for key in table.primary_key)
    return f"SELECT TOP ({rows}) {listed}\nFROM {quoting.qualified(table.schema, table.name)}" + (
        f"\nORDER BY {order};" * bool(order)
    )


def _cut(column: Column) -> str:
    name = quoting.name(column.name)
    if column.holds_text(LONGEST + 1):
        return f"SUBSTRING({name}, 1, {LONGEST}) AS {name}"
    return name


def links(questions: Sequence[tuple[Link, Table, Table]], rows: int) -> str:
    """Give the statement that counts, per link, the values asked and those the parent has."""
    return "\nUNION ALL\n".join(
        _link(number, *question, rows) for number, question in enumerate(questions)
    )


def _link(number: int, link: Link, child: Table, parent: Table, rows: int) -> str:
    column, key = child.column(link.column), parent.column(link.key)
    same = column is not None and key is not None and column.family == key.family
    plain = quoting.name(link.column)
    value = plain if same else f"CONVERT(nvarchar(64), {plain})"
    wanted = f"p.{quoting.name(link.key)}"
    if not same:
        wanted = f"CONVERT(nvarchar(64), {wanted})"
    order = ", ".join(f"{quoting.name(name)} DESC" for name in child.primary_key)
    sorting = f"\n    ORDER BY {order}" if order else ""
    # SQL Server sums no expression that has a subquery in it (130): the hit comes first.
    return (
        f"SELECT {number} AS question, COUNT(*) AS asked, SUM(h.hit) AS found\n"
        "FROM (\n"
        "  SELECT CASE WHEN EXISTS (\n"
        f"    SELECT 1 FROM {quoting.qualified(parent.schema, parent.name)} AS p\n"
        f"    WHERE {wanted} = v.value) THEN 1 ELSE 0 END AS hit\n"
        "  FROM (\n"
        f"    SELECT TOP ({rows}) {value} AS value\n"
        f"    FROM {quoting.qualified(child.schema, child.name)}\n"
        f"    WHERE {plain} IS NOT NULL{sorting}) AS v) AS h"
    )


def examples(table: Table, column: str) -> str:
    """Give the statement that reads a few values of one column."""
    name = quoting.name(column)
    cut = _cut(next(one for one in table.columns if one.name == column))
    place = quoting.qualified(table.schema, table.name)
    order = ", ".join(f"{quoting.name(key)} DESC" for key in table.primary_key)
    sorting = f"\nORDER BY {order}" if order else ""
    return f"SELECT TOP (8) {cut}\nFROM {place}\nWHERE {name} IS NOT NULL{sorting};"
