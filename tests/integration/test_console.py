"""The overview, a center and the measures in a browser: as they look, and over a real feed."""

import time
from contextlib import closing
from dataclasses import replace
from zoneinfo import ZoneInfo

import pytest
from playwright.sync_api import expect

from chartfeed import settings
from chartfeed.console.history import History
from chartfeed.console.live import Live
from chartfeed.console.looking import Reader
from chartfeed.console.roles import OPERATOR
from tests.browser import chromium, looking, served, violations  # noqa: F401 - a fixture, by name
from tests.console import a_console, a_view, configured, told
from tests.own_stack import services, stack  # noqa: F401 - fixtures, by their names
from tests.producing import producing
from tests.scene import named_apart, stage
from tests.streaming import until

pytestmark = [
    pytest.mark.timeout(180),
    pytest.mark.filterwarnings("ignore::DeprecationWarning:websockets"),
]

CENTERS = ("center_01", "center_02", "center_03")
DUE_SECONDS = 3.0


class Told:
    """What the topics tell; a test changes it."""

    def __init__(self):
        self.views = {one: a_view(one) for one in CENTERS}
        self.views["center_03"] = a_view(
            "center_03",
            "needs-confirmation",
            needs_somebody=True,
            detail="the resync would delete 3120 of 9800 rows of LEISTUNG",
            next_command="chartfeed resync center_03 --confirm",
        )

    def __call__(self):
        return told(*self.views.values())()


@pytest.fixture(scope="module")
def source():
    return Told()


@pytest.fixture(scope="module")
def console(tmp_path_factory, source):
    console = a_console(configured(tmp_path_factory.mktemp("console"), CENTERS), source)
    now, history = time.time(), console.live.history
    for slot in range(100):
        at = now - 30 * (100 - slot)
        history.saw(at, [a_view("center_01", events_total=40 * slot, lag_seconds=slot / 50)])
        history.applied("center_01", at, 0.3 + slot / 200)
    return console


@pytest.fixture(scope="module")
def address(console):
    with served(console) as address:
        console.live.after(0, 10)
        yield address


def test_problems_come_first_and_what_changes_shows_without_a_reload(
    console, address, source, chromium
):
    with looking(chromium, console, address) as page:
        page.goto("/")
        first = page.locator("#lines tr").first

        expect(first).to_contain_text("needs confirmation")
        expect(page.locator("#pulse")).to_have_text("Live")
        assert [] == violations(page)

        source.views["center_02"] = replace(source.views["center_02"], lag_seconds=7.0)
        console.live.look()
        expect(page.locator("#c-center_02")).to_contain_text("7.0")

        source.views["center_01"] = a_view("center_01", "drift", needs_somebody=True)
        console.live.look()
        expect(first).to_contain_text("schema changed")

        page.get_by_label("Only problems").check()
        expect(page.locator("#lines tr:visible")).to_have_count(2)
        page.get_by_label("Search").fill("center_03")
        expect(page.locator("#lines tr:visible")).to_have_count(1)
        page.get_by_label("Search").fill("nowhere")
        expect(page.get_by_text("No center fits.")).to_be_visible()


def test_a_center_is_confirmed_by_its_name_alone_and_by_keyboard(console, address, chromium):
    with looking(chromium, console, address, OPERATOR, language="de", dark=True) as page:
        page.goto("/centers/center_03")
        button = page.get_by_role("button", name="Neuabgleich bestätigen").first
        button.focus()
        page.keyboard.press("Enter")
        dialog = page.get_by_role("dialog")
        expect(dialog).to_contain_text("3120 of 9800 rows")
        assert [] == violations(page)

        page.keyboard.press("Escape")
        expect(dialog).not_to_be_visible()
        button.click()
        page.get_by_label("Zur Bestätigung center_03 eingeben").fill("center_02")
        dialog.get_by_role("button", name="Neuabgleich bestätigen").click()
        expect(page.get_by_role("alert")).to_contain_text("nichts wurde angefordert")


def test_the_measures_fit_a_tablet_in_german(console, address, chromium):
    with looking(chromium, console, address, language="de", width=834) as page:
        page.goto("/metrics?minutes=60&center=center_01")

        expect(page.get_by_role("img", name="Laufzeit")).to_be_visible()
        expect(page.locator("#figures")).to_contain_text("0,")
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
        assert [] == violations(page)


def test_one_signs_in_changes_the_language_and_signs_out(console, address, chromium):
    with looking(chromium, console, address) as page:
        page.context.clear_cookies()
        page.goto("/metrics")
        expect(page.get_by_role("heading", name="Sign in")).to_be_visible()
        assert [] == violations(page)
        page.get_by_role("button", name="Deutsch").click()
        page.get_by_label("Name").fill("anna")
        page.get_by_label("Passwort").fill("nicht ihr Passwort")
        page.get_by_role("button", name="Anmelden").click()
        expect(page.get_by_role("alert")).to_have_text("Name oder Passwort stimmt nicht.")

        page.get_by_label("Passwort").fill("four words that fit")
        page.keyboard.press("Enter")
        expect(page.get_by_role("heading", name="Übersicht")).to_be_visible()
        page.get_by_role("button", name="Abmelden").click()
        expect(page.get_by_role("status")).to_have_text("Sie sind abgemeldet.")
        page.goto("/")
        expect(page.get_by_role("heading", name="Anmelden")).to_be_visible()


@pytest.mark.kafka
@pytest.mark.sqlserver
@pytest.mark.timeout(400)
def test_a_commit_shows_within_seconds_and_an_operator_pauses_the_center(
    tmp_path, services, chartfeed, chromium
):
    with stage(tmp_path, named_apart("seen", 1), services, chartfeed) as on:
        config = on.configured("feed.json")
        center = next(iter(on.planned))
        loaded, zone = settings.load(config), ZoneInfo("Europe/Berlin")
        with (
            producing(config, tmp_path / "produce.log", "--center", center),
            closing(Reader(loaded, zone)) as reader,
        ):
            console = replace(a_console(loaded), live=Live(reader, History([center])))
            with served(console) as address:
                until(lambda: is_(console, center, "streaming"))

                with looking(chromium, console, address, OPERATOR) as page:
                    page.goto(f"/centers/{center}")
                    expect(page.locator("#events")).to_contain_text("first read")
                    on.scene(center).insert("KARTEI", [[5_000_001, 1, 20220118, "Geheim", 0]])
                    committed = time.monotonic()
                    page.locator("#events tr", has_text="5000001").wait_for(state="attached")
                    assert "Geheim" not in page.content()
                    # The page asks every five seconds; the position is there sooner.
                    assert time.monotonic() - committed < DUE_SECONDS + 5

                    page.get_by_role("button", name="Pause").first.click()
                    page.get_by_label("Reason").fill("Umbau")
                    page.get_by_role("dialog").get_by_role("button", name="Pause").click()
                    expect(page.get_by_role("status")).to_contain_text("will be paused")
                    until(lambda: is_(console, center, "stopped"), 10)
                    expect(page.locator("#now")).to_contain_text("paused by anna")
                    page.get_by_role("button", name="Resume").first.click()
                    page.get_by_role("dialog").get_by_role("button", name="Resume").click()
                    until(lambda: is_(console, center, "streaming"), 10)

                with looking(chromium, console, address, name="berta") as page:
                    page.goto(f"/centers/{center}")
                    expect(page.get_by_role("button", name="Pause")).to_have_count(0)


def is_(console, center, state):
    view = console.live.now.view(center)
    return view is not None and view.state == state
