"""How a center stands, in a word that is good, bad or in between; the worst come first. No I/O."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from chartfeed.console.live import Now
    from chartfeed.settings import Center
    from producers.capture.view import View

__all__ = ["Kind", "Standing", "Sums", "kind_of", "standings", "sums"]

# A center that is further behind, or nearer to losing changes, is shown before the others.
LONG_LAG: Final = 60.0
SHORT_HEADROOM: Final = 6 * 3600
WORKING: Final = frozenset({"snapshot", "resync", "starting"})


class Kind(StrEnum):
    """In the order in which they are shown."""

    BAD = "bad"
    WARN = "warn"
    INFO = "info"
    GOOD = "good"
    OFF = "off"


@dataclass(frozen=True, slots=True)
class Standing:
    """A center's line on the overview."""

    view: View
    kind: Kind
    name: str
    city: str | None
    rate: float
    rows: int | None
    share: float | None
    """How much of a snapshot is read."""
    is_low: bool
    """Whether what it has not read yet is soon gone at the source."""


@dataclass(frozen=True, slots=True)
class Sums:
    """What all centers come to."""

    centers: int
    problems: int
    rate: float
    worst_lag: float | None
    dead_letters: int
    rows: int | None


def standings(now: Now, centers: Iterable[Center]) -> list[Standing]:
    """Give the centers' lines, problems first."""
    views = {one.center_id: one for one in now.views}
    found = [
        _standing(views[center.id], center, now.rates, now.read.rows)
        for center in centers
        if center.id in views
    ]
    order = list(Kind)
    return sorted(found, key=lambda one: (order.index(one.kind), one.view.center_id))


def sums(found: Iterable[Standing]) -> Sums:
    """Add the lines up."""
    lines = [one for one in found if one.kind is not Kind.OFF]
    lags = [one.view.lag_seconds for one in lines if one.view.lag_seconds is not None]
    rows = [one.rows for one in lines if one.rows is not None]
    return Sums(
        centers=len(lines),
        problems=sum(one.kind in {Kind.BAD, Kind.WARN} for one in lines),
        rate=sum(one.rate for one in lines),
        worst_lag=max(lags, default=None),
        dead_letters=sum(one.view.dead_letters for one in lines),
        rows=sum(rows) if rows else None,
    )


def kind_of(view: View, *, enabled: bool) -> Kind:
    """Say how urgent a center is."""
    if not enabled:
        return Kind.OFF
    if view.needs_somebody:
        return Kind.BAD
    lags = (view.lag_seconds or 0.0) > LONG_LAG
    if view.state not in WORKING and view.state != "streaming":
        return Kind.WARN
    if view.dead_letters or _is_low(view) or (lags and view.state == "streaming"):
        return Kind.WARN
    return Kind.INFO if view.state in WORKING else Kind.GOOD


def _standing(
    view: View, center: Center, rates: Mapping[str, float], rows: Mapping[str, int] | None
) -> Standing:
    progress = view.snapshot if view.state in {"snapshot", "resync"} else None
    most = 1 if progress is None else max(progress.rows_total, progress.rows_done, 1)
    return Standing(
        view=view,
        kind=kind_of(view, enabled=center.enabled),
        name=center.name,
        city=center.city,
        rate=rates.get(center.id, 0.0),
        rows=None if rows is None else rows.get(center.id, 0),
        share=None if progress is None else progress.rows_done / most,
        is_low=_is_low(view),
    )


def _is_low(view: View) -> bool:
    left = view.retention_headroom_seconds
    return left is not None and left < SHORT_HEADROOM
