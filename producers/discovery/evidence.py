"""The one rule by which evidence becomes a confidence.

Each piece of evidence has a weight: how much of the remaining doubt it removes. So pieces that
speak for a name give 1 - (1 - a)(1 - b)…; each that speaks against it multiplies by what it
leaves. The ceiling then depends on what the *name* says: however well values fit, a name that
says nothing stays below 0.9, because values alone can't tell a table from its twin.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from math import prod

from producers.discovery.names import Match

__all__ = ["CEILINGS", "CONTESTED", "SURE", "WEIGHTS", "Evidence", "combined", "of_name"]

SURE = 0.9
# The most for a name beside which there is another one that could be meant.
CONTESTED = 0.88
WEIGHTS = {
    Match.EXACT: 0.9,
    Match.SUFFIX: 0.85,
    Match.SYNONYM: 0.8,
    Match.SYNONYM_SUFFIX: 0.7,
    Match.LEARNED: 0.5,
    Match.AMBIGUOUS: 0.4,
    Match.NONE: 0.0,
}
CEILINGS = {
    Match.EXACT: 1.0,
    Match.SUFFIX: 0.98,
    Match.SYNONYM: 0.96,
    Match.SYNONYM_SUFFIX: 0.93,
    Match.LEARNED: 0.88,
    Match.AMBIGUOUS: 0.88,
    Match.NONE: 0.85,
}


@dataclass(frozen=True, slots=True)
class Evidence:
    """One reason in words; a negative weight speaks against the name."""

    text: str
    weight: float


def of_name(match: Match) -> Evidence:
    """Give what a name's match is worth."""
    return Evidence(match.words, WEIGHTS[match])


def combined(evidence: Iterable[Evidence], match: Match, *, ceiling: float = 1.0) -> float:
    """Give the confidence that the evidence amounts to, rounded to two digits."""
    pieces = list(evidence)
    doubt = prod(1 - piece.weight for piece in pieces if piece.weight > 0)
    kept = prod(1 + piece.weight for piece in pieces if piece.weight < 0)
    return round(min((1 - doubt) * kept, CEILINGS[match], ceiling), 2)
