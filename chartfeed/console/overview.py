"""The first page: every center, problems first, as it changes."""

from __future__ import annotations

from typing import TYPE_CHECKING

from starlette.routing import Route

from chartfeed.console.roles import VIEWER
from chartfeed.console.visit import needs

if TYPE_CHECKING:
    from starlette.responses import Response

    from chartfeed.console.app import Console
    from chartfeed.console.visit import Visit

__all__ = ["routes"]


def routes(console: Console) -> list[Route]:
    del console
    return [Route("/", overview)]


@needs(VIEWER)
def overview(visit: Visit) -> Response:
    return visit.render("overview.html", now=visit.console.live.now)
