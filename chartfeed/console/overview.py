"""The first page: every center, problems first, as it changes."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from threading import Lock
from typing import TYPE_CHECKING, Final

import orjson
from starlette.responses import Response, StreamingResponse
from starlette.routing import Route

from chartfeed.console.numbers import whole
from chartfeed.console.roles import VIEWER
from chartfeed.console.standing import standings, sums
from chartfeed.console.visit import needs

if TYPE_CHECKING:
    from chartfeed.console.app import Console
    from chartfeed.console.languages import Language
    from chartfeed.console.live import Now
    from chartfeed.console.visit import Visit

__all__ = ["Rendering", "Renderings", "changes", "routes"]

# Looks that a browser which reloads its page may still know.
KEPT: Final = 10
# A browser that heard nothing for so long hears a blank line, so that a dead one is noticed.
QUIET_SECONDS: Final = 15.0


@dataclass(frozen=True, slots=True)
class Rendering:
    """The overview in a language, of one look: what stands above, and a line for each center."""

    number: int
    head: str
    lines: Mapping[str, str]


class Renderings:
    """Renders each look once for each language, however many are looking."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._lock = Lock()
        self._kept: dict[str, deque[Rendering]] = {}

    def newest(self, language: Language) -> Rendering:
        now = self._console.live.now
        with self._lock:
            kept = self._kept.setdefault(language.code, deque(maxlen=KEPT))
            if not kept or kept[-1].number != now.number:
                kept.append(_rendered(self._console, language, now))
            return kept[-1]

    def numbered(self, language: Language, number: int) -> Rendering | None:
        """Give an older one, while it is remembered."""
        kept = tuple(self._kept.get(language.code, ()))
        return next((one for one in kept if one.number == number), None)


def routes(console: Console) -> list[Route]:
    renderings = Renderings(console)

    @needs(VIEWER)
    def overview(visit: Visit) -> Response:
        return visit.render("overview.html", found=renderings.newest(visit.language))

    @needs(VIEWER)
    def live(visit: Visit) -> Response:
        since = whole(visit.query.get("since", ""), otherwise=-1, digits=11)
        events = _events(visit, renderings, renderings.numbered(visit.language, since))
        return StreamingResponse(events, media_type="text/event-stream")

    return [Route("/", overview), Route("/live/overview", live)]


def changes(before: Rendering | None, now: Rendering) -> dict[str, object]:
    """Give what a page that shows one rendering needs to show another."""
    if before is None or list(before.lines) != list(now.lines):
        return {"head": now.head, "all": "".join(now.lines.values())}
    found: dict[str, object] = {}
    if before.head != now.head:
        found["head"] = now.head
    lines = {name: text for name, text in now.lines.items() if before.lines[name] != text}
    if lines:
        found["lines"] = lines
    return found


async def _events(
    visit: Visit, renderings: Renderings, shown: Rendering | None
) -> AsyncIterator[bytes]:
    loop, looked = asyncio.get_running_loop(), asyncio.Event()
    console = visit.console
    with console.live.heard_by(lambda: loop.call_soon_threadsafe(looked.set)):
        while _is_still(visit):
            newest = await asyncio.to_thread(renderings.newest, visit.language)
            found = changes(shown, newest)
            shown = newest
            if found:
                yield b"data: " + orjson.dumps(found) + b"\n\n"
            try:
                await asyncio.wait_for(looked.wait(), QUIET_SECONDS)
            except TimeoutError:
                yield b":\n\n"
            looked.clear()


def _is_still(visit: Visit) -> bool:
    """Tell whether whoever began to look may look still."""
    return visit.console.access.who(visit.request).user is not None


def _rendered(console: Console, language: Language, now: Now) -> Rendering:
    found = standings(now, console.settings.centers)
    pages = console.pages
    line = pages.macro("overview_parts.html", "line", language)
    head = pages.macro("overview_parts.html", "head", language)
    return Rendering(
        number=now.number,
        head=head(now, sums(found)),
        lines={one.view.center_id: line(one) for one in found},
    )
