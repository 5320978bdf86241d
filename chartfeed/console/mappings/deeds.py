"""What a reviewer does: approve, revoke, have names proposed anew. Each once, and told clearly."""

from __future__ import annotations

from datetime import UTC, datetime
from http import HTTPStatus
from typing import TYPE_CHECKING

import structlog

from chartfeed import approvals, mappings
from chartfeed.approvals import Changed
from chartfeed.console.mappings import course as mappings_course
from chartfeed.console.mappings.review import center_of
from producers.errors import Unapproved
from schemas.errors import BadInput, ChartfeedError

if TYPE_CHECKING:
    from starlette.responses import Response

    from chartfeed.console.mappings.course import Course
    from chartfeed.console.mappings.review import Reviews
    from chartfeed.console.visit import Visit
    from chartfeed.settings import Center

__all__ = ["Deeds"]

log = structlog.get_logger("chartfeed.console")


class Deeds:
    """The forms of a review; what is refused shows the review again, with all answers."""

    def __init__(self, reviews: Reviews) -> None:
        self._reviews = reviews

    def approve(self, visit: Visit) -> Response:
        """Examine everything once more, as it is now, and seal it in the reviewer's name."""
        center = center_of(visit)
        course = mappings_course.of(str(text) for text in visit.form.getlist("a"))
        self._reviews.desk.forget(center)
        try:
            said = self._approved(visit, center, course)
        except Changed as error:
            return self._again(visit, center, course, _changed(visit, error))
        except ChartfeedError as error:
            return self._again(visit, center, course, error.message)
        if said is not None:
            return self._again(visit, center, course, visit.t(said))
        log.info("mapping approved", center=center.id, reviewer=visit.user.name)
        return visit.redirect(
            f"/mappings/{center.id}", "mappings.approved", center=center.id, name=visit.user.name
        )

    def _approved(self, visit: Visit, center: Center, course: Course) -> str | None:
        """Give None where it is approved now, else the key of the reason why not."""
        settings, seen = visit.console.settings, visit.text("seen")
        now = approvals.version(settings, center)
        before = approvals.present(settings, center)
        if seen != now:
            approvals.require_version(settings, center, seen)
        report = approvals.examine(
            settings, center, before, course.answers.choices(), course.answers.unset
        )
        if course.left(report.mapping):
            return "mappings.refused.left"
        if not report.errors and report.mapping.current_fingerprint() != visit.text("fingerprint"):
            return "mappings.refused.moved"
        approvals.seal(
            settings, report, before, reviewer=visit.user.name, at=datetime.now(UTC), seen=seen
        )
        return None

    def revoke(self, visit: Visit) -> Response:
        """Take the approval back: nothing reads the center until it is approved again."""
        center, settings = center_of(visit), visit.console.settings
        try:
            present = mappings.load(settings, center)
            if not present.reviewed:
                raise Unapproved(visit.t("mappings.refused.not-approved"))
            approvals.revoke(
                settings,
                center,
                present,
                reviewer=visit.user.name,
                reason=visit.text("reason"),
                at=datetime.now(UTC),
                seen=visit.text("seen"),
            )
        except BadInput as error:
            return self._again(visit, center, mappings_course.START, error.message)
        except Changed as error:
            return self._again(visit, center, mappings_course.START, _changed(visit, error))
        self._reviews.desk.forget(center)
        log.info("approval revoked", center=center.id, reviewer=visit.user.name)
        return visit.redirect(f"/mappings/{center.id}", "mappings.revoked", center=center.id)

    def propose(self, visit: Visit) -> Response:
        """Have names proposed anew, as `chartfeed discover` does; `again` keeps nothing."""
        center, settings = center_of(visit), visit.console.settings
        self._reviews.desk.forget(center)
        (outcome,) = mappings.write(
            settings,
            [center],
            by=visit.user.name,
            now=lambda: datetime.now(UTC),
            again=visit.text("again") == "yes",
        )
        if outcome.error is not None:
            return self._again(visit, center, mappings_course.START, outcome.error.message)
        key = "mappings.proposed" if outcome.kept is None else "mappings.kept"
        return visit.redirect(f"/mappings/{center.id}", key, center=center.id)

    def _again(self, visit: Visit, center: Center, course: Course, problem: str) -> Response:
        return self._reviews.show(
            visit, center, course, problem=problem, status=HTTPStatus.CONFLICT
        )


def _changed(visit: Visit, error: Changed) -> str:
    act, who = error.fields["act"], error.fields["who"]
    if act is None:
        return visit.t("mappings.refused.edited")
    return visit.t("mappings.refused.changed", act=visit.t(f"mappings.act.{act}"), who=who)
