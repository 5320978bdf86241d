"""Whether an approved mapping still fits: what moved in the live schema, in words."""

from __future__ import annotations

import pyodbc

from producers import canonical, survey
from producers.catalog import Catalog, Table
from producers.mapping import Mapping

__all__ = ["differences", "live"]


def live(connection: pyodbc.Connection, mapping: Mapping) -> Catalog:
    """Give the tables that the mapping names, as they are now."""
    names = [mapping.table(table) for table in canonical.TABLES]
    return survey.read_tables(connection, mapping.center, mapping.schema_name(), names)


def differences(mapping: Mapping, catalog: Catalog) -> list[str]:
    """Say what of all that the mapping relies on is no longer so; empty where it fits."""
    found: list[str] = []
    for role in canonical.TABLES:
        name = mapping.tables[role].name
        if name is None:
            continue
        table = catalog.table(mapping.schema, name)
        if table is None:
            found.append(f"table {name} ({role}) is gone")
            continue
        found += _columns(mapping, role, table)
    return found


def _columns(mapping: Mapping, role: str, table: Table) -> list[str]:
    found = []
    for key, wanted in mapping.tables[role].columns.items():
        if wanted.name is None:
            continue
        column = table.column(wanted.name)
        place = f"{table.name}.{wanted.name} ({role}.{key})"
        if column is None:
            found.append(f"column {place} is gone")
        elif column.described != wanted.type:
            found.append(f"column {place} is {column.described}, was {wanted.type}")
    if table.primary_key != mapping.tables[role].primary_key:
        now = ", ".join(table.primary_key) or "none"
        was = ", ".join(mapping.tables[role].primary_key) or "none"
        found.append(f"the primary key of {table.name} ({role}) is {now}, was {was}")
    return found
