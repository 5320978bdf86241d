"""What every answer tells the browser not to do."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Message, Receive, Scope, Send

__all__ = ["Headers"]

POLICY: Final = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; "
    "connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)
FIXED: Final = {
    "content-security-policy": POLICY,
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
    "referrer-policy": "same-origin",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "permissions-policy": "camera=(), geolocation=(), microphone=()",
}
STATIC: Final = "/static/"
# A browser that came by TLS of ours once comes by nothing else for a year.
TLS_ONLY: Final = (b"strict-transport-security", b"max-age=31536000")


class Headers:
    """Pages are kept nowhere; static files, whose address changes with them, for a year."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        is_static = scope["path"].startswith(STATIC)
        caching = "public, max-age=31536000, immutable" if is_static else "no-store"
        fixed = [(name.encode(), value.encode()) for name, value in FIXED.items()]
        if scope["scheme"] == "https":
            fixed.append(TLS_ONLY)

        async def with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = [*message.get("headers", ()), *fixed]
                if not any(name == b"cache-control" for name, _ in headers):
                    headers.append((b"cache-control", caching.encode()))
                message["headers"] = headers
            await send(message)

        await self._app(scope, receive, with_headers)
