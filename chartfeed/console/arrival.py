"""What a browser sends, taken in whole before anything is done for it."""

from __future__ import annotations

import asyncio
from http import HTTPStatus
from typing import TYPE_CHECKING, Final

from starlette.responses import PlainTextResponse

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Message, Receive, Scope, Send

__all__ = ["Arrived"]

# The largest form, a review's answers, also fits into an address.
LARGEST: Final = 64_000
SECONDS: Final = 10.0
BODILESS: Final = frozenset({"GET", "HEAD"})


class Arrived:
    """Hands a form on when all of it is there: who sends slowly keeps nobody else waiting."""

    def __init__(self, app: ASGIApp, largest: int = LARGEST, seconds: float = SECONDS) -> None:
        self._app = app
        self._largest = largest
        self._seconds = seconds

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope["method"] in BODILESS:
            await self._app(scope, receive, send)
            return
        try:
            async with asyncio.timeout(self._seconds):
                body = await _body(receive, self._largest)
        except TimeoutError:
            await _refused(HTTPStatus.REQUEST_TIMEOUT, scope, receive, send)
        except _TooLargeError:
            await _refused(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, scope, receive, send)
        else:
            # Who went away meanwhile waits for no answer.
            if body is not None:
                await self._app(scope, _with(body, receive), send)


class _TooLargeError(Exception):
    pass


async def _body(receive: Receive, largest: int) -> bytes | None:
    """Read a request's body, None if its sender went away."""
    body = bytearray()
    while True:
        message = await receive()
        if message["type"] != "http.request":
            return None
        body += message.get("body", b"")
        if len(body) > largest:
            raise _TooLargeError
        if not message.get("more_body", False):
            return bytes(body)


def _with(body: bytes, receive: Receive) -> Receive:
    """Give first the body, and then what comes after it."""
    waiting: list[Message] = [{"type": "http.request", "body": body, "more_body": False}]

    async def next_message() -> Message:
        return waiting.pop() if waiting else await receive()

    return next_message


async def _refused(status: HTTPStatus, scope: Scope, receive: Receive, send: Send) -> None:
    # What is still on its way is not waited for.
    answer = PlainTextResponse(f"{status.phrase}\n", status, {"connection": "close"})
    await answer(scope, receive, send)
