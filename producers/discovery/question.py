"""What is asked of a center, and what names alone answer."""

from __future__ import annotations

from collections.abc import Mapping as Dict
from dataclasses import dataclass, field, replace

from producers.catalog import Catalog, Table
from producers.discovery import names, shape, tables
from producers.discovery.evidence import CONTESTED, Evidence
from producers.discovery.names import Match
from producers.discovery.shape import Learned, Named
from producers.discovery.tables import Choice

__all__ = ["ORDER", "Question", "by_name", "nothing_learned", "schemas", "taken", "within"]

# Those with telling contents first; PATKASSE has only ids and comes last.
ORDER = ("PATIENT", "KASSEN", "KARTEI", "LEISTUNG", "PATKASSE")
NAMED_ROLES = 3
# A tenth of the rows of others or less: that is where a copy or a leftover begins.
TELLING_PART = 10


def nothing_learned(table: str, column: str | None) -> frozenset[str]:
    """Give no names: nothing was learned yet."""
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
    parts = {name: within(question, name) for name in there}
    named = {name: _rows_by_name(part) for name, part in parts.items()}
    full = {name: [rows for rows in counts if rows] for name, counts in named.items()}
    clear = {name: sum(counts) for name, counts in full.items() if len(counts) >= NAMED_ROLES}
    least = max(clear.values(), default=0) / TELLING_PART
    fitting = {
        name
        for name, part in parts.items()
        if (rows := shape.rows_of_all(ORDER, part.catalog)) and rows >= least
    }
    found = tuple(name for name in there if name in clear or name in fitting)
    # Where nothing has rows yet, names are all there is.
    return found or tuple(name for name in there if len(named[name]) >= NAMED_ROLES)


def within(question: Question, schema: str) -> Question:
    """Give the same question about one schema alone."""
    tables = tuple(table for table in question.catalog.tables if table.schema == schema)
    return Question(Catalog(tables), question.learned, question.chosen)


def _rows_by_name(question: Question) -> list[int]:
    """Give the rows of the fullest table for each role that names and columns speak for."""
    clear = [
        [one.table.rows for one in found if _is_clear(one)] for found in _named(question).values()
    ]
    return [max(rows) for rows in clear if rows]


def _is_clear(one: Named) -> bool:
    return one.match <= Match.LEARNED and one.found >= 0.5


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


def by_name(question: Question) -> dict[str, Choice]:
    """Give the tables that names decide, or leave between rivals."""
    named = _named(question)
    habit = tables.style(named)
    choices = {
        role: _not_there(question.chosen[role])
        if role in question.chosen and not named[role]
        else tables.by_name(role, named[role], habit)
        for role in ORDER
    }
    return {
        role: choice if role in question.chosen else _doubted(role, choice, question, named)
        for role, choice in choices.items()
        if choice is not None
    }


def _doubted(
    role: str, choice: Choice, question: Question, named: Dict[str, list[Named]]
) -> Choice:
    """Give the choice, not sure where its name may be a leftover among names of another making."""
    table = choice.table
    if table is None:
        return choice
    reasons = []
    clear = [one for one, found in named.items() if any(map(_is_clear, found))]
    if len(clear) < NAMED_ROLES:
        reasons.append(f"names speak for {len(clear)} of {len(ORDER)} tables only")
    explained = {one.table.name for found in named.values() for one in found}
    own = shape.found_by_name(role, table, question.learned)
    reasons += [
        f"{other.name} has {other.rows:,} rows and columns of such names"
        for other in question.catalog.tables
        if other.name not in explained
        and other.rows >= TELLING_PART * max(1, table.rows)
        and shape.fits(role, other)
        and own - shape.found_by_name(role, other, question.learned) <= tables.SHAPE_LEAD
    ]
    reasons += [
        f"{other.name} has {other.rows:,} rows and names that say nothing"
        for other in question.catalog.tables
        if other.rows > table.rows
        and other.name not in explained
        and _says_nothing(other)
        and shape.fits(role, other)
    ]
    if not reasons:
        return choice
    return replace(
        choice,
        confidence=min(choice.confidence, CONTESTED),
        evidence=(*choice.evidence, *(Evidence(text, 0.0) for text in reasons[:3])),
    )


def _says_nothing(table: Table) -> bool:
    telling = sum(names.tells(column.name) for column in table.columns)
    return not names.tells(table.name) and 2 * telling < len(table.columns)


def _not_there(name: str) -> Choice:
    """Give the open choice for a table that a person named and that does not exist."""
    return Choice(None, Match.EXACT, 0.0, (Evidence(f"{name} is not there", 0.0),))


def taken(choices: Dict[str, Choice]) -> frozenset[tuple[str, str]]:
    """Give the tables that have a role already, or are rivals for one."""
    named = {(one.table.schema, one.table.name) for one in choices.values() if one.table}
    open_ = {(table.schema, table.name) for one in choices.values() for table, _, _ in one.rivals}
    return frozenset(named | open_)
