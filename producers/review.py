"""A review as pure steps: which points to look at, in which order, and what an answer means."""

from __future__ import annotations

import difflib
from collections.abc import Collection, Sequence
from dataclasses import dataclass

from producers import canonical
from producers.catalog import Catalog
from producers.discovery.evidence import SURE
from producers.mapping import ColumnMapping, Mapping, Rival, TableMapping
from producers.shown import printable
from schemas.errors import BadInput

__all__ = ["Step", "answered", "failed", "next_step", "require_there", "steps", "still_done"]


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
    """Give all points: tables, then columns; of each open ones first, then the unsure, the sure.

    A table comes before its columns: they are another table's once it is changed, and while it
    is open, they are not asked about.
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


def _rank(step: Step) -> tuple[bool, int]:
    return ("." in step.point, _doubt(step))


def _doubt(step: Step) -> int:
    if step.name is None:
        return 0 if step.required else 1
    return 2 if step.confidence < SURE else 3


def next_step(mapping: Mapping, done: Collection[str], again: Collection[str] = ()) -> Step | None:
    """Give the next point to ask about, those of `again` even if sure; None where none is left."""
    for step in steps(mapping):
        if step.point in done:
            continue
        if step.point in again or step.name is None or step.confidence < SURE:
            return step
    return None


def still_done(done: Sequence[str], changed: str) -> list[str]:
    """Give the points that need not be asked anew after `changed` got another name."""
    if changed == "schema":
        return ["schema"]
    return [point for point in done if not point.startswith(f"{changed}.")]


def failed(mapping: Mapping, errors: Collection[str]) -> list[str]:
    """Give the points to go back to, of those that a validation found errors at."""
    return [step.point for step in steps(mapping) if step.point in errors]


def require_there(catalog: Catalog, mapping: Mapping, point: str, name: str) -> None:
    """Raise BadInput, with the nearest name, where a center has no such name at that point."""
    role, _, key = point.partition(".")
    table = catalog.table(mapping.schema, mapping.tables[role].name or "") if key else None
    if point == "schema":
        names = [one.schema for one in catalog.tables]
        there = name in names
    elif key:
        names = [column.name for column in table.columns] if table else []
        there = table is not None and table.column(name) is not None
    else:
        names = [one.name for one in catalog.tables if one.schema == mapping.schema]
        there = catalog.table(mapping.schema, name) is not None
    if not there:
        near = difflib.get_close_matches(name, names, n=1)
        also = f"; did you mean {near[0]}?" if near else ""
        raise BadInput(printable(f"{name} is not there{also}"), hint="a name as the catalog has it")


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
