"""A day's files: to take away, held against their manifest, and compared with the sources."""

from __future__ import annotations

import threading
from datetime import UTC, datetime
from itertools import chain
from typing import TYPE_CHECKING, Any, Final

import structlog
from starlette.responses import StreamingResponse
from starlette.routing import Route

from chartfeed.console.days import download as days_download
from chartfeed.console.days.reconcile import Busy, Reconciler
from chartfeed.console.days.shelf import not_found, path_of
from chartfeed.console.roles import OPERATOR, VIEWER
from chartfeed.console.visit import needs
from stream_app.files.manifest import Measured
from stream_app.files.rendering import file_name

if TYPE_CHECKING:
    from starlette.responses import Response

    from chartfeed.console.days.shelf import Shelf
    from chartfeed.console.visit import Visit
    from stream_app.files.manifest import DataFile, Manifest

__all__ = ["routes"]

DIFFERENCES_SHOWN: Final = 100

log = structlog.get_logger("chartfeed.console")


def routes(shelf: Shelf, reconciler: Reconciler) -> list[Route]:
    """Give the pages of a day's files."""
    files = _Files(shelf, reconciler)
    seen, acted = needs(VIEWER), needs(OPERATOR)
    return [
        Route("/days/{day}/files", seen(shelf.page(files.files))),
        Route("/days/{day}/files/{extension}", seen(shelf.page(files.download))),
        Route("/days/{day}/checks", seen(shelf.page(files.checks))),
        Route("/days/{day}/reconcile", seen(shelf.page(files.comparison)), methods=["GET"]),
        Route("/days/{day}/reconcile", acted(shelf.page(files.reconcile)), methods=["POST"]),
    ]


class _Files:
    def __init__(self, shelf: Shelf, reconciler: Reconciler) -> None:
        self._shelf = shelf
        self._reconciler = reconciler
        self._checking = threading.Lock()

    def files(self, visit: Visit, found: Manifest) -> Response:
        return self._shelf.render(visit, "day_files.html", found, **self._compared(found))

    def comparison(self, visit: Visit, found: Manifest) -> Response:
        return visit.render("day_comparison.html", path=path_of(found), **self._compared(found))

    def _compared(self, found: Manifest) -> dict[str, Any]:
        return {
            "comparison": self._reconciler.of(found.target_date),
            "running": self._reconciler.running(),
            "differences_shown": DIFFERENCES_SHOWN,
            "now": datetime.now(UTC),
        }

    def reconcile(self, visit: Visit, found: Manifest) -> Response:
        path = f"{path_of(found)}/files"
        try:
            self._reconciler.start(found.target_date, visit.user.name)
        except Busy as busy:
            return visit.redirect(path, "days.reconcile.busy", day=busy.fields["day"])
        return visit.redirect(path)

    def checks(self, visit: Visit, found: Manifest) -> Response:
        """Read all files of the day and hold their hashes against the manifest."""
        if not self._checking.acquire(blocking=False):
            raise Busy("other files are being checked now", hint="try again in a moment")
        try:
            checked = {name: self._checked(file) for name, file in found.files.items()}
        finally:
            self._checking.release()
        again = self._shelf.manifest(found.target_date)
        return visit.render(
            "day_checks.html",
            manifest=found,
            checked=checked,
            was_rewritten=again is None or again.files != found.files,
            at=datetime.now(UTC),
        )

    def _checked(self, file: DataFile) -> str:
        measured = Measured(file.name, self._shelf.days.target.pieces(file.name))
        try:
            for _ in measured:
                pass
        except FileNotFoundError:
            return "missing"
        return "good" if measured.found() == file else "other"

    def download(self, visit: Visit, found: Manifest) -> Response:
        extension = str(visit.path["extension"])
        offers = {one.extension: one for one in days_download.offers(found)}
        offer = offers.get(extension)
        if offer is None:
            return not_found(visit, visit.t("days.no-format"))
        pieces = days_download.pieces(self._shelf.days.target, found, offer)
        try:
            # The file is open once its first piece is there; what is written later is another one.
            first = next(pieces, b"")
        except FileNotFoundError:
            return not_found(visit, visit.t("days.no-file"))
        log.info(
            "download", day=found.target_date.isoformat(), format=extension, user=visit.user.name
        )
        name = file_name(found.target_date, extension)
        return StreamingResponse(
            chain([first], pieces),
            media_type=days_download.MEDIA_TYPES[extension],
            headers={"content-disposition": f'attachment; filename="{name}"'},
        )
