"""Mappings: what waits for a review, a center's review, its approval and its revocation."""

from __future__ import annotations

from typing import TYPE_CHECKING

from starlette.routing import Route

from chartfeed.console.mappings.deeds import Deeds
from chartfeed.console.mappings.desk import Desk
from chartfeed.console.mappings.review import Reviews
from chartfeed.console.mappings.worklist import Queue, counted
from chartfeed.console.roles import REVIEWER, VIEWER
from chartfeed.console.visit import needs

if TYPE_CHECKING:
    from starlette.responses import Response

    from chartfeed.console.app import Console
    from chartfeed.console.visit import Visit

__all__ = ["routes"]


def routes(console: Console) -> list[Route]:
    """Give the area's pages; they share what was asked of a center a moment ago."""
    del console
    queue, reviews = Queue(), Reviews(Desk())
    deeds = Deeds(reviews)

    def waiting(visit: Visit) -> Response:
        settings, is_look = visit.console.settings, "look" in visit.query
        places = queue.look(settings) if is_look else queue.places(settings)
        template = "mappings_places.html" if visit.is_fragment else "mappings.html"
        return visit.render(template, places=places, counts=counted(places), is_look=is_look)

    return [
        Route("/mappings", needs(VIEWER)(waiting)),
        Route("/mappings/{center}", needs(VIEWER)(reviews.page)),
        Route("/mappings/{center}/samples", needs(REVIEWER)(reviews.samples)),
        Route("/mappings/{center}/names", needs(REVIEWER)(reviews.names)),
        Route("/mappings/{center}/approve", needs(REVIEWER)(deeds.approve), methods=["POST"]),
        Route("/mappings/{center}/revoke", needs(REVIEWER)(deeds.revoke), methods=["POST"]),
        Route("/mappings/{center}/propose", needs(REVIEWER)(deeds.propose), methods=["POST"]),
    ]
