"""What a review page shows of a mapping: points in the domain's order, each with its state."""

from __future__ import annotations

from collections.abc import Mapping as Dict
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from chartfeed.console.mappings.course import Course
from chartfeed.console.mappings.trail import Move, said
from producers import audit, canonical, review
from producers.discovery.evidence import SURE
from producers.mapping import Rival
from producers.review import Step

if TYPE_CHECKING:
    from producers.mapping import ColumnMapping, Mapping, TableMapping
    from producers.validation import Finding

__all__ = ["Point", "Sheet", "moves", "sheet"]


@dataclass(frozen=True, slots=True)
class Point:
    """A name of the domain, and what it is at this center.

    `mark` is the one word a reviewer needs: `error`, `waits` (its table is open), `open`,
    `unsure`, `given` (answered), `left` (left open), `kept` (looked at), `optional` or `sure`.
    """

    point: str
    name: str | None
    type: str | None
    confidence: float
    evidence: tuple[str, ...]
    rivals: tuple[Rival, ...]
    required: bool
    mark: str
    live: str | None = None
    before: str | None = None
    findings: tuple[Finding, ...] = ()

    @property
    def is_table(self) -> bool:
        return "." not in self.point

    @property
    def label(self) -> str:
        return self.point.partition(".")[2] or self.point

    @property
    def is_settled(self) -> bool:
        """Tell whether nothing is left to do here."""
        return self.mark in {"given", "left", "kept", "sure"}

    @property
    def can_be_open(self) -> bool:
        return not self.is_table and self.name is not None

    @property
    def is_flag(self) -> bool:
        return self.label == "DELKZ" and self.name is not None

    def step(self) -> Step:
        """Give the point as the steps of a review have it."""
        return Step(
            self.point,
            self.name,
            self.confidence,
            self.evidence,
            self.rivals,
            required=self.required,
        )


@dataclass(frozen=True, slots=True)
class Sheet:
    """All points, a list a table; what is left to look at, and what was approved last."""

    tables: tuple[tuple[Point, ...], ...]
    left: tuple[str, ...]
    moves: tuple[Move, ...] = ()

    @property
    def points(self) -> tuple[Point, ...]:
        return tuple(point for table in self.tables for point in table)

    @property
    def settled(self) -> int:
        return sum(point.is_settled for point in self.points)

    def at(self, wanted: str | None) -> Point:
        """Give a point; of one that is not there, the first that is left, or the first."""
        points = {point.point: point for point in self.points}
        for name in (wanted, *self.left):
            if name in points and points[name].mark != "waits":
                return points[name]
        return self.points[0]


def sheet(
    mapping: Mapping,
    course: Course,
    findings: Sequence[Finding] = (),
    before: Dict[str, object] | None = None,
) -> Sheet:
    """Give what the page shows; `before` are the names that were approved last."""
    changed = {} if before is None else {one.point: one for one in moves(mapping, before)}
    errors = {finding.point for finding in findings if finding.level == "error"}
    left = course.left(mapping)
    # What the validation refused is to be looked at again.
    left += [point for point in review.failed(mapping, errors) if point not in left]

    def point(at: str, one: TableMapping | ColumnMapping, *, required: bool, waits: bool) -> Point:
        live = getattr(one, "live", None)
        flag = changed.get(f"{at}.live")
        was = changed.get(at, flag)
        return Point(
            point=at,
            name=one.name,
            type=getattr(one, "type", None),
            confidence=one.confidence,
            evidence=one.evidence,
            rivals=one.rivals,
            required=required,
            mark="waits" if waits else _mark(at, one, course, errors, required=required),
            live=said(list(live)) if live is not None else None,
            before=None if was is None else was.before,
            findings=tuple(finding for finding in findings if finding.point == at),
        )

    tables: list[tuple[Point, ...]] = []
    if mapping.schema is None:
        (step,) = review.steps(mapping)
        tables.append((_schema(step),))
    for role, wanted in canonical.TABLES.items():
        table = mapping.tables[role]
        waits = mapping.schema is None
        points = [point(role, table, required=True, waits=waits)]
        points += [
            point(
                f"{role}.{key}",
                table.columns[key],
                required=column.required,
                waits=waits or table.name is None,
            )
            for key, column in wanted.items()
        ]
        tables.append(tuple(points))
    return Sheet(tuple(tables), tuple(left), tuple(changed.values()))


def _schema(step: Step) -> Point:
    return Point(
        step.point,
        step.name,
        None,
        step.confidence,
        step.evidence,
        step.rivals,
        required=True,
        mark="open",
    )


def _mark(
    at: str,
    one: TableMapping | ColumnMapping,
    course: Course,
    errors: set[str],
    *,
    required: bool,
) -> str:
    if one.name is None:
        if required:
            return "open"
        return "left" if at in {*course.looked, *course.answers.unset} else "optional"
    if at in errors:
        return "error"
    given = {point.removesuffix(".live") for point, _ in course.answers.names}
    if at in given:
        return "given"
    if at in course.looked:
        return "kept"
    return "unsure" if one.confidence < SURE else "sure"


def moves(mapping: Mapping, before: Dict[str, object]) -> list[Move]:
    """Give what a mapping names differently than before."""
    return [
        Move(change.point, said(change.before), said(change.after))
        for change in audit.changes(before, mapping)
    ]
