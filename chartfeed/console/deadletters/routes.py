"""Dead letters: what could not be used, why and where, and what brings it back."""

from __future__ import annotations

from dataclasses import dataclass
from http import HTTPStatus
from typing import TYPE_CHECKING, Final
from urllib.parse import urlencode

import structlog
from starlette.routing import Route

from chartfeed import resync
from chartfeed.console.deadletters.ledger import Ledger, Page, Wanted
from chartfeed.console.deadletters.reader import Reader
from chartfeed.console.numbers import whole
from chartfeed.console.roles import OPERATOR, VIEWER
from chartfeed.console.visit import needs
from producers.shown import printable
from schemas import topics
from schemas.errors import BadInput, ChartfeedError

if TYPE_CHECKING:
    from collections import Counter
    from collections.abc import Mapping

    from starlette.responses import Response

    from chartfeed.console.app import Console
    from chartfeed.console.visit import Visit

__all__ = ["remedy", "routes"]

FIELDS: Final = ("reason", "center", "stage", "table")
log = structlog.get_logger("chartfeed.console")


@dataclass(frozen=True, slots=True)
class _Shown:
    """What a page shows of the ledger, which goes on meanwhile."""

    page: Page
    counts: Mapping[str, Counter[str]]
    standing: int
    left_out: int
    ended: int
    unreadable: int


def routes(console: Console) -> list[Route]:
    """Give the area's pages; they share one reader of the topic."""
    reader = Reader(console.settings)
    console.at_end.append(reader.close)

    def letters(visit: Visit) -> Response:
        return _letters(visit, reader)

    def order(visit: Visit) -> Response:
        return _order(visit, reader)

    return [
        Route("/dead-letters", needs(VIEWER)(letters)),
        Route("/dead-letters/resync", needs(OPERATOR)(order), methods=["POST"]),
    ]


def remedy(stage: str, topic: str | None, reason: str) -> str:
    """Give which remedy helps: the source's repair, or what makes a record of the stream anew."""
    if stage == "producer":
        return "id" if reason == "invalid-id" else "source"
    if topic == topics.UNIFIED_ENTRIES.name:
        return "rebuild"
    if topic == topics.CHECKPOINTS.name:
        return "checkpoint"
    return "registry" if reason == "unknown-schema" else "resync"


def _letters(
    visit: Visit, reader: Reader, problem: str | None = None, status: int = HTTPStatus.OK
) -> Response:
    query = visit.query
    wanted = Wanted(**{field: query.get(field, "") for field in FIELDS})
    number = whole(query.get("page", ""), otherwise=1)
    found: list[_Shown] = []

    def look(ledger: Ledger) -> None:
        page = ledger.page(wanted, number)
        found.append(
            _Shown(
                page,
                ledger.counts(wanted),
                len(ledger),
                ledger.left_out,
                ledger.ended,
                ledger.unreadable,
            )
        )

    is_whole = True
    try:
        is_whole = reader.read(look)
    except ChartfeedError as error:
        if problem is None:
            problem, status = error.message, HTTPStatus.SERVICE_UNAVAILABLE
    chosen = [(field, getattr(wanted, field)) for field in FIELDS if getattr(wanted, field)]
    return visit.render(
        "deadletters_part.html" if visit.is_fragment else "deadletters.html",
        HTTPStatus.OK if visit.is_fragment else status,
        found=found[0] if found else None,
        wanted=wanted,
        fields=FIELDS,
        query=urlencode(chosen),
        problem=problem,
        is_whole=is_whole,
        names={center.id: center.name for center in visit.console.settings.centers},
        remedy=remedy,
        printable=printable,
    )


def _order(visit: Visit, reader: Reader) -> Response:
    """Ask for a resync of a center, as `chartfeed resync` does, its guard included."""
    settings = visit.console.settings
    try:
        center = settings.center(visit.text("center"))
        resync.order(settings, center.id, confirm=False, by=visit.user.name)
    except BadInput as error:
        return _letters(visit, reader, error.message, HTTPStatus.UNPROCESSABLE_ENTITY)
    log.info("resync asked for", center=center.id, by=visit.user.name)
    return visit.redirect(
        f"/dead-letters?{urlencode({'center': center.id})}",
        "deadletters.asked",
        center=center.id,
    )
