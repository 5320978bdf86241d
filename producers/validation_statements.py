"""The statements that validate a mapping: counts, and of columns that hold no person, values."""

from __future__ import annotations

from producers import quoting
from producers.mapping import Mapping

__all__ = [
    "ROWS",
    "arts",
    "codes",
    "days",
    "deleted",
    "joined",
    "latest_days",
    "not_whole",
    "spread",
]

MOST = 100_000

ROWS = """\
SELECT SUM(p.rows)
FROM sys.partitions AS p
WHERE p.index_id IN (0, 1) AND p.object_id = OBJECT_ID(?);
"""


def _table(mapping: Mapping, table: str) -> str:
    return quoting.qualified(mapping.schema_name(), mapping.table(table))


def _column(mapping: Mapping, table: str, column: str) -> str:
    return quoting.name(mapping.column(table, column))


def _newest(mapping: Mapping, table: str, *columns: str) -> str:
    """Give a bounded subquery over a table's newest rows, columns named a, b, …"""
    listed = ", ".join(
        f"{_column(mapping, table, column)} AS {letter}"
        for column, letter in zip(columns, "abcd", strict=False)
    )
    key = _column(mapping, table, "ID")
    return f"SELECT TOP ({MOST}) {listed} FROM {_table(mapping, table)} ORDER BY {key} DESC"


def joined(mapping: Mapping, table: str, column: str, parent: str) -> str:
    """Count a column's values and those of them that the parent table has."""
    return (
        "SELECT COUNT(*), SUM(h.hit)\n"
        "FROM (\n"
        "  SELECT CASE WHEN EXISTS (\n"
        f"    SELECT 1 FROM {_table(mapping, parent)} AS p\n"
        f"    WHERE CONVERT(nvarchar(64), p.{_column(mapping, parent, 'ID')}) = v.a\n"
        "  ) THEN 1 ELSE 0 END AS hit\n"
        "  FROM (\n"
        f"    SELECT TOP (1000) CONVERT(nvarchar(64), {_column(mapping, table, column)}) AS a\n"
        f"    FROM {_table(mapping, table)}\n"
        f"    WHERE {_column(mapping, table, column)} IS NOT NULL\n"
        f"    ORDER BY {_column(mapping, table, 'ID')} DESC) AS v) AS h;"
    )


def spread(mapping: Mapping, table: str, column: str, parent: str) -> str:
    """Count a column's values, those of them that differ, and the rows they could refer to."""
    return (
        "SELECT COUNT(v.a), COUNT(DISTINCT v.a),\n"
        f"  (SELECT COUNT(*) FROM {_table(mapping, parent)})\n"
        f"FROM ({_newest(mapping, table, column)}) AS v;"
    )


def codes(mapping: Mapping) -> str:
    """Give the newest services' codes, to be looked at in memory alone."""
    return (
        f"SELECT TOP (1000) {_column(mapping, 'LEISTUNG', 'LEISTUNG')}\n"
        f"FROM {_table(mapping, 'LEISTUNG')}\n"
        f"ORDER BY {_column(mapping, 'LEISTUNG', 'ID')} DESC;"
    )


def days(mapping: Mapping, table: str) -> str:
    """Count a table's dates that are given, and those that are eight digits of a calendar's day.

    Converted to more than any date column holds, so that no value is cut until it is a date.
    """
    return (
        "SELECT COUNT(d.a), SUM(CASE WHEN LEN(d.a) = 8 AND d.a NOT LIKE '%[^0-9]%'\n"
        "  AND TRY_CONVERT(date, d.a, 112) IS NOT NULL THEN 1 ELSE 0 END)\n"
        "FROM (\n"
        "  SELECT RTRIM(CONVERT(nvarchar(60), v.a)) AS a\n"
        f"  FROM ({_newest(mapping, table, 'DATUM')}) AS v) AS d;"
    )


def arts(mapping: Mapping) -> str:
    """Count the insurers of each ART."""
    art = _column(mapping, "KASSEN", "ART")
    return f"SELECT {art}, COUNT(*) FROM {_table(mapping, 'KASSEN')} GROUP BY {art};"


def deleted(mapping: Mapping, table: str) -> str:
    """Count the rows of each value of a table's flag."""
    return f"SELECT v.a, COUNT(*) FROM ({_newest(mapping, table, 'DELKZ')}) AS v GROUP BY v.a;"


def latest_days(mapping: Mapping) -> str:
    """Give the days of the newest entries."""
    return (
        f"SELECT TOP (20) {_column(mapping, 'KARTEI', 'DATUM')} FROM {_table(mapping, 'KARTEI')}\n"
        f"ORDER BY {_column(mapping, 'KARTEI', 'ID')} DESC;"
    )


def not_whole(mapping: Mapping, table: str, column: str) -> str:
    """Count the ids that are given and are no whole numbers."""
    name = _column(mapping, table, column)
    return (
        f"SELECT COUNT(*) FROM {_table(mapping, table)}\n"
        f"WHERE {name} IS NOT NULL AND LTRIM(RTRIM({name})) <> ''\n"
        f"  AND TRY_CONVERT(bigint, {name}) IS NULL;"
    )
