"""The review of one center: where it has come to, and what the page shows of it."""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from http import HTTPStatus
from typing import TYPE_CHECKING, Final
from urllib.parse import urlencode

from starlette.exceptions import HTTPException

from chartfeed import approvals, mappings
from chartfeed.console.german.sentences import told
from chartfeed.console.mappings import page as mappings_page
from chartfeed.console.mappings import trail as mappings_trail
from chartfeed.console.mappings.course import START, Course
from chartfeed.console.roles import REVIEWER
from producers import audit, mapping_file, review
from producers.errors import MappingDamaged
from producers.shown import printable
from schemas.errors import ChartfeedError

if TYPE_CHECKING:
    from starlette.responses import Response

    from chartfeed.console.mappings.desk import Checked, Desk
    from chartfeed.console.mappings.page import Point, Sheet
    from chartfeed.console.visit import Visit
    from chartfeed.settings import Center
    from producers.mapping import Mapping

__all__ = ["Reviews", "Standing", "center_of"]

# So long after their last look at a center somebody counts as being there.
THERE_SECONDS: Final = 180.0


@dataclass(frozen=True, slots=True)
class Standing:
    """A review at one moment; `problem` is why the center could not be asked."""

    center: Center
    seen: str
    course: Course
    mapping: Mapping
    checked: Checked | None = None
    problem: ChartfeedError | None = None

    @property
    def query(self) -> str:
        """Give the review's place as the part of an address."""
        return urlencode([("a", text) for text in self.course.texts()])


class Reviews:
    """The pages of reviews, and who is at which."""

    def __init__(self, desk: Desk, clock: Callable[[], float] = time.monotonic) -> None:
        self.desk = desk
        self._clock = clock
        self._there: defaultdict[str, dict[str, float]] = defaultdict(dict)

    def page(self, visit: Visit) -> Response:
        """Show a center's mapping; for a reviewer with all that a review needs."""
        center = center_of(visit)
        if not visit.user.may(REVIEWER):
            return self.show(visit, center, START)
        course, at, problem = START, None, None
        try:
            course, at = _moved(visit.request.query_params.multi_items())
            course = self._typed(visit, center, course)
        except ChartfeedError as error:
            problem = error.message
        return self.show(visit, center, course, at=visit.query.get("choose", at), problem=problem)

    def show(
        self,
        visit: Visit,
        center: Center,
        course: Course,
        *,
        at: str | None = None,
        problem: str | None = None,
        status: int = HTTPStatus.OK,
    ) -> Response:
        """Show a review as far as its course has come, with a problem above it."""
        settings, is_reviewer = visit.console.settings, visit.user.may(REVIEWER)
        if not mapping_file.path_of(settings.mappings, center.id).exists():
            return visit.render("mappings_none.html", status, center=center, problem=problem)
        try:
            standing = self._standing(visit, center, course)
            before = audit.of_center(settings.mappings, center.id).approved
            trail = mappings_trail.of(settings.mappings, center.id)
            problem_of_approval = mappings.approval_problem(settings, center)
        except MappingDamaged as error:
            return visit.render(
                "mappings_none.html", status, center=center, problem=problem, damaged=error
            )
        sheet = mappings_page.sheet(
            standing.mapping,
            course,
            standing.checked.findings if standing.checked else (),
            None if before is None else before.names,
        )
        is_whole = not visit.is_fragment or "hx-history-restore-request" in visit.request.headers
        here_at = _here(sheet, at, visit.query.get("accept"))
        response = visit.render(
            "mappings_review.html" if is_whole else "mappings_part.html",
            status,
            center=center,
            standing=standing,
            sheet=sheet,
            here_at=here_at,
            problem=problem,
            approval_problem=problem_of_approval,
            trail=trail,
            is_reviewer=is_reviewer,
            others=self._others(visit, center) if is_reviewer else [],
            words=lambda text: printable(told(text, visit.language.code)),
        )
        if not is_whole and "check" not in visit.query:
            response.headers["HX-Push-Url"] = _address(standing, here_at.point)
        return response

    def samples(self, visit: Visit) -> Response:
        """Show what the columns hold that a point could be."""
        center = center_of(visit)
        course, at = _moved(visit.request.query_params.multi_items())
        problem, found = None, []
        try:
            standing = self._standing(visit, center, course)
            point = mappings_page.sheet(standing.mapping, course).at(at)
            found = self.desk.examples(
                visit.console.settings, center, standing.mapping, point.step()
            )
        except ChartfeedError as error:
            problem = error.message
        return visit.render("mappings_samples.html", examples=found, problem=problem)

    def names(self, visit: Visit) -> Response:
        """Show the names that a center has for a point, to choose another one."""
        center = center_of(visit)
        course, at = _moved(visit.request.query_params.multi_items())
        found: list[str] = []
        try:
            standing = self._standing(visit, center, course)
            catalog = self.desk.catalog(visit.console.settings, center)
        except ChartfeedError:
            return visit.render("mappings_names.html", names=found)
        role, _, key = (at or "").partition(".")
        schema, table = standing.mapping.schema, standing.mapping.tables.get(role)
        if at == "schema":
            found = sorted({one.schema for one in catalog.tables})
        elif table is not None and not key:
            found = sorted(one.name for one in catalog.tables if one.schema == schema)
        elif table is not None and table.name is not None:
            there = catalog.table(schema, table.name)
            found = [column.name for column in there.columns] if there else []
        return visit.render("mappings_names.html", names=found)

    def _standing(self, visit: Visit, center: Center, course: Course) -> Standing:
        settings = visit.console.settings
        seen = approvals.version(settings, center)
        standing = Standing(center, seen, course, mappings.load(settings, center))
        if not visit.user.may(REVIEWER):
            return standing
        try:
            mapping = self.desk.mapping(settings, center, seen, course.answers)
            standing = replace(standing, mapping=mapping)
            if "check" in visit.query:
                if visit.query["check"] == "again":
                    self.desk.forget(center)
                self.desk.checked(settings, center, seen, course.answers)
        except MappingDamaged:
            raise
        except ChartfeedError as error:
            return replace(standing, problem=error)
        return replace(standing, checked=self.desk.known(center, seen, course.answers))

    def _typed(self, visit: Visit, center: Center, course: Course) -> Course:
        """Give the course with a name that was typed, or say why it can't be meant."""
        point, name = visit.query.get("choose"), visit.query.get("name", "").strip()
        if not point or not name:
            return course
        settings = visit.console.settings
        seen = approvals.version(settings, center)
        mapping = self.desk.mapping(settings, center, seen, course.answers)
        after = course.after(f"{point}={name}")
        review.require_there(self.desk.catalog(settings, center), mapping, point, name)
        return after

    def _others(self, visit: Visit, center: Center) -> list[str]:
        """Note that somebody is at a center, and give who else was there a moment ago."""
        there, now = self._there[center.id], self._clock()
        there[visit.user.name] = now
        return sorted(
            name
            for name, at in there.items()
            if name != visit.user.name and now - at < THERE_SECONDS
        )


def center_of(visit: Visit) -> Center:
    """Give the center that the path names, or a page that says there is none."""
    wanted = visit.path["center"]
    for center in visit.console.settings.centers:
        if center.id == wanted:
            return center
    raise HTTPException(HTTPStatus.NOT_FOUND)


def _moved(fields: Iterable[tuple[str, str]]) -> tuple[Course, str | None]:
    """Give where a review has come to, and the point looked at, from an address's fields."""
    given: dict[str, str] = {}
    course = START
    for name, value in fields:
        if name == "a":
            course = course.after(value)
        else:
            given[name] = value
    at = given.get("at")
    if "accept" in given:
        course, at = course.after(given["accept"]), given["accept"]
    if "flag" in given:
        course = course.after(f"{given['flag']}.live={given.get('live', '').strip() or 'usual'}")
    return course, at


def _here(sheet: Sheet, at: str | None, accepted: str | None) -> Point:
    """Give the point to show: after one was accepted, the next that is left."""
    if accepted is not None:
        after = [point.point for point in sheet.points]
        start = after.index(accepted) if accepted in after else 0
        left = [point for point in after[start:] + after[:start] if point in sheet.left]
        return sheet.at(left[0] if left else accepted)
    return sheet.at(at)


def _address(standing: Standing, at: str) -> str:
    fields = [("a", text) for text in standing.course.texts()]
    return f"/mappings/{standing.center.id}?{urlencode([*fields, ('at', at)])}"
