"""A proxy that may stand before the console: what it is known by, and what it is believed."""

from __future__ import annotations

import hmac
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from starlette.requests import HTTPConnection
from starlette.responses import PlainTextResponse

from chartfeed import tokens

if TYPE_CHECKING:
    from pathlib import Path

    from starlette.types import ASGIApp, Receive, Scope, Send

    from chartfeed.password import Secret

__all__ = ["TOKEN_HEADER", "Only", "Proxy", "peer", "token_in"]

TOKEN_HEADER: Final = "X-Proxy-Token"  # noqa: S105 - a header's name
FEWEST_CHARACTERS: Final = 20
MAPPED: Final = "::ffff:"


@dataclass(frozen=True, slots=True)
class Proxy:
    """A proxy that signs people in and says so in a header.

    Any process at one of its addresses can send what it sends; a token that only the proxy knows
    tells them apart.
    """

    addresses: frozenset[str]
    user_header: str
    token: Secret | None = None
    has_viewers: bool = False
    """Whether a name that the users file does not have is a viewer; else it is nobody."""

    def is_from(self, request: HTTPConnection) -> bool:
        return peer(request) in self.addresses and self._shows_token(request)

    def names(self, request: HTTPConnection) -> list[str]:
        """Give who it says that somebody is: several where it lets a client's line through."""
        return request.headers.getlist(self.user_header) if self.is_from(request) else []

    def client(self, request: HTTPConnection) -> str:
        """Give where a request is from, by the last in the chain that is no proxy of ours."""
        here = peer(request)
        if not self.is_from(request):
            return here
        chain = ",".join(request.headers.getlist("x-forwarded-for")).split(",")
        others = (one.strip() for one in reversed(chain))
        return next((one for one in others if one and one not in self.addresses), here)

    def _shows_token(self, request: HTTPConnection) -> bool:
        if self.token is None:
            return True
        shown = request.headers.get(TOKEN_HEADER, "").encode("utf-8", "replace")
        return hmac.compare_digest(shown, self.token.reveal().encode())


class Only:
    """Refuses whoever does not come through the proxy, where others' passwords could be read."""

    def __init__(self, app: ASGIApp, proxy: Proxy) -> None:
        self._app = app
        self._proxy = proxy

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan" or self._proxy.is_from(HTTPConnection(scope)):
            await self._app(scope, receive, send)
            return
        answer = PlainTextResponse("without TLS the console is for its proxy alone\n", 403)
        await answer(scope, receive, send)


def peer(request: HTTPConnection) -> str:
    """Give the address at the other end of the connection, IPv4 in its own form."""
    return "" if request.client is None else request.client.host.removeprefix(MAPPED)


def token_in(path: Path) -> Secret:
    """Give the proxy's token from its file."""
    return tokens.token_in(path, "console.proxy_token_file", FEWEST_CHARACTERS)
