"""Which column is which where names say nothing: by values and links, surest first."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from producers import canonical
from producers.canonical import Kind
from producers.catalog import Column, Table
from producers.discovery import fitness, inclusion
from producers.discovery.candidate import Candidate, Context, link_to, mapped, opened, order
from producers.discovery.evidence import Evidence, combined
from producers.discovery.names import Match
from producers.mapping import ColumnMapping

__all__ = ["MARGIN", "by_values"]

MARGIN = 0.15
LEAST = 0.4
HALF_A_LINK = 0.2
TURNED = -0.1


def by_values(
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
            result[key] = mapped(key, best[0], context)
        else:
            near = [one for one in best if best[0].confidence - one.confidence < MARGIN]
            result[key] = opened(near)
    return result


def _lead(ranked: Sequence[Candidate]) -> float:
    if not ranked:
        return -1.0
    return ranked[0].confidence - (ranked[1].confidence if len(ranked) > 1 else 0.0)


def _scored(role: str, key: str, table: Table, used: set[str], context: Context) -> list[Candidate]:
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
            found.append(Candidate(column, Match.NONE, tuple(pieces), confidence))
    return sorted(found, key=order)


def _values_alone(
    role: str, key: str, table: Table, column: Column, context: Context
) -> list[Evidence]:
    wanted = canonical.TABLES[role][key]
    if key == "ID":
        return [Evidence("only column of the primary key", 0.75)]
    profile = context.profiles.get(column.name)
    if wanted.kind is not Kind.ID:
        seen = fitness.score(wanted.kind, column, profile, key)
        if wanted.kind is not Kind.FLAG or not seen or seen.weight <= 0:
            return [seen] if seen else []
        turned = fitness.upside_down(profile)
        # It may say the opposite: hardly less possible than a flag that is read in the usual way.
        return [seen, replace(turned, weight=TURNED)] if turned else [seen]
    parent = context.parents.get(wanted.refers_to or "")
    link = parent and link_to(table, column, parent)
    found = context.links.get(link) if link else None
    if not (parent and link and found and profile) or profile.dates > 0.9:
        return []
    piece = inclusion.evidence(link, found, alike=inclusion.alike(table, column.name, parent))
    spread = inclusion.coverage(profile, parent, many=wanted.refers_to == "PATIENT")
    return [piece, spread] if piece and piece.weight >= HALF_A_LINK else []
