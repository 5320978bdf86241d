"""The days: a calendar, a day's rows, its centers, its charts; its files are in days_files."""

from __future__ import annotations

from datetime import UTC, date, datetime
from http import HTTPStatus
from typing import TYPE_CHECKING, Any, Final

from starlette.responses import Response
from starlette.routing import Route

from chartfeed.console.days import charts as days_charts
from chartfeed.console.days import files as days_files
from chartfeed.console.days.form import address, asked_by_address, asked_by_form, sorting
from chartfeed.console.days.month import month_of, neighbours
from chartfeed.console.days.opening import BeingWritten, version_of
from chartfeed.console.days.reconcile import Reconciler
from chartfeed.console.days.shares import STATUSES
from chartfeed.console.days.shelf import Shelf, path_of
from chartfeed.console.days.view import SORTS
from chartfeed.console.roles import VIEWER
from chartfeed.console.visit import needs
from chartfeed.newest import so_far
from schemas import dates

if TYPE_CHECKING:
    from chartfeed.console.app import Console
    from chartfeed.console.visit import Visit
    from stream_app.files.manifest import Manifest

__all__ = ["routes"]

# More of a text than this stands in the files only.
TEXT_SHOWN: Final = 400


def routes(console: Console) -> list[Route]:
    """Give the pages of this area."""
    shelf = Shelf(console.settings)
    reconciler = Reconciler(console.settings, shelf.days.target)
    console.at_end.extend([reconciler.close, shelf.claimed.close])
    area, seen = _Area(shelf), needs(VIEWER)
    return [
        Route("/days", seen(area.calendar)),
        Route("/days/{day}", seen(shelf.page(area.rows)), methods=["GET", "POST"]),
        Route("/days/{day}/words", seen(shelf.page(area.words))),
        Route("/days/{day}/news", seen(shelf.page(area.news))),
        Route("/days/{day}/centers", seen(shelf.page(area.centers))),
        Route("/days/{day}/charts", seen(shelf.page(area.charts))),
        *days_files.routes(shelf, reconciler),
    ]


class _Area:
    def __init__(self, shelf: Shelf) -> None:
        self._shelf = shelf

    def calendar(self, visit: Visit) -> Response:
        days = self._shelf.listed()
        now = datetime.now(UTC)
        newest = next(reversed(so_far(days, now) or days), visit.language.local(now).date())
        first = _month(visit.query.get("month", "")) or newest.replace(day=1)
        manifests = {day: self._shelf.manifest(day) for day in days if day.replace(day=1) == first}
        months = sorted({day.replace(day=1) for day in days})
        before, after = neighbours(months, first)
        claimed = self._shelf.claimed
        return visit.render(
            "days.html",
            shown=month_of(first.year, first.month, manifests, self._shelf.known()),
            before=before,
            after=after,
            newest=newest if days else None,
            is_live=claimed.trouble is None,
            count=len(days),
        )

    def rows(self, visit: Visit, found: Manifest) -> Response:
        is_form = visit.request.method == "POST"
        wanted = asked_by_form(_texts(visit)) if is_form else asked_by_address(visit.query)
        opened = self._shelf.days.open(found)
        page = opened.page(wanted)
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
        if not visit.is_fragment:
            return self._shelf.render(visit, "day.html", found, **values)
        path = path_of(found)
        response = visit.render("day_rows.html", date=found.target_date, path=path, **values)
        response.headers["HX-Push-Url"] = f"{path}{address(wanted)}"
        return response

    def words(self, visit: Visit, found: Manifest) -> Response:
        """Give what the filters' fields may be filled with."""
        try:
            return visit.render("day_words.html", shares=self._shelf.days.open(found).shares())
        except BeingWritten:
            return Response(status_code=HTTPStatus.NO_CONTENT)

    def news(self, visit: Visit, found: Manifest) -> Response:
        """Say that the rows are others than those shown, or nothing."""
        if visit.query.get("version") == version_of(found):
            return Response(status_code=HTTPStatus.NO_CONTENT)
        return Response(headers={"HX-Trigger": "day-changed"})

    def centers(self, visit: Visit, found: Manifest) -> Response:
        most = max((line.record_count for line in found.centers), default=0)
        return self._shelf.render(visit, "day_centers.html", found, most=max(most, 1))

    def charts(self, visit: Visit, found: Manifest) -> Response:
        shares = self._shelf.days.open(found).shares()
        drawn = days_charts.draw(shares, visit.language)
        return self._shelf.render(
            visit, "day_charts.html", found, shares=shares, drawn=drawn, statuses=STATUSES
        )


def _month(text: str) -> date | None:
    try:
        return dates.iso(f"{text}-01")
    except ValueError:
        return None


def _texts(visit: Visit) -> dict[str, str]:
    return {name: value for name, value in visit.form.items() if isinstance(value, str)}
