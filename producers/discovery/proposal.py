"""From a catalog, profiles and links to a proposed mapping; the steps that need I/O lie between.

asked = sampling.tables_to_sample(question)          then read bounded samples of those
links = sampling.links_to_test(question, profiles)   then count what the parents have
mapping = proposal.propose(question, profiles, links, …)
"""

from __future__ import annotations

from collections.abc import Mapping as Dict
from dataclasses import replace

from producers import canonical
from producers.catalog import Table
from producers.discovery import columns, fitness, tables
from producers.discovery.candidate import Context
from producers.discovery.inclusion import Links
from producers.discovery.question import ORDER, Question, by_name, schemas, taken, within
from producers.discovery.tables import Choice, Profiles, Values
from producers.mapping import ColumnMapping, Mapping, Rival, TableMapping
from schemas.ids import IdType, Role

__all__ = ["propose"]


def propose(
    question: Question, profiles: Profiles, links: Links, *, center: str, database: str
) -> Mapping:
    """Give the proposed mapping: names where nothing rivals them, rivals where something does."""
    found = schemas(question)
    if len(found) != 1:
        return _without_schema(found, center, database)
    here = within(question, found[0])
    choices = by_name(here)
    parents: dict[str, Table] = {}
    values = Values(profiles, links, parents)
    for role in ORDER:
        if role not in choices:
            choice = tables.by_values(role, here.catalog, values, taken(choices))
            if choice is not None:
                choices[role] = choice
        if role in choices and (table := choices[role].table):
            parents[role] = table
    mapped = {role: _table(role, choices.get(role), here, values) for role in canonical.TABLES}
    return Mapping(center, database, found[0], mapped, _id_types(mapped)).unapproved()


def _without_schema(found: tuple[str, ...], center: str, database: str) -> Mapping:
    reason = f"{len(found)} schemas are possible" if found else "no table like it was found"
    mapped = {role: _empty(role, (reason,)) for role in canonical.TABLES}
    return Mapping(center, database, None, mapped, schema_rivals=found).unapproved()


def _empty(role: str, evidence: tuple[str, ...], rivals: tuple[Rival, ...] = ()) -> TableMapping:
    nothing = ColumnMapping(name=None, evidence=("its table is open",))
    return TableMapping(
        name=None,
        columns=dict.fromkeys(canonical.TABLES[role], nothing),
        evidence=evidence,
        rivals=rivals,
    )


def _table(role: str, choice: Choice | None, here: Question, values: Values) -> TableMapping:
    if choice is None:
        return _empty(role, ("no table like it was found",))
    if choice.table is None:
        rivals = tuple(
            Rival(table.name, score, tuple(piece.text for piece in pieces))
            for table, score, pieces in choice.rivals
        )
        return _empty(role, tuple(piece.text for piece in choice.evidence), rivals)
    table = choice.table
    context = Context(
        profiles=values.profiles.get((table.schema, table.name), {}),
        links=values.links,
        parents=values.parents,
        learned=here.learned,
        chosen={
            key.partition(".")[2]: name
            for key, name in here.chosen.items()
            if key.startswith(f"{role}.") and key.count(".") == 1
        },
    )
    proposed = columns.propose(role, table, choice.match, context)
    capped = {key: _capped(column, choice.confidence) for key, column in proposed.items()}
    return TableMapping(
        name=table.name,
        columns=capped,
        primary_key=table.primary_key,
        confidence=choice.confidence,
        evidence=tuple(piece.text for piece in choice.evidence),
    )


def _capped(column: ColumnMapping, ceiling: float) -> ColumnMapping:
    """Give the column, no surer than its table."""
    return replace(column, confidence=min(column.confidence, ceiling))


def _id_types(mapped: Dict[str, TableMapping]) -> dict[Role, IdType]:
    """Give each role's type as far as declared types tell; the validation looks at the values."""
    result = {}
    for role in Role:
        types = [mapped[table].columns[column].type for table, column in canonical.id_columns(role)]
        known = [name for name in types if name is not None]
        if known:
            whole = all(fitness.is_number(name) for name in known)
            result[role] = IdType.INTEGER if whole else IdType.TEXT
    return result
