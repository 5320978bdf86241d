"""Notices by HTTP: a webhook that takes the report, and Slack's kind of webhook."""

from __future__ import annotations

import http.client
import ssl
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any, Final
from urllib.error import HTTPError, URLError
from urllib.parse import urlsplit
from urllib.request import HTTPRedirectHandler, HTTPSHandler, Request, build_opener

import orjson

from chartfeed.notices.sending import Notice, Undelivered
from chartfeed.password import Secret
from schemas.errors import BadInput

__all__ = ["Slack", "Webhook"]

LINES: Final = 40
PASSING: Final = (HTTPStatus.REQUEST_TIMEOUT, HTTPStatus.TOO_EARLY, HTTPStatus.TOO_MANY_REQUESTS)
LONGEST_WAIT: Final = 60.0

Find = Callable[[], Secret]


class _Stay(HTTPRedirectHandler):
    """Follows nobody: a redirection would take the report, and the token, elsewhere."""

    def redirect_request(self, *_arguments: Any, **_named: Any) -> None:
        return None


@dataclass(frozen=True, slots=True)
class Webhook:
    """Posts the report as JSON, with a bearer token where one is configured."""

    url: Find
    token: Find | None = None
    ca_file: str | None = None
    name: str = "webhook"

    def send(self, notice: Notice, timeout: float) -> None:
        body = {"headline": notice.headline, "report": notice.said}
        headers = {"Idempotency-Key": notice.identity}
        if self.token is not None:
            headers["Authorization"] = f"Bearer {self.token().reveal()}"
        _post(self.url(), body, headers, self.ca_file, timeout)


@dataclass(frozen=True, slots=True)
class Slack:
    """Posts a headline and the first lines as Slack's incoming webhooks take them."""

    url: Find
    ca_file: str | None = None
    name: str = "slack"

    def send(self, notice: Notice, timeout: float) -> None:
        lines = notice.text.splitlines()[1:]
        shown = "\n".join(lines[:LINES])
        more = f"\n(and {len(lines) - LINES} lines more)" if len(lines) > LINES else ""
        text = f"*{_escaped(notice.headline)}*\n```{_escaped(shown)}{more}```"
        _post(self.url(), {"text": text}, {}, self.ca_file, timeout)


def _escaped(text: str) -> str:
    """Give a text in which Slack finds no link, no mention and no end of a block."""
    plain = text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    return plain.replace("`", "'")


def _post(
    url: Secret,
    body: Mapping[str, Any],
    headers: Mapping[str, str],
    ca_file: str | None,
    timeout: float,
) -> None:
    address = url.reveal()
    if urlsplit(address).scheme not in {"http", "https"}:
        raise BadInput("the address is none that begins with https:// or http://")
    request = Request(  # noqa: S310 - its scheme has just been looked at
        address,
        data=orjson.dumps(body),
        headers={"Content-Type": "application/json", "User-Agent": "chartfeed", **headers},
    )
    try:
        context = ssl.create_default_context(cafile=ca_file)
        with build_opener(_Stay, HTTPSHandler(context=context)).open(request, timeout=timeout):
            return
    # No answer is quoted, and no address: either may hold a secret.
    except HTTPError as error:
        error.close()
        passing = error.code >= HTTPStatus.INTERNAL_SERVER_ERROR or error.code in PASSING
        raise Undelivered(
            f"HTTP {error.code}", passing=passing, after=_seconds(error.headers.get("Retry-After"))
        ) from None
    except ssl.SSLError as error:
        raise Undelivered(f"TLS: {error.reason}", passing=False) from None
    except URLError as error:
        if isinstance(error.reason, ssl.SSLError):
            raise Undelivered(f"TLS: {error.reason.reason}", passing=False) from None
        why = getattr(error.reason, "strerror", None) or type(error.reason).__name__
        raise Undelivered(f"can't be reached: {why}", passing=True) from None
    except (OSError, http.client.HTTPException) as error:
        raise Undelivered(f"broken off: {type(error).__name__}", passing=True) from None


def _seconds(text: str | None) -> float:
    """Read Retry-After as far as it gives seconds."""
    return min(LONGEST_WAIT, float(text)) if text and text.isascii() and text.isdigit() else 0.0
