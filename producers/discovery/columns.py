"""Which column of a table is which: by name first, by values where names say nothing."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import replace

from producers import canonical
from producers.canonical import Kind
from producers.catalog import Column, Table
from producers.discovery import fitness, fullness, inclusion, names
from producers.discovery.candidate import Candidate, Context, link_to, mapped, opened, order
from producers.discovery.column_values import MARGIN, by_values
from producers.discovery.evidence import CONTESTED, Evidence, combined, of_name
from producers.discovery.names import Match
from producers.mapping import ColumnMapping

__all__ = ["decide", "propose"]


def propose(role: str, table: Table, style: Match, context: Context) -> dict[str, ColumnMapping]:
    """Give a column for each that is wanted of the table, or its rivals, or neither."""
    wanted = canonical.TABLES[role]
    taken: dict[str, str] = {}
    result: dict[str, ColumnMapping] = {}
    named = _claimed({key: _named(role, key, table, context) for key in wanted})
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
        doubted = picked and _doubted(role, key, picked, free, context)
        if doubted:
            result[key] = doubted
        elif picked is not None:
            if _contested(role, key, picked, table, named, context):
                picked = replace(picked, confidence=min(picked.confidence, CONTESTED))
            taken[picked.column.name] = key
            result[key] = mapped(key, picked, context)
        elif rivals:
            result[key] = opened(rivals)
    claimed = {rival.name for mapping in result.values() for rival in mapping.rivals}
    left = [key for key in wanted if key not in result]
    result |= by_values(role, left, table, {*taken, *claimed}, context)
    return {key: result[key] for key in wanted}


def _named(role: str, key: str, table: Table, context: Context) -> list[Candidate]:
    kind = canonical.TABLES[role][key].kind
    found = []
    for column in table.columns:
        match = names.column_matches(column.name, role, key, context.learned(role, key))
        if match is Match.NONE or not fitness.can_hold(kind, column):
            continue
        pieces = [of_name(match), *_value_evidence(role, key, table, column, context)]
        found.append(Candidate(column, match, tuple(pieces), combined(pieces, match)))
    return sorted(found, key=order)


def _claimed(named: Mapping[str, list[Candidate]]) -> dict[str, list[Candidate]]:
    """Give each column to what its name says most clearly, not to what it says in passing."""
    best: dict[str, Match] = {}
    for candidates in named.values():
        for one in candidates:
            best[one.column.name] = min(one.match, best.get(one.column.name, Match.NONE))
    return {
        key: [one for one in candidates if one.match == best[one.column.name]]
        for key, candidates in named.items()
    }


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
    link = parent and link_to(table, column, parent)
    if link:
        found = inclusion.evidence(link, context.links.get(link))
        pieces += [found] if found else []
    return pieces


def _habit(named: Mapping[str, Sequence[Candidate]], style: Match) -> Match:
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
    candidates: Sequence[Candidate], habit: Match
) -> tuple[Candidate | None, Sequence[Candidate]]:
    if not candidates:
        return None, ()
    winner = decide([one.match for one in candidates], habit)
    if winner is None:
        return None, [one for one in candidates if one.match <= Match.SYNONYM_SUFFIX]
    group = [one for one in candidates if one.match is winner]
    return (group[0], ()) if len(group) == 1 else (None, group)


def _fuller(
    role: str, key: str, picked: Candidate, named: Sequence[Candidate], context: Context
) -> list[Candidate]:
    """Give the columns named for the same whose values there are, or fit, where its own don't."""
    kind = canonical.TABLES[role][key].kind
    own = context.profiles.get(picked.column.name)
    if own is None or key == "ID":
        return []
    if kind is Kind.FLAG and fullness.filled(own):
        # NULL is the usual "not deleted": a flag with few values is none that is left over.
        return []
    seen = fitness.score(kind, picked.column, own, key)
    unfit = seen is not None and seen.weight <= 0
    found = []
    for one in named:
        other = context.profiles.get(one.column.name)
        if one is picked or other is None or fullness.sparse(other):
            continue
        fit = fitness.score(kind, one.column, other, key)
        if fit is not None and fit.weight <= 0:
            continue
        if fullness.far_fuller(fullness.filled(other), fullness.filled(own)) or (unfit and fit):
            found.append(one)
    return found


def _doubted(
    role: str, key: str, picked: Candidate, named: Sequence[Candidate], context: Context
) -> ColumnMapping | None:
    """Give the open point where what is in the column speaks against its name."""
    if fuller := _fuller(role, key, picked, named, context):
        return opened(sorted([picked, *fuller], key=order))
    if reason := _upside_down(key, picked, context):
        return replace(opened([picked]), evidence=(reason.text,))
    return None


def _upside_down(key: str, picked: Candidate, context: Context) -> Evidence | None:
    """Say so where a flag, read as its name says, would delete most rows: nothing is sure then."""
    named = picked.match not in {Match.NONE, Match.LEARNED}
    if key != "DELKZ" or not named or names.inverted(picked.column.name):
        return None
    return fitness.upside_down(context.profiles.get(picked.column.name))


def _contested(  # noqa: PLR0917 - all that a column is seen beside
    role: str,
    key: str,
    picked: Candidate,
    table: Table,
    named: Mapping[str, Sequence[Candidate]],
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


def _as_chosen(role: str, key: str, table: Table, context: Context) -> ColumnMapping:
    column = table.column(context.chosen[key])
    if column is None:
        return ColumnMapping(name=None, evidence=(f"{context.chosen[key]} is not there",))
    pieces = [Evidence("chosen by the reviewer", 1.0)]
    pieces += _value_evidence(role, key, table, column, context)
    match = names.column_matches(column.name, role, key, context.learned(role, key))
    mapping = mapped(key, Candidate(column, match, tuple(pieces), 1.0), context)
    return replace(mapping, confidence=1.0)
