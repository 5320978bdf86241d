"""Which table is which: by name first, by what it holds where names say nothing."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from producers import canonical
from producers.canonical import Kind
from producers.catalog import Catalog, Table
from producers.discovery import columns, fitness, inclusion, shape
from producers.discovery.evidence import CONTESTED, Evidence, combined, of_name
from producers.discovery.fullness import far_fuller
from producers.discovery.inclusion import Link, Links
from producers.discovery.names import Match
from producers.discovery.profiles import Profile
from producers.discovery.shape import Named

__all__ = ["Choice", "Profiles", "Values", "by_name", "by_values", "style"]

Profiles = Mapping[tuple[str, str], Mapping[str, Profile]]
LEAST = 0.35
NAMED = 0.5
NEAR = 0.15
SHAPE_LEAD = 0.5
FEWEST_ROWS = 10
# A table that names less than two thirds of the patients is no second chart of the practice.
FURTHER = 1.5


@dataclass(frozen=True, slots=True)
class Choice:
    """A role's table, or the rivals for it, each with its evidence; both empty: nothing found."""

    table: Table | None
    match: Match
    confidence: float
    evidence: tuple[Evidence, ...]
    rivals: tuple[tuple[Table, float, tuple[Evidence, ...]], ...] = ()


@dataclass(frozen=True, slots=True)
class Values:
    """What was read of a center's values: profiles of samples, links, and the parents known."""

    profiles: Profiles
    links: Links
    parents: Mapping[str, Table]


def style(named: Mapping[str, Sequence[Named]]) -> Match:
    """Give how tables are named here: the class that most roles have, at least three of them."""
    classes = Counter(min(one.match for one in found) for found in named.values() if found)
    if not classes:
        return Match.NONE
    match, count = min(classes.items(), key=lambda item: (-item[1], item[0]))
    return match if count >= 3 else Match.NONE


def by_name(role: str, found: Sequence[Named], habit: Match) -> Choice | None:
    """Choose among the tables that names speak for; None where there are none."""
    if not found:
        return None
    winner = columns.decide([one.match for one in found], habit)
    if winner is None:
        return _rivals(role, [one for one in found if one.match <= Match.SYNONYM_SUFFIX])
    group = [one for one in found if one.match is winner]
    best = max(one.found for one in group)
    close = [one for one in group if best - one.found < SHAPE_LEAD]
    if len(close) > 1:
        return _rivals(role, close)
    only = close[0]
    pieces = _named_evidence(role, only)
    if only.match > Match.SUFFIX and only.found < SHAPE_LEAD:
        # Another word for it, and nothing inside that bears the word out.
        return None
    others = [one for one in found if one is not only]
    alike = [one for one in others if only.found - one.found < SHAPE_LEAD]
    leaders = [one for one in alike if far_fuller(one.table.rows, only.table.rows)]
    if leaders:
        return _rivals(role, [only, *leaders])
    contested = (
        len(group) > 1
        or (only.match > Match.SUFFIX and bool(alike))
        or any(one.table.rows > only.table.rows for one in others)
    )
    # A table with hardly a row bears nothing out, whatever its name.
    ceiling = CONTESTED if contested or only.table.rows < FEWEST_ROWS else 1.0
    confidence = combined(pieces, only.match, ceiling=ceiling)
    return Choice(only.table, only.match, confidence, tuple(pieces))


def _rows(table: Table) -> Evidence:
    return Evidence(f"{table.rows:,} rows", 0.0)


def _named_evidence(role: str, one: Named) -> list[Evidence]:
    telling = len([key for key in canonical.TABLES[role] if key not in {"ID", "DELKZ"}])
    hits = round(one.found * telling)
    text = f"{hits} of {telling} telling columns found by name"
    return [of_name(one.match), Evidence(text, 0.7 * one.found), _rows(one.table)]


def _rivals(role: str, found: Sequence[Named]) -> Choice:
    ranked = []
    for one in found:
        pieces = tuple(_named_evidence(role, one))
        ranked.append((one.table, combined(pieces, one.match), pieces))
    return _open(ranked, min(one.match for one in found))


def _open(ranked: Sequence[tuple[Table, float, tuple[Evidence, ...]]], match: Match) -> Choice:
    order = sorted(ranked, key=lambda one: (-one[1], -one[0].rows, one[0].schema, one[0].name))
    return Choice(
        None, match, 0.0, (Evidence(f"{len(order)} tables are possible", 0.0),), tuple(order)
    )


def by_values(
    role: str, catalog: Catalog, values: Values, taken: frozenset[tuple[str, str]]
) -> Choice | None:
    """Choose among tables that names say nothing about: by values, links and numbers of rows."""
    scored = []
    for table in catalog.tables:
        place = (table.schema, table.name)
        if place in taken or place not in values.profiles or not shape.fits(role, table):
            continue
        pieces = scored_by_values(role, table, values)
        if pieces is not None:
            scored.append((table, combined(pieces, Match.NONE), (*pieces, _rows(table))))
    scored = [one for one in scored if one[1] >= LEAST]
    if not scored:
        return None
    scored.sort(key=lambda one: (-one[1], -one[0].rows, one[0].schema, one[0].name))
    near = [one for one in scored if scored[0][1] - one[1] < NEAR]
    if scored[0][1] < NAMED:
        return _open(near, Match.NONE)
    # A copy has fewer rows, or more, or a column more: rows alone rule nothing out.
    near.sort(key=lambda one: -_patients(role, one[0], values))
    best, score, why = near[0]
    reached = _patients(role, best, values)
    rivals = [
        one
        for one in scored
        if one[0] is not best
        and (
            _same_shape(one[0], best)
            or (one in near and reached < FURTHER * max(1, _patients(role, one[0], values)))
        )
    ]
    if rivals:
        return _open([near[0], *rivals], Match.NONE)
    if len(near) > 1:
        next_ = _patients(role, near[1][0], values)
        text = f"{reached:,} different patients sampled, of the next one like it {next_:,}"
        why = (*why, Evidence(text, 0.3))
        score = combined(why, Match.NONE)
    return Choice(best, Match.NONE, score, why)


def _patients(role: str, table: Table, values: Values) -> int:
    """Give how many different patients a table's sample names, 0 where the role names none."""
    if all(wanted.refers_to != "PATIENT" for wanted in canonical.TABLES[role].values()):
        return 0
    seen = values.profiles[table.schema, table.name]
    return max(
        (
            seen[column.name].distinct
            for column in table.columns
            if column.name in seen and link_evidence(table, column.name, values, "PATIENT")
        ),
        default=0,
    )


def _same_shape(one: Table, other: Table) -> bool:
    return _shape(one) == _shape(other)


def _shape(table: Table) -> list[str]:
    return sorted(column.family for column in table.columns)


def scored_by_values(role: str, table: Table, values: Values) -> list[Evidence] | None:
    """Give what a table's columns say for a role, None where one that is needed says nothing."""
    profiles = values.profiles[table.schema, table.name]
    pieces: list[Evidence] = []
    used: set[str] = set()
    for key, wanted in canonical.TABLES[role].items():
        if key == "ID" or wanted.kind is Kind.FLAG:
            continue
        best: tuple[float, str, Evidence] | None = None
        for column in table.columns:
            fresh = column.name not in used and column.name not in table.primary_key
            if not fresh or not fitness.can_hold(wanted.kind, column):
                continue
            piece = (
                link_evidence(table, column.name, values, wanted.refers_to)
                if wanted.refers_to
                else fitness.score(wanted.kind, column, profiles.get(column.name), key)
            )
            if piece and (best is None or piece.weight > best[0]):
                best = (piece.weight, column.name, piece)
        if best is None or best[0] < 0.1:
            if wanted.required or wanted.kind is Kind.PERSON:
                return None
            continue
        used.add(best[1])
        pieces.append(Evidence(f"{key}: {best[2].text}", best[0]))
    # Few columns must each say more, so that roles with two and with three compare.
    return [Evidence(piece.text, piece.weight * 1.3 / max(2, len(pieces))) for piece in pieces]


def link_evidence(table: Table, column: str, values: Values, refers_to: str) -> Evidence | None:
    """Say how well a column refers to the parent: values found there, and how many different."""
    parent = values.parents.get(refers_to)
    if parent is None or len(parent.primary_key) != 1:
        return None
    profile = values.profiles[table.schema, table.name].get(column)
    link = Link(table.schema, table.name, column, parent.name, parent.primary_key[0])
    found = values.links.get(link)
    piece = inclusion.evidence(link, found, alike=inclusion.alike(table, column, parent))
    if piece is None or profile is None or piece.weight <= 0 or profile.dates > 0.9:
        return None
    spread = inclusion.coverage(profile, parent, many=refers_to == "PATIENT")
    return Evidence(f"{piece.text}, {spread.text}", piece.weight * (0.1 + 1.2 * spread.weight))
