"""What keeps a flood, or somebody who guesses passwords, from taking more than a share."""

from __future__ import annotations

import time
from collections import OrderedDict
from collections.abc import Callable
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Receive, Scope, Send

__all__ = ["Attempts", "Bounded"]

AT_ONCE: Final = 16
STREAMS: Final = 100
STREAM_PREFIX: Final = "/live/"


class Bounded:
    """Answers 503 at once where too many requests, or live views, are being answered."""

    def __init__(self, app: ASGIApp, at_once: int = AT_ONCE, streams: int = STREAMS) -> None:
        self._app = app
        self._most = {False: at_once, True: streams}
        self._now = {False: 0, True: 0}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        is_stream = scope["path"].startswith(STREAM_PREFIX)
        if self._now[is_stream] >= self._most[is_stream]:
            headers = [(b"retry-after", b"2"), (b"content-type", b"text/plain; charset=utf-8")]
            await send({"type": "http.response.start", "status": 503, "headers": headers})
            await send({"type": "http.response.body", "body": b"too much to do; try again\n"})
            return
        self._now[is_stream] += 1
        try:
            await self._app(scope, receive, send)
        finally:
            self._now[is_stream] -= 1


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
