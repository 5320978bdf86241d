"""Signing in and out, and the language."""

from __future__ import annotations

import math
from http import HTTPStatus
from threading import Lock
from typing import TYPE_CHECKING, Final

from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from chartfeed.console.app import LANGUAGE
from chartfeed.console.languages import LANGUAGES
from chartfeed.console.limits import Attempts
from chartfeed.console.users import named
from chartfeed.console.visit import open_to_all

if TYPE_CHECKING:
    from chartfeed.console.app import Console
    from chartfeed.console.visit import Visit

__all__ = ["routes"]

MINUTES: Final = 5
YEAR: Final = 365 * 86400


def routes(console: Console) -> list[Route]:
    del console
    by_both, by_address = Attempts(5, MINUTES * 60), Attempts(30, MINUTES * 60)
    # A guess costs memory and time: one after the other, whoever asks.
    one_at_a_time = Lock()

    @open_to_all
    def ask(visit: Visit) -> Response:
        if visit.who.user is not None:
            return RedirectResponse(_next(visit.query.get("next", "")), HTTPStatus.SEE_OTHER)
        return visit.render("signin.html", next=visit.query.get("next", "/"), name="", problem=None)

    @open_to_all
    def sign_in(visit: Visit) -> Response:
        name, target = visit.text("name").strip()[:100], visit.text("next")
        access = visit.console.access
        address = access.address(visit.request)
        both = f"{address} {named(name) if name else name}"
        # Looked at and counted in one: guesses that come at once are not all looked at before.
        with one_at_a_time:
            wait = max(by_both.wait(both), by_address.wait(address))
            if wait > 0:
                return _again(visit, "signin.wait", HTTPStatus.TOO_MANY_REQUESTS, wait=wait)
            session = access.sign_in(name, visit.text("password")[:1000]) if name else None
            if session is None:
                by_both.failed(both)
                by_address.failed(address)
                return _again(visit, "signin.wrong", HTTPStatus.FORBIDDEN)
            by_both.forget(both)
        response = visit.redirect(_next(target))
        access.keep(response, session, secure=access.is_secure(visit.request))
        return response

    @open_to_all
    def sign_out(visit: Visit) -> Response:
        response = visit.redirect("/sign-in", "signin.out")
        access = visit.console.access
        access.keep(response, access.nobody(), secure=access.is_secure(visit.request))
        return response

    @open_to_all
    def language(visit: Visit) -> Response:
        response = visit.redirect(_next(visit.text("next")))
        code = visit.text("language")
        if code in LANGUAGES:
            response.set_cookie(LANGUAGE, code, max_age=YEAR, httponly=True, samesite="strict")
        return response

    return [
        Route("/sign-in", ask),
        Route("/sign-in", sign_in, methods=["POST"]),
        Route("/sign-out", sign_out, methods=["POST"]),
        Route("/language", language, methods=["POST"]),
    ]


def _again(visit: Visit, key: str, status: int, wait: float = 0.0) -> Response:
    problem = visit.t(key, n=math.ceil(wait / 60))
    response = visit.render(
        "signin.html",
        status,
        next=visit.text("next"),
        name=visit.text("name")[:100],
        problem=problem,
    )
    if wait:
        response.headers["retry-after"] = str(math.ceil(wait))
    return response


def _next(wanted: str) -> str:
    r"""Give a path of ours; what a browser might take for another host is none ("//", "/\")."""
    is_ours = wanted.startswith("/") and not wanted.startswith(("//", "/\\"))
    return wanted if is_ours and wanted.isprintable() else "/"
