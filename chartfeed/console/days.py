"""The days: a calendar, a day's rows, its centers, its charts, its files and their checks."""

from __future__ import annotations

import threading
from datetime import UTC, date, datetime
from http import HTTPStatus
from itertools import chain
from typing import TYPE_CHECKING, Any, Final

import structlog
from starlette.responses import Response, StreamingResponse
from starlette.routing import Route

from chartfeed.console import days_charts, days_download
from chartfeed.console.days_calendar import month_of, neighbours, standing_of
from chartfeed.console.days_claims import Claimed
from chartfeed.console.days_form import address, asked_by_address, asked_by_form, sorting
from chartfeed.console.days_open import BeingWritten, Days, version_of
from chartfeed.console.days_reconcile import Busy, Reconciler
from chartfeed.console.days_shares import STATUSES
from chartfeed.console.days_view import SORTS
from chartfeed.console.roles import OPERATOR, VIEWER
from chartfeed.console.visit import needs
from schemas import dates
from stream_app.files.manifest import Damaged, Measured
from stream_app.files.months import open_daily
from stream_app.files.rendering import file_name
from stream_app.sink.survey import days_in

if TYPE_CHECKING:
    from chartfeed.console.app import Console
    from chartfeed.console.visit import Visit
    from stream_app.files.manifest import DataFile, Manifest

__all__ = ["routes"]

TABS: Final = (
    ("", "days.tab.rows"),
    ("/centers", "days.tab.centers"),
    ("/charts", "days.tab.charts"),
    ("/files", "days.tab.files"),
)
# More of a text than this stands in the files only.
TEXT_SHOWN: Final = 400
DIFFERENCES_SHOWN: Final = 100
AGAIN: Final = {"retry-after": "2"}

log = structlog.get_logger("chartfeed.console")


def routes(console: Console) -> list[Route]:
    """Give the pages of this area."""
    area = _Area(console)
    seen, acted = needs(VIEWER), needs(OPERATOR)
    return [
        Route("/days", seen(area.calendar)),
        Route("/days/{day}", seen(area.rows), methods=["GET", "POST"]),
        Route("/days/{day}/words", seen(area.words)),
        Route("/days/{day}/news", seen(area.news)),
        Route("/days/{day}/centers", seen(area.centers)),
        Route("/days/{day}/charts", seen(area.charts)),
        Route("/days/{day}/files", seen(area.files)),
        Route("/days/{day}/files/{extension}", seen(area.download)),
        Route("/days/{day}/checks", seen(area.checks)),
        Route("/days/{day}/reconcile", seen(area.reconciling), methods=["GET"]),
        Route("/days/{day}/reconcile", acted(area.reconcile), methods=["POST"]),
    ]


class _Area:
    def __init__(self, console: Console) -> None:
        settings = console.settings
        target = open_daily(settings.output_path, by_month=settings.output.by_month)
        self._days = Days(target)
        self._claimed = Claimed(settings)
        self._reconciler = Reconciler(settings, target)
        self._checking = threading.Lock()
        self._centers = {center.id: center.name for center in settings.centers}

    def calendar(self, visit: Visit) -> Response:
        days = days_in(self._days.target.names())
        newest = days[-1] if days else visit.language.local(datetime.now(UTC)).date()
        year, month = _month(visit.query.get("month", "")) or (newest.year, newest.month)
        here = {day: self._manifest(day) for day in days if (day.year, day.month) == (year, month)}
        shown = month_of(year, month, here, self._claimed.lines)
        before, after = neighbours(
            sorted({one.replace(day=1) for one in days}), date(year, month, 1)
        )
        return visit.render(
            "days.html",
            shown=shown,
            before=before,
            after=after,
            years=sorted({one.year for one in days}),
            newest=newest if days else None,
            is_live=self._claimed.is_live,
            count=len(days),
        )

    def rows(self, visit: Visit) -> Response:
        is_form = visit.request.method == "POST"
        wanted = asked_by_form(_texts(visit)) if is_form else asked_by_address(visit.query)
        found = self._found(visit)
        if isinstance(found, Response):
            return found
        try:
            opened = self._days.open(found)
            page = opened.page(wanted)
        except BeingWritten:
            return self._being_written(visit, found)
        given = visit.text("version")
        values: dict[str, Any] = {
            "page": page,
            "wanted": wanted,
            "sorting": sorting(wanted),
            "sorts": tuple(SORTS),
            "version": opened.version,
            "was_rewritten": bool(given) and given != opened.version and wanted.number > 1,
            "statuses": STATUSES,
            "text_shown": TEXT_SHOWN,
        }
        if visit.is_fragment:
            values |= {"date": found.target_date, "path": f"/days/{found.target_date}"}
            response = visit.render("day_rows.html", **values)
            response.headers["HX-Push-Url"] = f"/days/{found.target_date}{address(wanted)}"
            return response
        return self._page(visit, "day.html", found, **values)

    def words(self, visit: Visit) -> Response:
        """Give what the filters' fields may be filled with."""
        found = self._found(visit)
        if isinstance(found, Response):
            return found
        try:
            return visit.render("day_words.html", shares=self._days.open(found).shares())
        except BeingWritten:
            return Response(status_code=HTTPStatus.NO_CONTENT)

    def news(self, visit: Visit) -> Response:
        """Say that the rows are others than those shown, or nothing."""
        found = self._found(visit)
        if isinstance(found, Response):
            return found
        if visit.query.get("version") == version_of(found):
            return Response(status_code=HTTPStatus.NO_CONTENT)
        return Response(headers={"HX-Trigger": "day-changed"})

    def centers(self, visit: Visit) -> Response:
        found = self._found(visit)
        if isinstance(found, Response):
            return found
        most = max((line.record_count for line in found.centers), default=0)
        return self._page(visit, "day_centers.html", found, most=max(most, 1))

    def charts(self, visit: Visit) -> Response:
        found = self._found(visit)
        if isinstance(found, Response):
            return found
        try:
            shares = self._days.open(found).shares()
        except BeingWritten:
            return self._being_written(visit, found)
        drawn = days_charts.draw(shares, visit.language)
        return self._page(
            visit, "day_charts.html", found, shares=shares, drawn=drawn, statuses=STATUSES
        )

    def files(self, visit: Visit) -> Response:
        found = self._found(visit)
        if isinstance(found, Response):
            return found
        return self._page(
            visit,
            "day_files.html",
            found,
            comparison=self._reconciler.of(found.target_date),
            running=self._reconciler.running(),
            differences_shown=DIFFERENCES_SHOWN,
            now=datetime.now(UTC),
        )

    def checks(self, visit: Visit) -> Response:
        """Read all files of the day and hold their hashes against the manifest."""
        found = self._found(visit)
        if isinstance(found, Response):
            return found
        if not self._checking.acquire(blocking=False):
            raise Busy("other files are being checked now", hint="try again in a moment")
        try:
            checked = {name: self._checked(file) for name, file in found.files.items()}
        finally:
            self._checking.release()
        again = self._manifest(found.target_date)
        return visit.render(
            "day_checks.html",
            manifest=found,
            checked=checked,
            was_rewritten=again is None or again.files != found.files,
            at=datetime.now(UTC),
        )

    def download(self, visit: Visit) -> Response:
        found = self._found(visit)
        if isinstance(found, Response):
            return found
        extension = str(visit.path["extension"])
        offers = {one.extension: one for one in days_download.offers(found)}
        offer = offers.get(extension)
        if offer is None:
            return _not_found(visit, visit.t("days.no-format"))
        pieces = days_download.pieces(self._days.target, found, offer)
        try:
            # The file is open once its first piece is there; what is written later is another one.
            first = next(pieces, b"")
        except FileNotFoundError:
            return _not_found(visit, visit.t("days.no-file"))
        log.info(
            "download", day=found.target_date.isoformat(), format=extension, user=visit.user.name
        )
        name = file_name(found.target_date, extension)
        return StreamingResponse(
            chain([first], pieces),
            media_type=days_download.MEDIA_TYPES[extension],
            headers={"content-disposition": f'attachment; filename="{name}"'},
        )

    def reconcile(self, visit: Visit) -> Response:
        found = self._found(visit)
        if isinstance(found, Response):
            return found
        path = f"/days/{found.target_date}/files"
        try:
            self._reconciler.start(found.target_date, visit.user.name)
        except Busy as busy:
            return visit.redirect(path, "days.reconcile.busy", day=busy.fields["day"])
        return visit.redirect(path)

    def reconciling(self, visit: Visit) -> Response:
        found = self._found(visit)
        if isinstance(found, Response):
            return found
        return visit.render(
            "day_comparison.html",
            path=f"/days/{found.target_date}",
            comparison=self._reconciler.of(found.target_date),
            running=self._reconciler.running(),
            differences_shown=DIFFERENCES_SHOWN,
            now=datetime.now(UTC),
        )

    def _found(self, visit: Visit) -> Manifest | Response:
        """Give the manifest of the day that the path names, or the page that says there is none."""
        text = str(visit.path["day"])
        try:
            # No path is made of anything but a day of the calendar.
            day = dates.iso(text)
        except ValueError:
            return _not_found(visit, visit.t("days.no-such-day"))
        found = self._days.manifest(day)
        if found is None:
            return _not_found(visit, visit.t("days.no-files", day=visit.language.day(day)))
        return found

    def _manifest(self, day: date) -> Manifest | None:
        try:
            return self._days.manifest(day)
        except Damaged:
            return None

    def _checked(self, file: DataFile) -> str:
        measured = Measured(file.name, self._days.target.pieces(file.name))
        try:
            for _ in measured:
                pass
        except FileNotFoundError:
            return "missing"
        return "good" if measured.found() == file else "other"

    def _page(
        self, visit: Visit, template: str, found: Manifest, status: int = 200, **values: Any
    ) -> Response:
        lines = sorted(self._claimed.lines(found), key=lambda line: line.behind is None)
        days = days_in(self._days.target.names())
        before, after = neighbours(days, found.target_date)
        return visit.render(
            template,
            status,
            manifest=found,
            date=found.target_date,
            path=f"/days/{found.target_date}",
            lines=lines,
            standing=standing_of(lines),
            is_live=self._claimed.is_live,
            before=before,
            after=after,
            tabs=TABS,
            offers=days_download.offers(found),
            **values,
        )

    def _being_written(self, visit: Visit, found: Manifest) -> Response:
        """Ask the reader to come again: at once by htmx, soon by the browser."""
        if visit.is_fragment:
            return visit.render("day_writing_note.html", date=found.target_date)
        status = HTTPStatus.SERVICE_UNAVAILABLE
        response = self._page(visit, "day_writing.html", found, status)
        response.headers.update(AGAIN)
        return response


def _not_found(visit: Visit, message: str) -> Response:
    hint = visit.t("days.no-such-day.hint")
    return visit.render("error.html", HTTPStatus.NOT_FOUND, message=message, hint=hint)


def _month(text: str) -> tuple[int, int] | None:
    try:
        first = dates.iso(f"{text}-01")
    except ValueError:
        return None
    return first.year, first.month


def _texts(visit: Visit) -> dict[str, str]:
    return {name: value for name, value in visit.form.items() if isinstance(value, str)}
