"""The days that a visit can be about: found by the path's day alone, shown with what all share."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, date, datetime
from functools import cache
from http import HTTPStatus
from typing import TYPE_CHECKING, Any, Final, TypeAlias

from chartfeed import newest
from chartfeed.console.days import download
from chartfeed.console.days.claims import Claimed
from chartfeed.console.days.month import neighbours, standing_of
from chartfeed.console.days.opening import BeingWritten, Days
from schemas import dates
from stream_app.closing import marker
from stream_app.files.manifest import Damaged
from stream_app.files.months import open_daily
from stream_app.sink.survey import days_in

if TYPE_CHECKING:
    from starlette.responses import Response

    from chartfeed.console.visit import Visit
    from chartfeed.settings import Settings
    from stream_app.closing.marker import Marker
    from stream_app.files.manifest import CenterLine, Manifest

__all__ = ["OfDay", "Shelf", "not_found", "path_of"]

OfDay: TypeAlias = "Callable[[Visit, Manifest], Response]"

TABS: Final = (
    ("", "days.tab.rows"),
    ("/centers", "days.tab.centers"),
    ("/charts", "days.tab.charts"),
    ("/files", "days.tab.files"),
)
AGAIN: Final = {"retry-after": "2"}


class Shelf:
    """All days of the output, with what is known of them now."""

    def __init__(self, settings: Settings) -> None:
        self.days = Days(open_daily(settings.output_path, by_month=settings.output.by_month))
        self.claimed = Claimed(settings)
        self._partitions = settings.kafka.topics.partitions

    def listed(self) -> list[date]:
        return days_in(self.days.target.names())

    def manifest(self, day: date) -> Manifest | None:
        """Give a day's manifest; None where there is none, or a damaged one."""
        try:
            return self.days.manifest(day)
        except Damaged:
            return None

    def known(self) -> Callable[[Manifest], tuple[CenterLine, ...]]:
        """Give what tells a day's lines as they are known now."""
        listed = self.listed()

        @cache
        def shown(partition: int) -> int:
            """Give how much of a partition the newest days' files show; only its days are read."""
            ours = newest.of_partition(listed, partition, self._partitions, datetime.now(UTC))
            return newest.shown(filter(None, map(self.manifest, ours)), partition)

        def lines(found: Manifest) -> tuple[CenterLine, ...]:
            at = found.position
            return self.claimed.lines(found, 0 if at is None else shown(at.partition))

        return lines

    def page(self, show: OfDay) -> Callable[[Visit], Response]:
        """Give a page of a day as one of a visit: without the day, or in its making, it says so."""

        def shown(visit: Visit) -> Response:
            try:
                # No path is made of anything but a day of the calendar.
                day = dates.iso(str(visit.path["day"]))
            except ValueError:
                return not_found(visit, visit.t("days.no-such-day"))
            found = self.days.manifest(day)
            if found is None:
                return not_found(visit, visit.t("days.no-files", day=visit.language.day(day)))
            try:
                return show(visit, found)
            except BeingWritten:
                return self._being_written(visit, found)

        return shown

    def render(
        self,
        visit: Visit,
        template: str,
        found: Manifest,
        status: int = HTTPStatus.OK,
        **values: Any,
    ) -> Response:
        """Fill a template that extends the layout of a day's pages."""
        lines = sorted(self.known()(found), key=lambda line: line.behind is None)
        before, after = neighbours(self.listed(), found.target_date)
        return visit.render(
            template,
            status,
            manifest=found,
            date=found.target_date,
            path=path_of(found),
            lines=lines,
            standing=standing_of(lines),
            is_live=self.claimed.trouble is None,
            before=before,
            after=after,
            tabs=TABS,
            offers=download.offers(found),
            final=self._final(found),
            **values,
        )

    def _final(self, found: Manifest) -> Marker | None:
        """Give the marker of a day that was closed."""
        try:
            return marker.read(self.days.target, found.target_date)
        except Damaged:
            return None

    def _being_written(self, visit: Visit, found: Manifest) -> Response:
        """Ask the reader to come again: at once by htmx, soon by the browser."""
        if visit.is_fragment:
            return visit.render("day_writing_note.html", date=found.target_date)
        status = HTTPStatus.SERVICE_UNAVAILABLE
        response = self.render(visit, "day_writing.html", found, status)
        response.headers.update(AGAIN)
        return response


def path_of(found: Manifest) -> str:
    """Give the address of a day."""
    return f"/days/{found.target_date}"


def not_found(visit: Visit, message: str) -> Response:
    """Give the page that says that there is no such thing."""
    hint = visit.t("days.no-such-day.hint")
    return visit.render("error.html", HTTPStatus.NOT_FOUND, message=message, hint=hint)
