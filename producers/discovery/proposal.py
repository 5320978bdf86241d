"""From a catalog, profiles and links to a proposed mapping; the steps that need I/O lie between.

asked = tables_to_sample(catalog, …)      then read bounded samples of those
links = links_to_test(catalog, samples)   then count how many values the parents have
proposal = propose(…)
"""

from __future__ import annotations

from collections.abc import Mapping as Dict
from dataclasses import dataclass, field, replace

from producers import canonical
from producers.canonical import Kind
from producers.catalog import Catalog, Table
from producers.discovery import columns, fitness, inclusion, names, shape, tables
from producers.discovery.evidence import Evidence
from producers.discovery.inclusion import Link, Links
from producers.discovery.names import Match
from producers.discovery.shape import Learned, Named
from producers.discovery.tables import Choice, Profiles, Values
from producers.mapping import ColumnMapping, Mapping, Rival, TableMapping
from schemas.ids import IdType, Role

__all__ = ["Question", "links_to_test", "nothing_learned", "propose", "schemas", "tables_to_sample"]

ORDER = ("PATIENT", "KASSEN", "KARTEI", "LEISTUNG", "PATKASSE")
MOST_LIKELY = 40
MOST_LINKED = 16


def nothing_learned(table: str, column: str | None) -> frozenset[str]:
    del table, column
    return frozenset()


@dataclass(frozen=True, slots=True)
class Question:
    """What is asked of a center: its catalog, what other centers taught, what a person chose.

    `chosen` maps schema, TABLE and TABLE.COLUMN to names.
    """

    catalog: Catalog
    learned: Learned = nothing_learned
    chosen: Dict[str, str] = field(default_factory=dict)


def schemas(question: Question) -> tuple[str, ...]:
    """Give the schema that the tables are in; several where several could be, none where none."""
    if "schema" in question.chosen:
        return (question.chosen["schema"],)
    there = sorted({table.schema for table in question.catalog.tables})
    if len(there) < 2:
        return tuple(there)
    roles = {name: _roles_by_name(_within(question, name)) for name in there}
    most = max(roles.values())
    if most >= 3:
        return tuple(name for name in there if roles[name] >= 3)
    full = {
        name: sum(1 for role in ORDER if shape.likely(role, _within(question, name).catalog, 1))
        for name in there
    }
    return tuple(name for name in there if full[name] == len(ORDER))


def _within(question: Question, schema: str) -> Question:
    tables = tuple(table for table in question.catalog.tables if table.schema == schema)
    return Question(Catalog(tables), question.learned, question.chosen)


def _roles_by_name(question: Question) -> int:
    return sum(
        any(one.match <= Match.LEARNED and one.found >= 0.5 for one in found)
        for found in _named(question).values()
    )


def _named(question: Question) -> dict[str, list[Named]]:
    """Give the tables that names speak for, each for one role: the one its columns fit best."""
    found = {}
    for role in ORDER:
        if role in question.chosen:
            table = question.catalog.table(None, question.chosen[role])
            found[role] = [Named(table, Match.EXACT, 1.0)] if table else []
        else:
            found[role] = shape.named(role, question.catalog, question.learned)
    best: dict[tuple[str, str], tuple[int, float]] = {}
    for role in ORDER:
        for one in found[role]:
            place = (one.table.schema, one.table.name)
            best[place] = min(best.get(place, (99, 0.0)), _claim(one))
    return {
        role: [one for one in found[role] if best[one.table.schema, one.table.name] == _claim(one)]
        for role in ORDER
    }


def _claim(one: Named) -> tuple[int, float]:
    return (int(one.match), -one.found)


def _by_name(question: Question) -> dict[str, Choice]:
    named = _named(question)
    habit = tables.style(named)
    choices = {
        role: _not_there(question.chosen[role])
        if role in question.chosen and not named[role]
        else tables.by_name(role, named[role], habit)
        for role in ORDER
    }
    return {role: choice for role, choice in choices.items() if choice is not None}


def _not_there(name: str) -> Choice:
    """Give the open choice for a table that a person named and that does not exist."""
    return Choice(None, Match.EXACT, 0.0, (Evidence(f"{name} is not there", 0.0),))


def tables_to_sample(question: Question) -> list[Table]:
    """Give the tables whose values help: those that names speak for, else what shape allows."""
    (schema, *others) = schemas(question) or ("",)
    if others:
        return []
    here = _within(question, schema)
    choices = _by_name(here)
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
    taken = _taken(choices)
    for role in ("PATIENT", "KASSEN"):
        choice = choices.get(role) or tables.by_values(
            role, here.catalog, Values(profiles, {}, {}), taken
        )
        if choice is None:
            result[role] = []
        elif choice.table:
            result[role] = [choice.table]
        else:
            result[role] = [table for table, _, _ in choice.rivals][:2]
    return result


def _taken(choices: Dict[str, Choice]) -> frozenset[tuple[str, str]]:
    named = {(one.table.schema, one.table.name) for one in choices.values() if one.table}
    open_ = {(table.schema, table.name) for one in choices.values() for table, _, _ in one.rivals}
    return frozenset(named | open_)


def links_to_test(question: Question, profiles: Profiles) -> list[Link]:
    """Give the links between sampled tables that could tell which is which."""
    (schema, *others) = schemas(question) or ("",)
    if others:
        return []
    here = _within(question, schema)
    choices = _by_name(here)
    parents = _parents(here, profiles, choices)
    links: set[Link] = set()
    for role in ("PATKASSE", "KARTEI", "LEISTUNG"):
        if role in choices:
            table = choices[role].table
            children = [table] if table else []
        else:
            children = _children(role, here, profiles, _taken(choices))
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


def propose(
    question: Question, profiles: Profiles, links: Links, *, center: str, database: str
) -> Mapping:
    """Give the proposed mapping: names where nothing rivals them, rivals where something does."""
    found = schemas(question)
    if len(found) != 1:
        return _without_schema(found, center, database)
    here = _within(question, found[0])
    choices = _by_name(here)
    parents: dict[str, Table] = {}
    values = Values(profiles, links, parents)
    for role in ORDER:
        if role not in choices:
            choice = tables.by_values(role, here.catalog, values, _taken(choices))
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
    context = columns.Context(
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
