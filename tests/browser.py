"""A real browser before a console of the test's own, and axe to judge what it shows."""

from __future__ import annotations

import os
import shutil
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import uvicorn
from playwright.sync_api import Browser, Page, sync_playwright

from chartfeed.console import app
from chartfeed.console.roles import Role
from chartfeed.console.users import User
from tests.console import HASHED, PASSWORD

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
AXE = Path(__file__).parent.parent / ".chartfeed" / "tools" / "axe-core" / "axe.min.js"
PATIENCE = 10_000


@pytest.fixture(scope="module")
def chromium() -> Iterator[Browser]:
    """Give Chromium; a test that needs it is skipped where there is none.

    Playwright keeps an event loop running in the thread, so it has to end before other tests.
    """
    path = next(filter(None, map(shutil.which, NAMES)), None)
    if path is None:
        pytest.skip("no Chromium here: apt-get install chromium")
    with sync_playwright() as playwright:
        options = ["--no-sandbox"] if os.getuid() == 0 else []
        browser = playwright.chromium.launch(executable_path=path, args=options)
        yield browser
        browser.close()


@contextmanager
def served(console: app.Console) -> Iterator[str]:
    """Serve a console from a thread, and give its address."""
    listening = socket.socket()
    listening.bind(("127.0.0.1", 0))
    application = app.application(console, ["127.0.0.1"])
    server = uvicorn.Server(
        uvicorn.Config(application, log_config=None, timeout_graceful_shutdown=1)
    )
    thread = threading.Thread(target=server.run, args=([listening],))
    thread.start()
    try:
        yield f"http://127.0.0.1:{listening.getsockname()[1]}"
    finally:
        server.should_exit = True
        thread.join()
        listening.close()


@contextmanager
def looking(
    chromium: Browser,
    console: app.Console,
    address: str,
    *roles: Role,
    language: str = "en",
    dark: bool = False,
    width: int = 1280,
    name: str = "anna",
) -> Iterator[Page]:
    """Give a page of somebody in these roles; an error in its scripts fails the test."""
    console.access.users.put(User(name, frozenset(roles), HASHED))
    session = console.access.sign_in(name, PASSWORD)
    assert session is not None
    context = chromium.new_context(
        base_url=address,
        locale={"en": "en-GB", "de": "de-DE"}[language],
        color_scheme="dark" if dark else "light",
        viewport={"width": width, "height": 800},
        reduced_motion="reduce",
    )
    context.set_default_timeout(PATIENCE)
    context.add_cookies(
        [
            {
                "name": "chartfeed_session",
                "value": console.access.keys.cookie(session),
                "url": address,
                "sameSite": "Strict",
            }
        ]
    )
    page = context.new_page()
    errors: list[str] = []
    page.on("pageerror", lambda error: errors.append(str(error)))
    # What the policy forbids is said in the browser's console.
    page.on(
        "console",
        lambda said: errors.append(said.text) if "Content Security Policy" in said.text else None,
    )
    try:
        yield page
    finally:
        context.close()
    assert [] == errors


def violations(page: Page) -> list[str]:
    """Give what axe finds of WCAG 2.2 A and AA, with where."""
    if not AXE.is_file():
        pytest.skip("axe-core is not here: bash deploy/tools.sh (needs npm)")
    # Evaluated, not added as a script: the pages' policy forbids that.
    page.evaluate(AXE.read_text("utf-8"))
    found = page.evaluate(
        "() => axe.run(document, {runOnly: ['wcag2a', 'wcag2aa', 'wcag21aa', 'wcag22aa']})"
    )
    return [
        f"{one['id']}: {node['target']} {node['failureSummary']}"
        for one in found["violations"]
        for node in one["nodes"]
    ]
