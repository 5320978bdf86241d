"""What a page gets, and the guard before it: signed in, in the role, and with the form's token."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from functools import wraps
from http import HTTPStatus
from typing import TYPE_CHECKING, Any, Final

import orjson
import structlog
from starlette.concurrency import run_in_threadpool
from starlette.datastructures import FormData
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from chartfeed.console.roles import Role
from schemas.errors import BadInput, ChartfeedError, Outside, RetryLater

if TYPE_CHECKING:
    from chartfeed.console.access import Who
    from chartfeed.console.app import Console
    from chartfeed.console.languages import Language
    from chartfeed.console.users import User

__all__ = ["Visit", "is_guarded", "needs", "open_to_all"]

SAID: Final = "chartfeed_said"
TOKEN_HEADER: Final = "x-csrf-token"  # noqa: S105 - a header's name
TOKEN_FIELD: Final = "token"  # noqa: S105 - a field's name
MOST_FIELDS: Final = 5000
SAFE: Final = frozenset({"GET", "HEAD"})

log = structlog.get_logger("chartfeed.console")
Page = Callable[["Visit"], Response]
Endpoint = Callable[[Request], Awaitable[Response]]


@dataclass(frozen=True, slots=True)
class Visit:
    """One request, with what it is about already read."""

    request: Request
    console: Console
    language: Language
    who: Who
    form: FormData = field(default_factory=FormData)

    @property
    def user(self) -> User:
        if self.who.user is None:
            raise AssertionError("a page for nobody in particular asked who it is for")
        return self.who.user

    @property
    def path(self) -> Mapping[str, Any]:
        """Return the parts of the path that its route names."""
        return self.request.path_params

    @property
    def query(self) -> Mapping[str, str]:
        return self.request.query_params

    @property
    def is_fragment(self) -> bool:
        """Tell whether htmx asks, for a part of a page."""
        headers = self.request.headers
        return "hx-request" in headers and "hx-boosted" not in headers

    def text(self, name: str) -> str:
        """Give a field of the form that was sent, or nothing."""
        value = self.form.get(name, "")
        return value if isinstance(value, str) else ""

    def t(self, key: str, **values: object) -> str:
        return self.language.t(key, **values)

    def render(self, template: str, status: int = HTTPStatus.OK, **values: Any) -> Response:
        """Fill a template; it knows the visit, the language and the user as well."""
        return self.console.pages.response(self, template, status, values)

    def redirect(self, path: str, said: str | None = None, **values: object) -> Response:
        """Go on at a path of ours, and say a sentence of the catalogue there."""
        if self.is_fragment:
            response = Response(headers={"HX-Redirect": path})
        else:
            response = RedirectResponse(path, HTTPStatus.SEE_OTHER)
        if said is not None:
            sentence = self.t(said, **values)
            response.set_cookie(
                SAID,
                self.console.access.keys.sealed("said", orjson.dumps(sentence)),
                max_age=60,
                secure=self.console.access.is_secure(self.request),
                httponly=True,
                samesite="strict",
            )
        return response

    def said(self) -> str | None:
        """Give the sentence that the last page left for this one."""
        sealed = self.request.cookies.get(SAID)
        content = self.console.access.keys.opened("said", sealed)
        return None if content is None else str(orjson.loads(content))


def needs(role: Role) -> Callable[[Page], Endpoint]:
    """Let only those in a role see a page; others are asked to sign in, or refused."""

    def guard(page: Page) -> Endpoint:
        return _endpoint(page, role)

    return guard


def open_to_all(page: Page) -> Endpoint:
    """Let anybody see a page; its forms need their token all the same."""
    return _endpoint(page, None)


def is_guarded(endpoint: object) -> bool:
    return getattr(endpoint, "is_guarded", False)


def _endpoint(page: Page, role: Role | None) -> Endpoint:
    @wraps(page)
    async def endpoint(request: Request) -> Response:
        console: Console = request.app.state.console
        visit = await run_in_threadpool(console.visit, request)
        if request.method not in SAFE:
            form = await request.form(max_files=0, max_fields=MOST_FIELDS)
            visit = Visit(request, console, visit.language, visit.who, form)
            if not _has_token(visit):
                return _kept(visit, refused(visit, "refused.token"))
        if role is not None:
            if visit.who.user is None and visit.who.is_by_proxy:
                return _kept(visit, refused(visit, "refused.proxy"))
            if visit.who.user is None:
                return _kept(visit, console.to_sign_in(visit))
            if not visit.who.user.may(role):
                return _kept(visit, refused(visit, "refused.role", role=visit.t(f"role.{role}")))
        return _kept(visit, await run_in_threadpool(_told, page, visit))

    endpoint.is_guarded = True  # type: ignore[attr-defined]  # what the application looks for
    return endpoint


def _has_token(visit: Visit) -> bool:
    given = visit.request.headers.get(TOKEN_HEADER) or visit.text(TOKEN_FIELD)
    return visit.console.access.keys.is_token(visit.who.session, given)


def refused(visit: Visit, key: str, **values: object) -> Response:
    """Give the page that says why somebody may not."""
    return visit.render("error.html", HTTPStatus.FORBIDDEN, message=visit.t(key, **values))


def _told(page: Page, visit: Visit) -> Response:
    try:
        return page(visit)
    except ChartfeedError as error:
        status = HTTPStatus.UNPROCESSABLE_ENTITY
        if isinstance(error, Outside | RetryLater):
            status = HTTPStatus.SERVICE_UNAVAILABLE
        elif not isinstance(error, BadInput):
            status = HTTPStatus.CONFLICT
        return visit.render("error.html", status, message=error.message, hint=error.hint)


def _kept(visit: Visit, response: Response) -> Response:
    access = visit.console.access
    if visit.who.is_new and "set-cookie" not in response.headers:
        access.keep(response, visit.who.session, secure=access.is_secure(visit.request))
    if SAID in visit.request.cookies and response.status_code == HTTPStatus.OK:
        response.delete_cookie(SAID, httponly=True, samesite="strict")
    return response
