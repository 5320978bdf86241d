"""A review as pure steps: which points to look at, in which order, and what an answer means."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from producers import canonical
from producers.discovery.evidence import SURE
from producers.mapping import ColumnMapping, Mapping, Rival, TableMapping
from schemas.errors import BadInput

__all__ = ["Step", "answered", "next_step", "steps"]


@dataclass(frozen=True, slots=True)
class Step:
    """A point for the reviewer: what is proposed or possible, and why."""

    point: str
    name: str | None
    confidence: float
    evidence: tuple[str, ...]
    rivals: tuple[Rival, ...] = ()
    required: bool = True


def _step(point: str, one: TableMapping | ColumnMapping, *, required: bool = True) -> Step:
    return Step(point, one.name, one.confidence, one.evidence, one.rivals, required)


def steps(mapping: Mapping) -> list[Step]:
    """Give all points, open ones first, then those that are not sure, then the sure ones.

    A table comes before its columns: while it is open, they are not asked about.
    """
    found: list[Step] = []
    if mapping.schema is None:
        rivals = tuple(Rival(name, 0.5) for name in mapping.schema_rivals)
        return [Step("schema", None, 0.0, ("the tables' schema is open",), rivals)]
    for role, wanted in canonical.TABLES.items():
        table = mapping.tables[role]
        found.append(_step(role, table))
        if table.name is None:
            continue
        found += [
            _step(f"{role}.{key}", table.columns[key], required=column.required)
            for key, column in wanted.items()
        ]
    return sorted(found, key=_rank)


def _rank(step: Step) -> int:
    if step.name is None:
        return 0 if step.required else 1
    return 2 if step.confidence < SURE else 3


def next_step(mapping: Mapping, done: Sequence[str]) -> Step | None:
    """Give the next point to ask about, None where the rest is sure."""
    for step in steps(mapping):
        if step.point not in done and (step.name is None or step.confidence < SURE):
            return step
    return None


def answered(step: Step, answer: str) -> str | None:
    """Give the name that an answer means: a rival's number, a name typed, None to keep.

    An empty answer keeps what is proposed, or leaves the point open.
    """
    text = answer.strip()
    if not text:
        return None
    if text.isdecimal() and step.rivals:
        number = int(text)
        if not 1 <= number <= len(step.rivals):
            raise BadInput(
                f"there is no rival {number}", hint=f"1 to {len(step.rivals)}, or a name"
            )
        return step.rivals[number - 1].name
    return text
