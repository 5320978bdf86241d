"""Who a request is from: a session of ours, or a name that the trusted proxy says."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from chartfeed.console.proxy import peer
from chartfeed.console.session import begun
from chartfeed.console.users import User, named
from schemas.errors import BadInput

if TYPE_CHECKING:
    from starlette.requests import HTTPConnection
    from starlette.responses import Response

    from chartfeed.console.proxy import Proxy
    from chartfeed.console.session import Keys, Session
    from chartfeed.console.users import Users

__all__ = ["Access", "Who"]

COOKIE: Final = "chartfeed_session"


@dataclass(frozen=True, slots=True)
class Who:
    """The session a request belongs to, and the user, if there is one."""

    session: Session
    user: User | None
    is_new: bool
    is_by_proxy: bool = False
    """Whether the proxy says who it is; if there is no user then, it is nobody who may look."""


class Access:
    """Knows who is asking; roles are looked up at every request."""

    def __init__(
        self,
        users: Users,
        keys: Keys,
        proxy: Proxy | None = None,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self.users = users
        self.keys = keys
        self.proxy = proxy
        self._clock = clock

    def who(self, request: HTTPConnection) -> Who:
        """Say who asks; somebody unknown gets a session of nobody, for the sign-in form."""
        session = self.keys.session(request.cookies.get(COOKIE), self._clock())
        is_new = session is None
        session = session or begun(self._clock())
        if self.proxy is not None and (said := self.proxy.names(request)):
            return self._by_proxy(self.proxy, said, session, is_new=is_new)
        user = None if session.name is None else self.users.find(session.name)
        if user is not None and session.proof != self.keys.proof(user.password or ""):
            user = None
        return Who(session, user, is_new)

    def _by_proxy(self, proxy: Proxy, said: list[str], session: Session, *, is_new: bool) -> Who:
        nobody = Who(session, None, is_new, is_by_proxy=True)
        if len(said) > 1:
            return nobody
        try:
            # Headers travel as latin-1; what is in them is mostly UTF-8.
            name = named(said[0].encode("latin-1").decode("utf-8"))
        except (BadInput, UnicodeError):
            return nobody
        user = self.users.find(name) or (User(name, frozenset()) if proxy.has_viewers else None)
        if user is None:
            return nobody
        if session.name != name:
            session, is_new = begun(self._clock(), name), True
        return Who(session, user, is_new, is_by_proxy=True)

    def sign_in(self, name: str, password: str) -> Session | None:
        """Give a new session if the password is right. Takes a tenth of a second."""
        user = self.users.signed_in(name, password)
        if user is None:
            return None
        return begun(self._clock(), user.name, self.keys.proof(user.password or ""))

    def nobody(self) -> Session:
        return begun(self._clock())

    def keep(self, response: Response, session: Session, *, secure: bool) -> None:
        """Have the browser keep a session."""
        response.set_cookie(
            COOKIE,
            self.keys.cookie(session),
            path="/",
            secure=secure,
            httponly=True,
            samesite="strict",
        )

    def is_secure(self, request: HTTPConnection) -> bool:
        """Tell whether the browser came by TLS, to us or to the proxy."""
        if self.proxy is not None and self.proxy.is_from(request):
            return request.headers.get("x-forwarded-proto", "").casefold() == "https"
        return request.url.scheme == "https"

    def address(self, request: HTTPConnection) -> str:
        """Give where a request is from; behind the proxy, what the proxy says."""
        return peer(request) if self.proxy is None else self.proxy.client(request)
