"""One center: where it stands, what it went through, and what can be asked of it."""

from __future__ import annotations

import time
from dataclasses import dataclass
from datetime import datetime
from threading import Lock
from typing import TYPE_CHECKING, Any, Final

from starlette.routing import Route

from chartfeed import sources
from chartfeed.console import events, graphs
from chartfeed.console.roles import OPERATOR, VIEWER
from chartfeed.console.standing import standings
from chartfeed.console.visit import needs
from chartfeed.pause import ask, hold
from chartfeed.resync import order
from schemas.errors import BadInput, ChartfeedError, RetryLater

if TYPE_CHECKING:
    from starlette.responses import Response

    from chartfeed.console.app import Console
    from chartfeed.console.visit import Visit
    from chartfeed.settings import Center, Settings
    from producers.capture.overview import Known
    from producers.mapping import Mapping

__all__ = ["routes"]

MINUTES: Final = 180


@dataclass(frozen=True, slots=True)
class Names:
    """The mapping that is approved, or why there is none."""

    mapping: Mapping | None = None
    problem: ChartfeedError | None = None


@dataclass(frozen=True, slots=True)
class Wish:
    """What somebody asked of the center, and is not done yet."""

    action: str
    by: str
    at: datetime
    reason: str


def routes(console: Console) -> list[Route]:
    del console
    # Each look at events opens a consumer: one after the other, whoever asks.
    one_at_a_time = Lock()

    @needs(VIEWER)
    def last_events(visit: Visit) -> Response:
        center, known = _center(visit), _known(visit)
        found: list[events.Event] = []
        problem = None
        if known is not None and known.checkpoint is not None:
            try:
                with one_at_a_time:
                    options = visit.console.settings.kafka.client
                    found = events.newest(options, known.checkpoint)
            except RetryLater as error:
                problem = error.message
        return visit.render("center_events.html", center=center, events=found, problem=problem)

    return [
        Route("/centers/{center}", show),
        Route("/centers/{center}/now", now),
        Route("/centers/{center}/events", last_events),
        Route("/centers/{center}/pause", pause, methods=["POST"]),
        Route("/centers/{center}/resume", resume, methods=["POST"]),
        Route("/centers/{center}/resync", resync, methods=["POST"]),
    ]


@needs(VIEWER)
def show(visit: Visit) -> Response:
    center = _center(visit)
    history = visit.console.live.history
    points = history.points(center.id, time.time(), MINUTES)
    return visit.render(
        "center.html",
        center=center,
        names=_names(visit.console.settings, center),
        graphs=[graphs.lag(points, visit.language), graphs.throughput(points, visit.language)],
        minutes=MINUTES,
        is_news=False,
        **_state(visit, center),
    )


@needs(VIEWER)
def now(visit: Visit) -> Response:
    """Show the part of the page that changes every second.

    The buttons come along only when they are others than the page has: who is on one stays there.
    """
    center = _center(visit)
    state = _state(visit, center)
    is_news = visit.query.get("actions") != "+".join(state["actions"])
    return visit.render("center_now.html", center=center, is_news=is_news, **state)


@needs(OPERATOR)
def pause(visit: Visit) -> Response:
    center = _center(visit)
    hold(visit.console.settings, [center.id], visit.text("reason"), visit.user.name)
    return visit.redirect(f"/centers/{center.id}", "center.asked-pause", center=center.id)


@needs(OPERATOR)
def resume(visit: Visit) -> Response:
    center = _center(visit)
    ask(visit.console.settings, [center.id], "resume", {}, by=visit.user.name)
    return visit.redirect(f"/centers/{center.id}", "center.asked-resume", center=center.id)


@needs(OPERATOR)
def resync(visit: Visit) -> Response:
    """Ask for a resync; one that deletes more than the guard allows needs the center's name."""
    center = _center(visit)
    confirm = visit.text("confirm") == "yes"
    if confirm and visit.text("typed").strip() != center.id:
        raise BadInput(visit.t("center.typed-wrong", center=center.id), hint=center.id)
    order(visit.console.settings, center.id, confirm=confirm, by=visit.user.name)
    said = "center.asked-confirm" if confirm else "center.asked-resync"
    return visit.redirect(f"/centers/{center.id}", said, center=center.id)


def _center(visit: Visit) -> Center:
    return visit.console.settings.center(visit.path["center"])


def _known(visit: Visit) -> Known | None:
    return visit.console.live.now.read.known.get(visit.path["center"])


def _state(visit: Visit, center: Center) -> dict[str, Any]:
    seen = visit.console.live.now
    found = standings(seen, [center])
    known = _known(visit)
    one = found[0] if found else None
    wish = None if known is None else _wish(known)
    asks = one is not None and one.view.state == "needs-confirmation"
    return {
        "now": seen,
        "one": one,
        "actions": ["resume" if wish else "pause", "confirm" if asks else "resync"],
        "checkpoint": None if known is None else known.checkpoint,
        "wish": wish,
    }


def _wish(known: Known) -> Wish | None:
    command = known.command
    if command is None:
        return None
    reason = command.arguments.get("reason", "")
    return Wish(command.action, command.requested_by, command.requested_at, reason)


def _names(settings: Settings, center: Center) -> Names:
    try:
        return Names(mapping=sources.approved_mapping(settings, center))
    except ChartfeedError as error:
        return Names(problem=error)
