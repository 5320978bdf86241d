"""Which column of a table is which: by name first, by values where names say nothing."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

from producers import canonical
from producers.canonical import Kind
from producers.catalog import Column, Table
from producers.discovery import fitness, inclusion, names
from producers.discovery.evidence import CONTESTED, Evidence, combined, of_name
from producers.discovery.inclusion import Link, Links
from producers.discovery.names import Match
from producers.discovery.profiles import Profile
from producers.mapping import ColumnMapping, Rival

__all__ = ["Context", "propose"]

Learned = Callable[[str, str | None], frozenset[str]]
MARGIN = 0.15
LEAST = 0.4
HALF_A_LINK = 0.2


@dataclass(frozen=True, slots=True)
class Context:
    """What is known beside the table itself: its values, its links, what was learned, choices."""

    profiles: Mapping[str, Profile]
    links: Links
    parents: Mapping[str, Table]
    learned: Learned
    chosen: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class _Candidate:
    column: Column
    match: Match
    evidence: tuple[Evidence, ...]
    confidence: float


def propose(role: str, table: Table, style: Match, context: Context) -> dict[str, ColumnMapping]:
    """Give a column for each that is wanted of the table, or its rivals, or neither."""
    wanted = canonical.TABLES[role]
    taken: dict[str, str] = {}
    result: dict[str, ColumnMapping] = {}
    named = {key: _named(role, key, table, context) for key in wanted}
    habit = _habit(named, style)
    for key in wanted:
        if key in context.chosen:
            result[key] = _as_chosen(role, key, table, context)
            if result[key].name is not None:
                taken[str(result[key].name)] = key
    for key in wanted:
        if key in result:
            continue
        free = [one for one in named[key] if one.column.name not in taken]
        picked, rivals = _decide(free, habit)
        if picked is not None:
            if _contested(role, key, picked, table, named, context):
                picked = replace(picked, confidence=min(picked.confidence, CONTESTED))
            taken[picked.column.name] = key
            result[key] = _column(key, picked, context)
        elif rivals:
            result[key] = _open(rivals)
    claimed = {rival.name for mapping in result.values() for rival in mapping.rivals}
    left = [key for key in wanted if key not in result]
    result |= _by_values(role, left, table, {*taken, *claimed}, context)
    return {key: result[key] for key in wanted}


def _named(role: str, key: str, table: Table, context: Context) -> list[_Candidate]:
    kind = canonical.TABLES[role][key].kind
    found = []
    for column in table.columns:
        match = names.column_matches(column.name, role, key, context.learned(role, key))
        if match is Match.NONE or not fitness.can_hold(kind, column):
            continue
        pieces = [of_name(match), *_value_evidence(role, key, table, column, context)]
        found.append(_Candidate(column, match, tuple(pieces), combined(pieces, match)))
    return sorted(found, key=_order)


def _order(candidate: _Candidate) -> tuple[float, int, str]:
    return (-candidate.confidence, candidate.match, candidate.column.name)


def _value_evidence(
    role: str, key: str, table: Table, column: Column, context: Context
) -> list[Evidence]:
    wanted = canonical.TABLES[role][key]
    pieces = [Evidence(f"type {column.described} fits", 0.2)]
    if key == "ID":
        if table.primary_key == (column.name,):
            pieces.append(Evidence("only column of the primary key", 0.75))
        elif table.primary_key:
            pieces.append(Evidence("not the only column of the primary key", -0.5))
    seen = fitness.evidence(wanted.kind, column, context.profiles.get(column.name), key)
    if seen is not None:
        pieces.append(seen)
    if wanted.kind is Kind.FLAG and not names.inverted(column.name):
        reversed_ = fitness.upside_down(context.profiles.get(column.name))
        pieces += [reversed_] if reversed_ else []
    parent = context.parents.get(wanted.refers_to or "")
    link = parent and _link(table, column, parent)
    if link:
        found = inclusion.evidence(link, context.links.get(link))
        pieces += [found] if found else []
    return pieces


def _link(table: Table, column: Column, parent: Table) -> Link | None:
    key = inclusion.key_of(parent)
    if key is None:
        return None
    return Link(table.schema, table.name, column.name, parent.name, key.name)


def _habit(named: Mapping[str, Sequence[_Candidate]], style: Match) -> Match:
    """Give how this table's columns are named; ID and DELKZ keep their names everywhere."""
    classes = Counter(
        min(one.match for one in candidates)
        for key, candidates in named.items()
        if candidates and key not in {"ID", "DELKZ"}
    )
    if not classes:
        return style
    return max(classes, key=lambda match: (classes[match], match is style, -match))


def decide(classes: Sequence[Match], habit: Match) -> Match | None:
    """Give the class of names that wins, None where none does: rivals stay rivals.

    The strongest class wins when it is how names are made here, or when no other name that
    means something is there.
    """
    best = min(classes)
    strong = {match for match in classes if match <= Match.SYNONYM_SUFFIX}
    if best is habit or strong <= {best}:
        return best
    return None


def _decide(
    candidates: Sequence[_Candidate], habit: Match
) -> tuple[_Candidate | None, Sequence[_Candidate]]:
    if not candidates:
        return None, ()
    winner = decide([one.match for one in candidates], habit)
    if winner is None:
        return None, [one for one in candidates if one.match <= Match.SYNONYM_SUFFIX]
    group = [one for one in candidates if one.match is winner]
    return (group[0], ()) if len(group) == 1 else (None, group)


def _contested(  # noqa: PLR0917 - all that a column is seen beside
    role: str,
    key: str,
    picked: _Candidate,
    table: Table,
    named: Mapping[str, Sequence[_Candidate]],
    context: Context,
) -> bool:
    """Tell whether another column could be meant where the name is a synonym only.

    That is one with a weaker name for the same, or one that no name explains and whose values
    fit as well.
    """
    if picked.match <= Match.SUFFIX or key == "ID":
        return False
    if any(one.column.name != picked.column.name for one in named[key]):
        return True
    kind = canonical.TABLES[role][key].kind
    if kind not in {Kind.DATE, Kind.TEXT, Kind.CODE, Kind.ART}:
        return False
    own = fitness.score(kind, picked.column, context.profiles.get(picked.column.name), key)
    if own is None or own.weight <= 0:
        return False
    explained = {one.column.name for candidates in named.values() for one in candidates}
    return any(
        (seen := fitness.score(kind, column, context.profiles.get(column.name), key)) is not None
        and seen.weight >= own.weight - MARGIN
        for column in table.columns
        if column.name not in explained and fitness.can_hold(kind, column)
    )


def _open(rivals: Sequence[_Candidate]) -> ColumnMapping:
    return ColumnMapping(
        name=None,
        evidence=(f"{len(rivals)} columns are possible",),
        rivals=tuple(
            Rival(one.column.name, one.confidence, tuple(piece.text for piece in one.evidence))
            for one in rivals
        ),
    )


def _column(key: str, picked: _Candidate, context: Context) -> ColumnMapping:
    column = picked.column
    mapping = ColumnMapping(
        name=column.name,
        type=column.described,
        confidence=picked.confidence,
        evidence=tuple(piece.text for piece in picked.evidence),
    )
    return _with_live(mapping, column, context) if key == "DELKZ" else mapping


def _with_live(mapping: ColumnMapping, column: Column, context: Context) -> ColumnMapping:
    upside = names.inverted(column.name)
    live = fitness.live_values(column, context.profiles.get(column.name), inverted=upside)
    if live is None:
        return mapping
    shown = ", ".join("NULL" if value is None else value or "blank" for value in live)
    return replace(
        mapping,
        live=live,
        confidence=min(mapping.confidence, 0.8),
        evidence=(*mapping.evidence, f"unusual flag: {shown} seems to mean not deleted"),
    )


def _as_chosen(role: str, key: str, table: Table, context: Context) -> ColumnMapping:
    column = table.column(context.chosen[key])
    if column is None:
        return ColumnMapping(name=None, evidence=(f"{context.chosen[key]} is not there",))
    pieces = [Evidence("chosen by the reviewer", 1.0)]
    pieces += _value_evidence(role, key, table, column, context)
    mapping = _column(key, _Candidate(column, Match.EXACT, tuple(pieces), 1.0), context)
    return replace(mapping, confidence=1.0)


def _by_values(
    role: str, keys: Sequence[str], table: Table, taken: set[str], context: Context
) -> dict[str, ColumnMapping]:
    """Fill what names left open, surest first, each column once."""
    result: dict[str, ColumnMapping] = {}
    used = set(taken)
    open_keys = list(keys)
    while open_keys:
        ranked = {key: _scored(role, key, table, used, context) for key in open_keys}
        key = max(open_keys, key=lambda one: (_lead(ranked[one]), -open_keys.index(one)))
        best = ranked[key]
        open_keys.remove(key)
        if not best:
            result[key] = ColumnMapping(name=None, evidence=("no column like it was found",))
        elif _lead(best) >= MARGIN:
            used.add(best[0].column.name)
            result[key] = _column(key, best[0], context)
        else:
            near = [one for one in best if best[0].confidence - one.confidence < MARGIN]
            result[key] = _open(near)
    return result


def _lead(ranked: Sequence[_Candidate]) -> float:
    if not ranked:
        return -1.0
    return ranked[0].confidence - (ranked[1].confidence if len(ranked) > 1 else 0.0)


def _scored(
    role: str, key: str, table: Table, used: set[str], context: Context
) -> list[_Candidate]:
    wanted = canonical.TABLES[role][key]
    found = []
    for column in table.columns:
        if column.name in used or not fitness.can_hold(wanted.kind, column):
            continue
        is_key = table.primary_key == (column.name,)
        if is_key != (key == "ID"):
            continue
        pieces = _values_alone(role, key, table, column, context)
        confidence = combined(pieces, Match.NONE)
        if confidence >= LEAST:
            found.append(_Candidate(column, Match.NONE, tuple(pieces), confidence))
    return sorted(found, key=_order)


def _values_alone(
    role: str, key: str, table: Table, column: Column, context: Context
) -> list[Evidence]:
    wanted = canonical.TABLES[role][key]
    if key == "ID":
        return [Evidence("only column of the primary key", 0.75)]
    profile = context.profiles.get(column.name)
    if wanted.kind is not Kind.ID:
        seen = fitness.score(wanted.kind, column, profile, key)
        return [seen] if seen else []
    parent = context.parents.get(wanted.refers_to or "")
    link = parent and _link(table, column, parent)
    found = context.links.get(link) if link else None
    if not (parent and link and found and profile) or profile.dates > 0.9:
        return []
    piece = inclusion.evidence(link, found, alike=inclusion.alike(table, column.name, parent))
    spread = inclusion.coverage(profile, parent, many=wanted.refers_to == "PATIENT")
    return [piece, spread] if piece and piece.weight >= HALF_A_LINK else []
