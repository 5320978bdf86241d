"""The days in a browser, over a real feed: from a practice's commit to the file in one's hands."""

import json
import os
import re
import statistics
import subprocess
import sys
import time
from contextlib import contextmanager
from datetime import date, timedelta
from pathlib import Path
from urllib.error import HTTPError
from urllib.parse import urlencode
from urllib.request import HTTPRedirectHandler, Request, build_opener

import pytest

from tests.browser import NAMES, chromium, violations  # noqa: F401 - a fixture, by its name
from tests.console import PASSWORD
from tests.own_stack import services, stack  # noqa: F401 - fixtures, by their names
from tests.producing import producing
from tests.scene import named_apart, stage
from tests.streaming import until, workers

pytestmark = [
    pytest.mark.kafka,
    pytest.mark.sqlserver,
    pytest.mark.timeout(300),
    pytest.mark.filterwarnings("ignore::DeprecationWarning:websockets"),
]

ROOT = Path(__file__).resolve().parents[2]
DUE_SECONDS = 3.0


@contextmanager
def console(config):
    """Run `chartfeed console` as a user would; gives its address."""
    run = (sys.executable, "-m", "chartfeed", "--config", str(config), "console")
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    for name, *roles in (("anna", "--role", "operator"), ("berta",)):
        subprocess.run(
            [*run, "user", "add", name, *roles],
            env=environment,
            input=f"{PASSWORD}\n",
            text=True,
            check=True,
            timeout=60,
        )
    log = config.parent / "console.log"
    with log.open("wb") as told:
        process = subprocess.Popen(
            [*run, "--port", "0"], env=environment, stdout=subprocess.PIPE, stderr=told
        )
    assert process.stdout is not None
    try:
        address = process.stdout.readline().decode().strip()
        assert address.startswith("http://"), log.read_text()
        until(lambda: answered(f"{address}/sign-in"), 30, every=0.1)
        yield address
    finally:
        process.terminate()
        process.wait(20)
        process.stdout.close()


class _Stay(HTTPRedirectHandler):
    def redirect_request(self, *_):
        return None


def asked(address, **fields):
    """Ask without a session; gives the status, the headers and the content."""
    data = urlencode(fields).encode() if fields else None
    try:
        with build_opener(_Stay).open(Request(address, data), timeout=10) as answer:
            return answer.status, answer.headers, answer.read()
    except HTTPError as error:
        with error:
            return error.code, error.headers, error.read()


def answered(address):
    try:
        return asked(address)[0] == 200
    except OSError:
        return False


@pytest.fixture(scope="module")
def feed(tmp_path_factory, services, chartfeed):
    """Give practices whose producer and worker run, and the day that most is written in."""
    folder = tmp_path_factory.mktemp("looked-at")
    with stage(folder, named_apart("look", 2), services, chartfeed) as on:
        config = on.configured(
            "feed.json", output={"path": "output/", "formats": ["csv", "json", "parquet"]}
        )
        chosen = [word for name in on.planned for word in ("--center", name)]
        with (
            producing(config, folder / "produce.log", *chosen),
            workers(config) as start,
            console(config) as address,
        ):
            start()
            output = folder / "output"
            known = {name: on.scene(name)._known for name in on.planned}
            scene = on.scene(next(iter(on.planned)))
            own = known[scene.id]
            day = max(own.days(), key=lambda one: len(own.expected(one)))
            due = sum(len(center.expected(day)) for center in known.values())
            manifest = output / f"ivoris_chart_entries_{day}.manifest.json"
            until(lambda: rows_in(manifest) == due, 150)
            yield Looked(scene, config, output, address, day)


def rows_in(manifest):
    """Give how many rows a day has by now."""
    return json.loads(manifest.read_bytes())["record_count"] if manifest.exists() else None


class Looked:
    """A feed that somebody looks at; each entry has a text that no other has."""

    def __init__(self, scene, config, output, address, day):
        self.scene, self.config, self.output = scene, config, output
        self.address, self.day = address, day
        self._number = 5_000_000

    def commit(self):
        """Commit an entry of one of the patients, and give its text."""
        self._number += 1
        text = f"Aufbissschiene, Ä „{self._number}“"
        self.scene.insert("KARTEI", [[self._number, 1, int(f"{self.day:%Y%m%d}"), text, 0]])
        return text

    def file(self, extension):
        return self.output / f"ivoris_chart_entries_{self.day}.{extension}"


@contextmanager
def signed_in(browser, address, name="anna", **context):
    """Give a page of somebody who has signed in by the form."""
    options = {"locale": "en-GB", "viewport": {"width": 1280, "height": 800}} | context
    opened = browser.new_context(base_url=address, reduced_motion="reduce", **options)
    opened.set_default_timeout(15_000)
    page = opened.new_page()
    errors = []
    page.on("pageerror", lambda error: errors.append(str(error)))
    page.on("console", lambda said: errors.append(said.text) if "Policy" in said.text else None)
    try:
        page.goto("/sign-in")
        page.fill("[name=name]", name)
        page.fill("[name=password]", PASSWORD)
        page.click("form.form button")
        yield page
    finally:
        opened.close()
    assert [] == errors


def test_an_entry_is_seen_within_seconds_of_its_commit_and_found_in_its_file(
    feed,
    chromium,
    tmp_path,
):
    with signed_in(chromium, feed.address) as page:
        page.goto(f"/days/{feed.day}")
        page.fill("#text", "Aufbissschiene, Ä")
        page.get_by_text("No row fits what you chose").wait_for()
        waits, text = [], ""
        for _ in range(3):
            text = feed.commit()
            began = time.monotonic()
            page.get_by_role("cell", name=text).wait_for(timeout=20_000)
            waits.append(time.monotonic() - began)
        page.fill("#text", text.upper())
        page.get_by_text("Rows 1 to 1 of 1").wait_for()
        assert f"{feed.address}/days/{feed.day}" == page.url
        for extension in ("csv", "json", "parquet"):
            with page.expect_download() as waiting:
                page.click(f"a[href$='/files/{extension}'] >> nth=0")
            kept = tmp_path / waiting.value.suggested_filename
            waiting.value.save_as(kept)
            assert feed.file(extension).name == kept.name
            assert feed.file(extension).read_bytes() == kept.read_bytes()
        assert text in feed.file("json").read_text()
    assert statistics.median(waits) < DUE_SECONDS, waits


def test_an_answer_that_takes_long_is_not_broken_off_by_the_look_for_news(feed, chromium):
    with signed_in(chromium, feed.address) as page:
        page.clock.install()
        page.goto(f"/days/{feed.day}")
        held, broken_off = [], []

        def hold(route):
            held.append(route)

        # A look for news gives way to the form's own request; that one to nothing.
        page.on("requestfailed", lambda asked: broken_off.append(f"{asked.method} {asked.url}"))
        page.route(f"**/days/{feed.day}", hold)
        with page.expect_request(lambda asked: asked.method == "POST"):
            page.fill("#text", "No entry has this text")
            page.clock.run_for(500)
        page.clock.run_for(5_000)
        (answer,) = held
        answer.continue_()

        page.get_by_text("No row fits what you chose").wait_for()
        assert [] == [asked for asked in broken_off if asked.startswith("POST")]


def test_nobody_sees_a_day_without_signing_in(feed):
    for part in ("", "/centers", "/charts", "/files", "/files/csv", "/checks", "/reconcile"):
        status, headers, content = asked(f"{feed.address}/days/{feed.day}{part}")
        assert (303, True) == (status, headers["location"].startswith("/sign-in"))
        assert b"" == content
    assert 403 == asked(f"{feed.address}/days/{feed.day}", text="x")[0]
    assert 403 == asked(f"{feed.address}/days/{feed.day}/reconcile", token="x")[0]


def test_a_viewer_may_look_and_not_reconcile(feed, chromium):
    with signed_in(chromium, feed.address, "berta") as page:
        page.goto(f"/days/{feed.day}/files")

        assert page.get_by_text("Operators can start it").is_visible()
        assert 0 == page.get_by_role("button", name="Reconcile now").count()


def test_an_operator_reconciles_and_verifies(feed, chromium):
    with signed_in(chromium, feed.address) as page:
        page.goto(f"/days/{feed.day}/files")
        page.get_by_role("button", name="Verify hashes").or_(
            page.get_by_role("link", name="Verify hashes")
        ).click()
        page.get_by_text("as the manifest says").nth(2).wait_for()
        page.get_by_role("button", name="Reconcile now").click()

        page.get_by_text("Identical: every row").wait_for(timeout=40_000)

        assert page.get_by_text(re.compile("Asked for by anna")).is_visible()


@pytest.mark.parametrize(
    ("language", "scheme", "width"), [("en-GB", "light", 1280), ("de-DE", "dark", 834)]
)
def test_every_page_is_for_everybody(feed, chromium, language, scheme, width):
    look = {"locale": language, "color_scheme": scheme, "viewport": {"width": width, "height": 900}}
    with signed_in(chromium, feed.address, **look) as page:
        found = {}
        for path in ("", *(f"/{feed.day}{part}" for part in ("", "/centers", "/charts", "/files"))):
            page.goto(f"/days{path}")
            found[path] = violations(page)

    assert {} == {path: one for path, one in found.items() if one}


def test_rows_are_chosen_by_keyboard_alone(feed, chromium):
    with signed_in(chromium, feed.address) as page:
        page.goto(f"/days/{feed.day}")
        page.focus("select[name=status]")
        page.keyboard.type("GKV")
        page.wait_for_url("**?status=GKV")
        page.get_by_role("button", name="Patient").focus()
        page.keyboard.press("Enter")
        page.locator("th[aria-sort=ascending]").wait_for()

        ids = page.locator("#rows tbody td:nth-child(2)").all_inner_texts()
        assert (
            sorted(ids, key=lambda id_: (not id_.isdigit(), int(id_) if id_.isdigit() else 0))
            == ids
        )
        page.go_back()
        page.go_back()
        page.wait_for_url(f"**/days/{feed.day}")


def test_the_calendar_leads_to_the_day(feed, chromium):
    with signed_in(chromium, feed.address) as page:
        page.goto(f"/days?month={feed.day:%Y-%m}")
        page.locator(f".calendar a[href$='{feed.day}']").click()
        page.get_by_role("link", name="Charts").click()

        assert page.get_by_role("img", name="Rows of each center").is_visible()
        assert feed.day < date.today() + timedelta(days=1)  # noqa: DTZ011 - a day, not a moment
