"""The areas put together as one application."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Iterable
from contextlib import ExitStack, asynccontextmanager
from dataclasses import dataclass, field
from http import HTTPStatus
from importlib import import_module
from typing import TYPE_CHECKING, Final
from urllib.parse import quote
from zoneinfo import ZoneInfo

from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.middleware.trustedhost import TrustedHostMiddleware
from starlette.responses import RedirectResponse, Response
from starlette.routing import BaseRoute, Mount, Route
from starlette.staticfiles import StaticFiles

from chartfeed.console.arrival import Arrived
from chartfeed.console.headers import Headers
from chartfeed.console.languages import Language, preferred
from chartfeed.console.limits import Bounded
from chartfeed.console.pages import FOLDER, Pages
from chartfeed.console.proxy import Only
from chartfeed.console.visit import Visit, is_guarded

if TYPE_CHECKING:
    from starlette.requests import Request

    from chartfeed.console.access import Access
    from chartfeed.console.live import Live
    from chartfeed.console.proxy import Proxy
    from chartfeed.settings import Settings

__all__ = ["AREAS", "Console", "application"]

AREAS: Final = (
    "signin",
    "overview",
    "center",
    "metrics",
    "mappings.routes",
    "days.routes",
    "deadletters.routes",
)
LANGUAGE: Final = "chartfeed_language"


@dataclass(frozen=True)
class Console:
    """What the pages work with."""

    settings: Settings
    access: Access
    live: Live
    zone: ZoneInfo
    pages: Pages
    at_end: list[Callable[[], None]] = field(default_factory=list)
    """Called when the application ends, the last that was added first."""

    def visit(self, request: Request) -> Visit:
        """Find out who asks, and in which language."""
        headers, cookies = request.headers, request.cookies
        code = preferred(cookies.get(LANGUAGE), headers.get("accept-language", ""))
        return Visit(request, self, Language(code, self.zone), self.access.who(request))

    def to_sign_in(self, visit: Visit) -> Response:
        """Send somebody to the sign-in page, and afterwards back to where they were going."""
        url = visit.request.url
        wanted = url.path if visit.request.method == "GET" else "/"
        if url.query and wanted == url.path:
            wanted += f"?{url.query}"
        target = f"/sign-in?next={quote(wanted, safe='/')}"
        if visit.is_fragment:
            return Response(status_code=HTTPStatus.UNAUTHORIZED, headers={"HX-Redirect": target})
        return RedirectResponse(target, HTTPStatus.SEE_OTHER)


def application(
    console: Console,
    hosts: Iterable[str],
    areas: Iterable[str] = AREAS,
    only: Proxy | None = None,
) -> Starlette:
    """Give the application; `hosts` are the names under which browsers may reach it.

    Where `only` is given nobody is answered but who comes through that proxy.
    """
    routes: list[BaseRoute] = [
        Mount("/static", StaticFiles(directory=FOLDER / "static"), name="static")
    ]
    routes += [route for area in areas for route in _routes(area, console)]

    @asynccontextmanager
    async def running(_: Starlette) -> AsyncIterator[None]:
        with ExitStack() as stack:
            stack.enter_context(console.live)
            yield
            for close in console.at_end:
                stack.callback(close)

    app = Starlette(
        routes=routes,
        lifespan=running,
        middleware=[
            Middleware(Headers),
            Middleware(TrustedHostMiddleware, allowed_hosts=list(hosts), www_redirect=False),
            *([] if only is None else [Middleware(Only, only)]),
            Middleware(Arrived),
            Middleware(Bounded),
        ],
        exception_handlers={HTTPException: _missing, Exception: _broken},
    )
    app.state.console = console
    return app


def _routes(area: str, console: Console) -> list[Route]:
    routes: list[Route] = import_module(f"chartfeed.console.{area}").routes(console)
    for route in routes:
        if not is_guarded(route.endpoint):
            raise AssertionError(f"{route.path} is open to everybody; put it under @needs")
    return routes


async def _missing(request: Request, error: Exception) -> Response:
    console: Console = request.app.state.console
    visit = await run_in_threadpool(console.visit, request)
    status = error.status_code if isinstance(error, HTTPException) else HTTPStatus.BAD_REQUEST
    key = "error.missing" if status == HTTPStatus.NOT_FOUND else "error.request"
    return visit.render("error.html", status, message=visit.t(key))


async def _broken(request: Request, _: Exception) -> Response:
    # The server logs what it was; the reader is told that it is ours.
    console: Console = request.app.state.console
    visit = await run_in_threadpool(console.visit, request)
    return visit.render(
        "error.html", HTTPStatus.INTERNAL_SERVER_ERROR, message=visit.t("error.broken")
    )
