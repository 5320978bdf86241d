"""What to read of a center before proposing: which tables to sample, which links to test."""

from __future__ import annotations

from collections.abc import Mapping as Dict

from producers import canonical
from producers.canonical import Kind
from producers.catalog import Table
from producers.discovery import fitness, inclusion, names, shape, tables
from producers.discovery.inclusion import Link
from producers.discovery.names import Match
from producers.discovery.question import ORDER, Question, by_name, schemas, taken, within
from producers.discovery.tables import Choice, Profiles, Values

__all__ = ["links_to_test", "tables_to_sample"]

MOST_LIKELY = 40
MOST_LINKED = 16


def tables_to_sample(question: Question) -> list[Table]:
    """Give the tables whose values help: those that names speak for, else what shape allows."""
    (schema, *others) = schemas(question) or ("",)
    if others:
        return []
    here = within(question, schema)
    choices = by_name(here)
    asked = {
        (choice.table.schema, choice.table.name): choice.table
        for choice in choices.values()
        if choice.table
    }
    for role in ORDER:
        if role not in choices:
            for table in shape.likely(role, here.catalog, MOST_LIKELY):
                asked.setdefault((table.schema, table.name), table)
    return sorted(asked.values(), key=lambda table: (table.schema, table.name))


def _parents(
    here: Question, profiles: Profiles, choices: Dict[str, Choice]
) -> dict[str, list[Table]]:
    result: dict[str, list[Table]] = {}
    used = taken(choices)
    for role in ("PATIENT", "KASSEN"):
        choice = choices.get(role) or tables.by_values(
            role, here.catalog, Values(profiles, {}, {}), used
        )
        if choice is None:
            result[role] = []
        elif choice.table:
            result[role] = [choice.table]
        else:
            result[role] = [table for table, _, _ in choice.rivals][:2]
    return result


def links_to_test(question: Question, profiles: Profiles) -> list[Link]:
    """Give the links between sampled tables that could tell which is which."""
    (schema, *others) = schemas(question) or ("",)
    if others:
        return []
    here = within(question, schema)
    choices = by_name(here)
    parents = _parents(here, profiles, choices)
    links: set[Link] = set()
    for role in ("PATKASSE", "KARTEI", "LEISTUNG"):
        if role in choices:
            table = choices[role].table
            children = [table] if table else []
        else:
            children = _children(role, here, profiles, taken(choices))
        for child in children:
            for key, wanted in canonical.TABLES[role].items():
                for table in parents.get(str(wanted.refers_to), ()):
                    links |= _between(child, table, profiles, _by_that_name(here, role, key, child))
    return sorted(links)


def _by_that_name(here: Question, role: str, key: str, table: Table) -> frozenset[str]:
    """Give the columns that names speak for, all where they speak for none."""
    words = here.learned(role, key)
    every = frozenset(column.name for column in table.columns)
    found = {name for name in every if names.column_matches(name, role, key, words) < Match.NONE}
    return frozenset(found) or every


def _children(
    role: str, here: Question, profiles: Profiles, taken: frozenset[tuple[str, str]]
) -> list[Table]:
    """Give the sampled tables that could have a role, by everything but the links."""
    possible = []
    for table in here.catalog.tables:
        place = (table.schema, table.name)
        if place in taken or place not in profiles or not shape.fits(role, table):
            continue
        kinds = [
            (key, wanted)
            for key, wanted in canonical.TABLES[role].items()
            if wanted.kind not in {Kind.ID, Kind.FLAG}
        ]
        if all(
            any(
                (piece := fitness.score(wanted.kind, column, profiles[place].get(column.name), key))
                and piece.weight >= 0.3
                for column in table.columns
            )
            for key, wanted in kinds
        ):
            possible.append(table)
    return sorted(possible, key=lambda table: (-table.rows, table.name))[:MOST_LINKED]


def _between(child: Table, parent: Table, profiles: Profiles, asked: frozenset[str]) -> set[Link]:
    key = inclusion.key_of(parent)
    if key is None or (child.schema, child.name) == (parent.schema, parent.name):
        return set()
    seen = profiles.get((child.schema, child.name), {})
    return {
        Link(child.schema, child.name, column.name, parent.name, key.name)
        for column in child.columns
        if column.name in asked
        and column.name not in child.primary_key
        and fitness.can_hold(Kind.ID, column)
        and inclusion.linkable(column, key)
        and (profile := seen.get(column.name)) is not None
        and profile.given
        and profile.dates < 0.9
        and profile.spaced < 0.5
    }
