"""Templates into responses, with what every page shows."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from functools import cached_property
from importlib import resources
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import jinja2
from markupsafe import Markup
from starlette.responses import HTMLResponse

from chartfeed.console.german.sentences import told
from chartfeed.console.roles import Role

if TYPE_CHECKING:
    from starlette.responses import Response

    from chartfeed.console.languages import Language
    from chartfeed.console.visit import Visit

__all__ = ["AREAS", "FOLDER", "Pages"]

FOLDER: Final = Path(str(resources.files("chartfeed.console")))
# The areas in the navigation: the path of each, and the key of its name.
AREAS: Final = (
    ("/", "nav.overview"),
    ("/mappings", "nav.mappings"),
    ("/days", "nav.days"),
    ("/metrics", "nav.metrics"),
    ("/dead-letters", "nav.dead-letters"),
)


class Pages:
    """Everything is escaped; a name that a template misspells is an error."""

    def __init__(self) -> None:
        self._templates = jinja2.Environment(
            loader=jinja2.FileSystemLoader(FOLDER / "templates"),
            autoescape=True,
            undefined=jinja2.StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
        )

    def response(
        self, visit: Visit, template: str, status: int, values: dict[str, Any]
    ) -> Response:
        here = visit.request.url.path
        text = self.text(
            template,
            visit.language,
            visit=visit,
            who=visit.who,
            user=visit.who.user,
            roles=Role,
            areas=AREAS,
            here=here,
            token=visit.console.access.keys.token(visit.who.session),
            token_field=lambda: _token_field(visit),
            **values,
        )
        return HTMLResponse(text, status)

    def text(self, template: str, language: Language, **values: Any) -> str:
        """Fill a template for a language; what it shows of a visit must be handed in."""
        return self._templates.get_template(template).render(**self._words(language), **values)

    def macro(self, template: str, name: str, language: Language) -> Callable[..., Markup]:
        """Give one macro of a template, for a language; it is quick to call many times."""
        module = self._templates.get_template(template).make_module(self._words(language))
        macro: Callable[..., Markup] = getattr(module, name)
        return macro

    def _words(self, language: Language) -> dict[str, Any]:
        return {
            "language": language,
            "t": language.t,
            "told": lambda text: told(text, language.code),
            "number": language.number,
            "percent": language.percent,
            "day": language.day,
            "moment": language.moment,
            "clock": language.clock,
            "span": language.span,
            "size": language.size,
            "asset": self.asset,
        }

    def asset(self, name: str) -> str:
        """Give the address of a static file; it changes with the content."""
        return f"/static/{name}?{self._marks[name]}"

    @cached_property
    def _marks(self) -> dict[str, str]:
        base = FOLDER / "static"
        return {
            path.relative_to(base).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest()[:10]
            for path in base.rglob("*")
            if path.is_file()
        }


def _token_field(visit: Visit) -> Markup:
    token = visit.console.access.keys.token(visit.who.session)
    return Markup('<input type="hidden" name="token" value="{}">').format(token)
