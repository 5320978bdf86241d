"""A reviewed file and a fresh proposal become one mapping: choices win, then the file.

Evidence says where each name came from: discovery, the reviewer's choice, or an edit by hand.
"""

from __future__ import annotations

from collections.abc import Mapping as Dict
from dataclasses import replace
from typing import TypeVar

from producers import canonical
from producers.catalog import Catalog
from producers.choices import Choices, apply_live
from producers.mapping import ColumnMapping, Mapping, Rival, TableMapping

__all__ = ["BY_HAND", "CHOSEN", "by_hand", "chosen_names", "decided", "merged", "redecided"]

CHOSEN = "chosen by the reviewer"
BY_HAND = "entered by hand"
Named = TypeVar("Named", TableMapping, ColumnMapping)


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
    moved = fresh.schema != mapping.schema
    tables = {}
    for role in canonical.TABLES:
        old, new = mapping.tables[role], fresh.tables[role]
        replaced = moved or _replaced(role, old, choices)
        columns = dict(new.columns if replaced else old.columns)
        for key, column in old.columns.items():
            if f"{role}.{key}" in choices.names:
                rivals = new.columns[key].rivals if replaced else _rivals(column)
                columns[key] = _chosen(new.columns[key], rivals)
            elif column.name is None:
                columns[key] = new.columns[key]
        table = new if replaced else replace(old, primary_key=new.primary_key)
        if _replaced(role, old, choices):
            table = _chosen(new, new.rivals if moved else _rivals(old))
        tables[role] = replace(table, columns=columns)
    if moved:
        return apply_live(replace(fresh, tables=tables), choices)
    return apply_live(replace(mapping, tables=tables, ids=fresh.ids), choices)


def _rivals(old: TableMapping | ColumnMapping) -> tuple[Rival, ...]:
    """Give all that a name could have been, the one that it was included."""
    if old.name is None or old.name in {rival.name for rival in old.rivals}:
        return old.rivals
    return (Rival(old.name, old.confidence, old.evidence), *old.rivals)


def _chosen(new: Named, rivals: tuple[Rival, ...]) -> Named:
    """Give what the reviewer chose, with what it was chosen from."""
    if new.name is None:
        return new  # It is not there; its evidence says so.
    others = tuple(rival for rival in rivals if rival.name != new.name)
    evidence = new.evidence if CHOSEN in new.evidence else (CHOSEN,)
    return replace(new, evidence=evidence, rivals=others)


def by_hand(mapping: Mapping, proposed: Dict[str, object]) -> Mapping:
    """Give the mapping with its edits by hand marked: names that are not the `proposed` ones.

    No evidence or confidence of another name speaks for them.
    """
    moved = mapping.schema != proposed.get("schema")
    tables = {}
    for role, table in mapping.tables.items():
        entered = moved or table.name != proposed.get(role)
        columns = {}
        for key, column in table.columns.items():
            columns[key] = column
            if column.name != proposed.get(f"{role}.{key}"):
                columns[key] = _marked(column, BY_HAND)
            elif entered and column.name is not None:
                columns[key] = _marked(column, f"its table was {BY_HAND}")
            elif _plain(column.live) != proposed.get(f"{role}.{key}.live"):
                columns[key] = _marked(column, f"which values mean not deleted was {BY_HAND}")
        known = table if not entered else _marked(table, BY_HAND)
        tables[role] = replace(known, columns=columns)
    return replace(mapping, tables=tables)


def _plain(live: tuple[str | None, ...] | None) -> list[str | None] | None:
    return None if live is None else list(live)


def _marked(one: Named, evidence: str) -> Named:
    said = evidence if one.name is not None else "emptied by hand"
    return replace(one, evidence=(said,), confidence=0.0)


def decided(mapping: Mapping, catalog: Catalog) -> dict[str, str]:
    """Give what a person chose or entered and is still there, by schema, TABLE, TABLE.COLUMN."""
    names: dict[str, str] = {}
    for role, table in mapping.tables.items():
        there = catalog.table(mapping.schema, table.name) if table.name else None
        if there is None or mapping.schema is None:
            continue
        names["schema"] = mapping.schema
        if _by_a_person(table):
            names[role] = there.name
        for key, column in table.columns.items():
            if column.name and _by_a_person(column) and there.column(column.name):
                names[f"{role}.{key}"] = column.name
    return names


def _by_a_person(one: TableMapping | ColumnMapping) -> bool:
    return CHOSEN in one.evidence or BY_HAND in one.evidence


def redecided(fresh: Mapping, old: Mapping, names: Dict[str, str]) -> Mapping:
    """Give a proposal that was made with the `names` decided in `old`, saying so."""
    tables = {}
    for role, table in fresh.tables.items():
        before = old.tables[role]
        columns = dict(table.columns)
        for key, column in table.columns.items():
            was = before.columns[key]
            if f"{role}.{key}" in names:
                columns[key] = _chosen(column, was.rivals)
            if column.name is not None and (table.name, column.name) == (before.name, was.name):
                columns[key] = replace(columns[key], live=was.live)
        known = _chosen(table, before.rivals) if role in names else table
        tables[role] = replace(known, columns=columns)
    return replace(fresh, tables=tables).unapproved()
