"""What keeps a flood, or somebody who guesses passwords, from taking more than a share."""

from __future__ import annotations

import re
import time
from collections import OrderedDict
from collections.abc import Callable
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Receive, Scope, Send

__all__ = ["Attempts", "Bounded"]

AT_ONCE: Final = 16
STREAMS: Final = 100
DOWNLOADS: Final = 8
STREAM: Final = re.compile(r"/live/.*")
DOWNLOAD: Final = re.compile(r"/days/[^/]+/files/[^/]+")


class Bounded:
    """Answers 503 at once where too much is being answered.

    Live views and downloads, which last, are counted for themselves.
    """

    def __init__(
        self,
        app: ASGIApp,
        at_once: int = AT_ONCE,
        streams: int = STREAMS,
        downloads: int = DOWNLOADS,
    ) -> None:
        self._app = app
        self._most = {"page": at_once, "stream": streams, "download": downloads}
        self._now = dict.fromkeys(self._most, 0)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        kind = _kind(scope["path"])
        if self._now[kind] >= self._most[kind]:
            headers = [(b"retry-after", b"2"), (b"content-type", b"text/plain; charset=utf-8")]
            await send({"type": "http.response.start", "status": 503, "headers": headers})
            await send({"type": "http.response.body", "body": b"too much to do; try again\n"})
            return
        self._now[kind] += 1
        try:
            await self._app(scope, receive, send)
        finally:
            self._now[kind] -= 1


def _kind(path: str) -> str:
    if STREAM.fullmatch(path):
        return "stream"
    return "download" if DOWNLOAD.fullmatch(path) else "page"


class Attempts:
    """Counts what failed lately under a key; remembers a bounded number of keys."""

    def __init__(
        self,
        most: int,
        seconds: float,
        keys: int = 10_000,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._most, self._seconds, self._keys, self._clock = most, seconds, keys, clock
        self._failed: OrderedDict[str, list[float]] = OrderedDict()

    def wait(self, key: str) -> float:
        """Give for how many seconds nothing may be tried under a key."""
        recent = self._recent(key)
        if len(recent) < self._most:
            return 0.0
        return recent[-self._most] + self._seconds - self._clock()

    def failed(self, key: str) -> None:
        self._failed[key] = [*self._recent(key), self._clock()]
        self._failed.move_to_end(key)
        if len(self._failed) > self._keys:
            self._failed.popitem(last=False)

    def forget(self, key: str) -> None:
        self._failed.pop(key, None)

    def _recent(self, key: str) -> list[float]:
        since = self._clock() - self._seconds
        return [at for at in self._failed.get(key, ()) if at > since]
