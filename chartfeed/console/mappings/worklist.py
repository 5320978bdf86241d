"""What waits for a reviewer: where each center's mapping stands, problems first."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from datetime import datetime
from threading import Lock
from typing import TYPE_CHECKING, Final

from chartfeed import approvals, mappings
from producers import audit, mapping_file
from producers.discovery.evidence import SURE
from producers.errors import MappingDamaged
from schemas.errors import ChartfeedError

if TYPE_CHECKING:
    from chartfeed.settings import Center, Settings
    from producers.mapping import Mapping

__all__ = ["WORDS", "Place", "Queue", "counted", "ordered"]

# In the order in which somebody should look at them.
WORDS: Final = (
    "drift",
    "renewed",
    "revoked",
    "damaged",
    "edited",
    "unlogged",
    "open",
    "unsure",
    "ready",
    "missing",
    "down",
    "approved",
)
SETTLED: Final = frozenset({"down", "approved"})
AGAIN: Final = "discovered again"
FRESH_SECONDS: Final = 30.0


@dataclass(frozen=True, slots=True)
class Place:
    """Where a center's mapping stands, in one word, and what a reviewer needs beside it."""

    center: Center
    word: str
    open_points: tuple[str, ...] = ()
    unsure: int = 0
    who: str | None = None
    at: datetime | None = None
    detail: str | None = None

    @property
    def waits(self) -> bool:
        """Tell whether a reviewer has something to do here."""
        return self.word not in SETTLED


class Queue:
    """Reads a center's files again only where they changed; many may ask at once."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._looked: float | None = None
        self._known: dict[str, tuple[str, Place]] = {}
        self._live: dict[str, tuple[str, Place]] = {}
        self._looking = Lock()

    def places(self, settings: Settings) -> list[Place]:
        """Give every center's place, as files tell it and as the last look at the schemas did."""
        found = []
        for center in settings.centers:
            version, place = self._place(settings, center)
            at, live = self._live.get(center.id, ("", place))
            found.append(live if place.word == "approved" and at == version else place)
        return ordered(found)

    def look(self, settings: Settings) -> list[Place]:
        """Compare the approved mappings with the live schemas, then give every center's place.

        What somebody found a moment ago is taken for now.
        """
        with self._looking:
            if self._looked is not None and self._clock() - self._looked < FRESH_SECONDS:
                return self.places(settings)
            approved = [
                center
                for center in settings.centers
                if center.enabled and self._place(settings, center)[1].word == "approved"
            ]

            def work(center: Center) -> None:
                version, place = self._place(settings, center)
                state = mappings.state(settings, center)
                if state.word in {"drift", "down"}:
                    place = replace(place, word=state.word, detail=state.detail)
                self._live[center.id] = (version, place)

            mappings.each(approved, work)
            self._looked = self._clock()
        return self.places(settings)

    def _place(self, settings: Settings, center: Center) -> tuple[str, Place]:
        try:
            version = approvals.version(settings, center)
        except (ChartfeedError, OSError) as error:
            return "", Place(center, "damaged", detail=str(error))
        known = self._known.get(center.id)
        if known is None or known[0] != version or known[1].center != center:
            known = self._known[center.id] = (version, _read(settings, center))
        return known


def _read(settings: Settings, center: Center) -> Place:
    if not mapping_file.path_of(settings.mappings, center.id).exists():
        return Place(center, "missing")
    try:
        mapping = mappings.load(settings, center)
        problem = mappings.approval_problem(settings, center)
        said = audit.of_center(settings.mappings, center.id).said
    except MappingDamaged as error:
        return Place(center, "damaged", detail=error.message)
    place = Place(
        center,
        "approved",
        open_points=tuple(mapping.open_points()),
        unsure=len(mapping.unsure(SURE)),
        who=mapping.reviewed_by,
        at=mapping.reviewed_at,
    )
    if problem is None:
        return place
    who, at = (said.who, datetime.fromisoformat(said.at)) if said else (None, None)
    place = replace(place, who=who, at=at, open_points=tuple(mapping.decisions()))
    if said is not None and said.act == "revocation":
        if said.reason == AGAIN:
            return replace(place, word="renewed")
        return replace(place, word="revoked", detail=said.reason)
    return replace(place, word=_word(mapping), detail=problem)


def _word(mapping: Mapping) -> str:
    if mapping.fingerprint != mapping.current_fingerprint():
        return "edited"
    if mapping.reviewed:
        return "unlogged" if mapping.approval_problem() is None else "edited"
    if mapping.missing():
        return "open"
    return "unsure" if mapping.unsure(SURE) else "ready"


def ordered(places: Iterable[Place]) -> list[Place]:
    """Give the places in the order in which somebody should look at them."""
    return sorted(
        places, key=lambda one: (not one.center.enabled, WORDS.index(one.word), one.center.id)
    )


def counted(places: Iterable[Place]) -> dict[str, int]:
    """Count the places by word, in the order of urgency."""
    counts = Counter(place.word for place in places if place.center.enabled)
    return {word: counts[word] for word in WORDS if counts[word]}
