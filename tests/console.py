"""A console in the test's own process, its users, and a browser of theirs without a window."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from starlette.testclient import TestClient

from chartfeed import settings
from chartfeed.console import app
from chartfeed.console.access import Access
from chartfeed.console.history import History
from chartfeed.console.live import Live, Read
from chartfeed.console.pages import Pages
from chartfeed.console.proxy import Proxy
from chartfeed.console.roles import Role
from chartfeed.console.session import Keys
from chartfeed.console.users import User, Users, hashed
from chartfeed.stream_group import Stream
from producers.capture.overview import Known
from producers.capture.view import View

PASSWORD = "four words that fit"
HASHED = hashed(PASSWORD)
LONG_AGO = 3600.0


def configured(folder: Path, centers: Sequence[str] = ("center_01", "center_02")):
    """Write a configuration of some centers, and load it."""
    lines = "\n".join(
        f'  - {{id: {one}, name: "Praxis {one}", server: s, database: d_{one}}}' for one in centers
    )
    (folder / "centers.yml").write_text(f"centers:\n{lines}\n", encoding="utf-8")
    path = folder / "chartfeed.yml"
    path.write_text("output: {path: output/}\n", encoding="utf-8")
    return settings.load(path, {})


def a_view(center_id: str = "center_01", state: str = "streaming", **others) -> View:
    fields: dict[str, Any] = {
        "version": 10,
        "source_version": 10,
        "lag_seconds": 0.2,
        "last_event_at": datetime(2026, 3, 4, 10, 20, 30, tzinfo=UTC),
        "events_total": 1234,
        "retention_headroom_seconds": 172000,
    }
    return View(center_id, state, **(fields | others))


def told(*views: View, workers: int = 1) -> Callable[[], Read]:
    """Give a source for the live view that always tells this."""
    known = {one.center_id: Known() for one in views}
    return lambda: Read(views, known, Stream(workers, 0))


def a_console(
    loaded: settings.Settings,
    source: Callable[[], Read] | None = None,
    proxy: Proxy | None = None,
) -> app.Console:
    """Give a console that looks once when it starts, and not again for an hour."""
    folder = loaded.path.parent / "console"
    history = History(one.id for one in loaded.centers)
    source = source or told(*(a_view(one.id) for one in loaded.centers))
    live = Live(source, history, LONG_AGO)
    access = Access(Users(folder), Keys.kept_in(folder), proxy)
    return app.Console(loaded, access, live, ZoneInfo("Europe/Berlin"), Pages())


@contextmanager
def browsing(
    console: app.Console, *roles: Role, name: str = "anna", only: Proxy | None = None
) -> Iterator[TestClient]:
    """Give a client that is signed in, in these roles; it follows no redirect by itself."""
    console.access.users.put(User(name, frozenset(roles), HASHED))
    application = app.application(console, ["testserver"], only=only)
    with TestClient(application, follow_redirects=False) as client:
        console.live.after(0, 10)
        session = console.access.sign_in(name, PASSWORD)
        assert session is not None
        client.cookies.set("chartfeed_session", console.access.keys.cookie(session))
        yield client


def token(client: TestClient, path: str = "/") -> str:
    """Give the token that the forms of a page bring."""
    found = re.search(r'name="token" value="([^"]+)"', client.get(path).text)
    assert found is not None
    return found[1]


def post(client: TestClient, path: str, **fields: str):
    """Send a form with its token."""
    return client.post(path, data={"token": token(client)} | fields)
