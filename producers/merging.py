"""A reviewed file and a fresh proposal become one mapping: choices win, then the file."""

from __future__ import annotations

from dataclasses import replace

from producers import canonical
from producers.choices import Choices, apply_live
from producers.mapping import Mapping, TableMapping

__all__ = ["chosen_names", "merged"]


def chosen_names(mapping: Mapping, choices: Choices) -> dict[str, str]:
    """Give all names that are decided: those of the file, and over them what was chosen.

    Another table or schema makes the file's columns there meaningless.
    """
    if "schema" in choices.names and choices.names["schema"] != mapping.schema:
        return dict(choices.names)
    names: dict[str, str] = {"schema": mapping.schema} if mapping.schema else {}
    for role, table in mapping.tables.items():
        if table.name:
            names[role] = table.name
        if _replaced(role, table, choices):
            continue
        for key, column in table.columns.items():
            if column.name:
                names[f"{role}.{key}"] = column.name
    return names | dict(choices.names)


def _replaced(role: str, table: TableMapping, choices: Choices) -> bool:
    return role in choices.names and choices.names[role] != table.name


def merged(mapping: Mapping, fresh: Mapping, choices: Choices) -> Mapping:
    """Give the file's mapping with what was chosen, and what followed from it, from `fresh`."""
    if fresh.schema != mapping.schema:
        return apply_live(fresh, choices)
    tables = {}
    for role in canonical.TABLES:
        old, new = mapping.tables[role], fresh.tables[role]
        if _replaced(role, old, choices):
            tables[role] = new
            continue
        columns = {
            key: new.columns[key]
            if f"{role}.{key}" in choices.names or column.name is None
            else column
            for key, column in old.columns.items()
        }
        tables[role] = replace(old, columns=columns, primary_key=new.primary_key)
    return apply_live(replace(mapping, tables=tables, ids=fresh.ids), choices)
