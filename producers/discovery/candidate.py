"""A column that could be the one that is wanted, and how it goes into a mapping."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

from producers.catalog import Column, Table
from producers.discovery import fitness, inclusion, names
from producers.discovery.evidence import Evidence
from producers.discovery.inclusion import Link, Links
from producers.discovery.names import Match
from producers.discovery.profiles import Profile
from producers.mapping import ColumnMapping, Rival

__all__ = ["Candidate", "Context", "link_to", "mapped", "opened", "order"]

Learned = Callable[[str, str | None], frozenset[str]]


@dataclass(frozen=True, slots=True)
class Context:
    """What is known beside the table itself: its values, its links, what was learned, choices."""

    profiles: Mapping[str, Profile]
    links: Links
    parents: Mapping[str, Table]
    learned: Learned
    chosen: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Candidate:
    """A column with what speaks for it and against it."""

    column: Column
    match: Match
    evidence: tuple[Evidence, ...]
    confidence: float


def order(candidate: Candidate) -> tuple[float, int, str]:
    """Rank candidates: the surest first, then the strongest name."""
    return (-candidate.confidence, candidate.match, candidate.column.name)


def link_to(table: Table, column: Column, parent: Table) -> Link | None:
    """Give the question whether the column holds the parent's ids."""
    key = inclusion.key_of(parent)
    if key is None:
        return None
    return Link(table.schema, table.name, column.name, parent.name, key.name)


def opened(rivals: Sequence[Candidate]) -> ColumnMapping:
    """Give the open point with its rivals."""
    return ColumnMapping(
        name=None,
        evidence=(f"{len(rivals)} columns are possible",),
        rivals=tuple(
            Rival(one.column.name, one.confidence, tuple(piece.text for piece in one.evidence))
            for one in rivals
        ),
    )


def mapped(key: str, picked: Candidate, context: Context) -> ColumnMapping:
    """Give the candidate as the name of what is wanted."""
    column = picked.column
    mapping = ColumnMapping(
        name=column.name,
        type=column.described,
        confidence=picked.confidence,
        evidence=tuple(piece.text for piece in picked.evidence),
    )
    return _with_live(mapping, picked, context) if key == "DELKZ" else mapping


def _with_live(mapping: ColumnMapping, picked: Candidate, context: Context) -> ColumnMapping:
    profile = context.profiles.get(picked.column.name)
    turned = names.inverted(picked.column.name)
    if not turned and picked.match in {Match.NONE, Match.LEARNED}:
        # No name says which way it is meant: as it does not delete most of the rows.
        turned = fitness.upside_down(profile) is not None
    live = fitness.live_values(picked.column, profile, inverted=turned)
    if live is None:
        return mapping
    shown = ", ".join("NULL" if value is None else value or "blank" for value in live)
    return replace(
        mapping,
        live=live,
        confidence=min(mapping.confidence, 0.8),
        evidence=(*mapping.evidence, f"unusual flag: {shown} seems to mean not deleted"),
    )
