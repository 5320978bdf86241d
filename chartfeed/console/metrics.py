"""Throughput, latency and lag over the last hours, of all centers and of each."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from starlette.routing import Route

from chartfeed.console import graphs
from chartfeed.console.history import ALL, Latency
from chartfeed.console.roles import VIEWER
from chartfeed.console.visit import needs

if TYPE_CHECKING:
    from starlette.responses import Response

    from chartfeed.console.app import Console
    from chartfeed.console.history import Point
    from chartfeed.console.visit import Visit

__all__ = ["routes"]

# What can be chosen, in minutes.
RANGES: Final = (15, 60, 180, 360)
DEFAULT: Final = 60


@dataclass(frozen=True, slots=True)
class Summary:
    """What a range comes to; None where nothing was seen."""

    events: float | None
    rate: float | None
    p50: float | None
    p95: float | None
    p99: float | None
    lag: float | None
    changes: int


@dataclass(frozen=True, slots=True)
class Row:
    """A center's line in the table."""

    center_id: str
    name: str
    found: Summary


def routes(console: Console) -> list[Route]:
    del console
    return [Route("/metrics", metrics)]


@needs(VIEWER)
def metrics(visit: Visit) -> Response:
    """Show a range and, where one is chosen, a center."""
    settings, history = visit.console.settings, visit.console.live.history
    wanted = visit.query.get("minutes", "")
    minutes = int(wanted) if wanted in map(str, RANGES) else DEFAULT
    chosen = visit.query.get("center", "")
    name = ALL if not chosen else settings.center(chosen).id
    now = time.time()
    points = history.points(name, now, minutes)
    rows = [
        Row(one.id, one.name, summary(history.points(one.id, now, minutes, most=1)))
        for one in settings.centers
        if one.enabled
    ]
    return visit.render(
        "metrics.html",
        minutes=minutes,
        ranges=RANGES,
        chosen=name,
        found=summary(points),
        graphs=[
            graphs.throughput(points, visit.language),
            graphs.latency(points, visit.language),
            graphs.lag(points, visit.language),
        ],
        rows=rows,
    )


def summary(points: list[Point]) -> Summary:
    """Take points together."""
    latency = Latency()
    for one in points:
        latency.merge(one.latency.counts)
    seen = [one for one in points if one.events is not None]
    events = sum(one.events or 0.0 for one in seen)
    lags = [one.lag for one in points if one.lag is not None]
    seconds = sum(one.seconds for one in points)
    return Summary(
        events=events if seen else None,
        rate=events / seconds if seen else None,
        p50=latency.percentile(0.5),
        p95=latency.percentile(0.95),
        p99=latency.percentile(0.99),
        lag=max(lags, default=None),
        changes=latency.total,
    )
