"""A review in a real browser: practices on a stand-in, by keyboard, two at once, without rights."""

import secrets
import shutil
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, expect

from chartfeed import mappings
from chartfeed import settings as configuration
from chartfeed.console.app import Console
from chartfeed.console.roles import REVIEWER, Role
from chartfeed.settings import Settings
from deploy.local import practices
from deploy.local.practice import fillers, layout, truth
from deploy.local.practices import Practice, Request
from producers import audit, mapping_file
from producers.connection import Settings as Login
from producers.connection import connect
from tests import approved
from tests.browser import chromium, looking, served, violations  # noqa: F401 - a fixture
from tests.console import a_console, browsing, post
from tests.practices_on import settings as login_of
from tests.standin import running

pytestmark = [pytest.mark.sqlserver, pytest.mark.timeout(180)]

READER = "Aa1-" + secrets.token_urlsafe(12)
CHECKED = 20_000


@dataclass(frozen=True)
class House:
    """Practices on a server, and a console with a folder of mappings of its own."""

    planned: tuple[Practice, ...]
    sa: Login
    settings: Settings
    console: Console
    chromium: Browser
    address: str

    @contextmanager
    def person(self, *roles: Role, name: str = "Ada", **others) -> Iterator[Page]:
        with looking(
            self.chromium, self.console, self.address, *roles, name=name, **others
        ) as page:
            yield page

    def rival(self, point: str) -> Practice:
        return next(one for one in self.planned if point in dict(one.rivals))

    def mapping(self, practice: Practice):
        return mapping_file.load(mapping_file.path_of(self.settings.mappings, practice.center_id))

    def said(self, practice: Practice):
        return audit.of_center(self.settings.mappings, practice.center_id).said

    def run(self, practice: Practice, text: str) -> None:
        with closing(connect(replace(self.sa, database=practice.database))) as connection:
            connection.execute(text)


@pytest.fixture(scope="module")
def server(
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[tuple[Path, tuple[Practice, ...], Login]]:
    folder = tmp_path_factory.mktemp("console")
    planned = practices.plan(
        Request(
            count=3,
            families=("clean", "ambiguous", "ambiguous"),
            patients=40,
            years=1,
            tables=20,
        )
    )
    with running(tmp_path_factory.mktemp("server")) as standin:
        sa = login_of(standin)
        practices.load_missing(
            planned, practices.connector(sa), user="chartfeed", password=READER, threads=2
        )
        settings = configuration.load(approved.configure(folder, {sa.server: planned}, READER))
        mappings.write(settings, settings.centers, by="chartfeed", now=lambda: datetime.now(UTC))
        yield folder, planned, sa


@pytest.fixture
def house(
    server: tuple[Path, tuple[Practice, ...], Login], chromium: Browser, tmp_path: Path
) -> Iterator[House]:
    folder, planned, sa = server
    shutil.copytree(folder, tmp_path, dirs_exist_ok=True)
    settings = configuration.load(tmp_path / "chartfeed.yml")
    console = a_console(settings)
    with served(console) as address:
        yield House(planned, sa, settings, console, chromium, address)


def checked(page: Page) -> None:
    """Wait until the validation has said what it has to say."""
    expect(page.locator("#check-title + .tag")).to_be_visible(timeout=CHECKED)


def approve(page: Page) -> None:
    checked(page)
    expect(page.locator("#approve")).to_be_enabled()
    page.keyboard.press("p")
    page.keyboard.press("Enter")


def choose(page: Page, name: str) -> None:
    """Choose a rival by the key that stands beside it."""
    button = page.get_by_role("button", name=f"Choose {name}")
    page.keyboard.press(button.locator("kbd").inner_text())
    expect(page.locator(".current .named strong")).to_have_text(name, timeout=CHECKED)


def test_a_center_is_reviewed_and_approved_by_keyboard_alone(house: House) -> None:
    practice = house.rival("KARTEI.DATUM")
    name = truth.of(practice).names["KARTEI.DATUM"]
    with house.person(REVIEWER, name="Ada Lovelace") as page:
        page.goto("/mappings")
        page.get_by_role("row", name=practice.center_id).get_by_role("link").click()
        expect(page.locator("#here")).to_have_text("KARTEI.DATUM")
        checked(page)
        expect(page.locator("#approve")).to_be_disabled()
        expect(page.locator(".samples code").first).to_contain_text("2022", timeout=CHECKED)
        choose(page, name)
        approve(page)
        expect(page.get_by_role("status").first).to_have_text(
            f"{practice.center_id}: approved by Ada Lovelace."
        )
        expect(page.locator(".trail li").first).to_contain_text("Ada Lovelace")

    found = house.mapping(practice)
    found.require_approval()
    assert found.reviewed_by == "Ada Lovelace"
    assert found.column("KARTEI", "DATUM") == name
    said = house.said(practice)
    assert (said.act, said.who, said.seal) == ("approval", "Ada Lovelace", found.seal)


def test_the_keys_move_accept_and_take_back(house: House) -> None:
    practice = house.planned[0]
    with house.person(REVIEWER) as page:
        page.goto(f"/mappings/{practice.center_id}?at=PATIENT.P_NAME")
        checked(page)
        page.keyboard.press("j")
        expect(page.locator("#here")).to_have_text("PATIENT.P_VORNAME")
        page.keyboard.press("k")
        expect(page.locator("#here")).to_have_text("PATIENT.P_NAME")
        page.keyboard.press("u")
        expect(page.locator(".detail .tag").first).to_have_text("left open", timeout=CHECKED)
        page.keyboard.press("z")
        expect(page.locator(".detail .tag").first).to_have_text("sure", timeout=CHECKED)
        page.keyboard.press("u")
        expect(page.locator(".detail .tag").first).to_have_text("left open", timeout=CHECKED)
        page.keyboard.press("?")
        expect(page.locator("#keys")).to_be_visible()
        page.keyboard.press("Escape")
        approve(page)
        expect(page.locator("h1 + .tag")).to_have_text("approved")

    assert list(house.mapping(practice).open_points()) == ["PATIENT.P_NAME"]


def test_the_back_button_takes_an_answer_back(house: House) -> None:
    practice = house.rival("KARTEI.DATUM")
    name = truth.of(practice).names["KARTEI.DATUM"]
    with house.person(REVIEWER) as page:
        page.goto(f"/mappings/{practice.center_id}")
        checked(page)
        choose(page, name)
        page.go_back()
        expect(page.locator(".current .named strong")).to_have_text("open")


def test_another_name_is_typed_and_one_that_is_not_there_is_told(house: House) -> None:
    practice = house.rival("KARTEI.DATUM")
    name = truth.of(practice).names["KARTEI.DATUM"]
    with house.person(REVIEWER) as page:
        page.goto(f"/mappings/{practice.center_id}")
        checked(page)
        page.keyboard.press("e")
        expect(page.locator(f"#names option[value='{name}']")).to_have_count(1, timeout=CHECKED)
        page.keyboard.type("NO_SUCH_COLUMN")
        page.keyboard.press("Enter")
        expect(page.get_by_role("alert")).to_contain_text("NO_SUCH_COLUMN is not there")
        # The answer is on the page a moment before keys reach what it brought.
        expect(page.locator("#here")).to_be_focused()
        page.keyboard.press("e")
        page.keyboard.type(name)
        page.keyboard.press("Enter")
        expect(page.locator(".current .named strong")).to_have_text(name, timeout=CHECKED)


def test_the_second_of_two_reviewers_is_refused_and_keeps_the_answers(house: House) -> None:
    practice = house.rival("KARTEI.DATUM")
    name = truth.of(practice).names["KARTEI.DATUM"]
    with house.person(REVIEWER, name="Ada") as ada, house.person(REVIEWER, name="Bo") as bo:
        for page in (ada, bo):
            page.goto(f"/mappings/{practice.center_id}")
            checked(page)
            choose(page, name)
            checked(page)
        expect(bo.locator(".note.warn")).to_contain_text("Ada is looking at this center, too")
        approve(ada)
        expect(ada.locator("h1 + .tag")).to_have_text("approved")
        approve(bo)
        expect(bo.get_by_role("alert")).to_contain_text("approval by Ada")
        expect(bo.locator(f"#course input[value='KARTEI.DATUM={name}']")).to_have_count(1)
        assert house.said(practice).who == "Ada"

        # What the second one answered can still be approved, over the first one's approval.
        approve(bo)
        expect(bo.locator(".trail li").first).to_contain_text("Bo")

    assert house.said(practice).who == "Bo"


def test_who_only_looks_sees_the_names_and_is_refused_to_approve(house: House) -> None:
    practice = house.planned[0]
    with house.person(name="Vic") as page:
        page.goto(f"/mappings/{practice.center_id}")
        expect(page.locator("#approve")).to_have_count(0)
        expect(page.locator(".points .point")).to_have_count(27)

    with browsing(house.console, name="Vic") as client:
        path = f"/mappings/{practice.center_id}"
        assert [403] * 3 == [
            post(client, f"{path}/{deed}", seen="").status_code
            for deed in ("approve", "revoke", "propose")
        ]
        assert 403 == client.get(f"{path}/samples?at=KARTEI.DATUM").status_code
    assert house.said(practice) is None


def test_an_approval_without_the_forms_token_is_refused(house: House) -> None:
    practice = house.planned[0]
    with browsing(house.console, REVIEWER, name="Ada") as client:
        assert 403 == client.post(f"/mappings/{practice.center_id}/approve").status_code
    assert house.said(practice) is None


def test_what_moved_since_the_approval_is_proposed_anew_and_shown_as_a_difference(
    house: House,
) -> None:
    practice = house.planned[0]
    with house.person(REVIEWER) as page:
        page.goto(f"/mappings/{practice.center_id}")
        approve(page)
        expect(page.locator("h1 + .tag")).to_have_text("approved")
        known = truth.of(practice).names
        old = f"{practice.schema}.{known['KARTEI']}.{known['KARTEI.BEMERKUNG']}"
        house.run(practice, f"EXEC sp_rename '{old}', 'BEMERKUNG_NEU', 'COLUMN'")
        try:
            page.goto("/mappings")
            row = page.get_by_role("row", name=practice.center_id)
            expect(row.locator(".tag")).to_have_text("schema moved", timeout=CHECKED)
            row.get_by_role("link").click()
            page.get_by_text("Propose names anew").first.click()
            page.get_by_role("button", name="Propose names anew").click()
            expect(page.locator("#diff-title")).to_be_visible(timeout=CHECKED)
            expect(page.locator("section:has(#diff-title) ins")).to_have_text("BEMERKUNG_NEU")
            checked(page)
            while page.locator("#do-next").is_enabled():
                at = page.locator("#here").inner_text()
                page.keyboard.press("a")
                expect(page.locator("#here")).not_to_have_text(at)
            approve(page)
            expect(page.locator("h1 + .tag")).to_have_text("approved")
        finally:
            new = f"{practice.schema}.{known['KARTEI']}.BEMERKUNG_NEU"
            name = known["KARTEI.BEMERKUNG"]
            house.run(practice, f"EXEC sp_rename '{new}', '{name}', 'COLUMN'")

    assert house.mapping(practice).column("KARTEI", "BEMERKUNG") == "BEMERKUNG_NEU"


def test_an_approval_is_revoked_with_a_reason(house: House) -> None:
    practice = house.planned[0]
    with house.person(REVIEWER, language="de") as page:
        page.goto(f"/mappings/{practice.center_id}")
        approve(page)
        expect(page.locator("h1 + .tag")).to_have_text("freigegeben")
        # What it says takes room: a click would miss what moves down meanwhile.
        checked(page)
        page.get_by_text("Freigabe widerrufen").click()
        page.get_by_label("Grund, für das Protokoll").fill("falsche Tabelle")
        page.get_by_role("button", name="Als Ada widerrufen").click()
        expect(page.locator(".trail li").first).to_contain_text("falsche Tabelle")

    said = house.said(practice)
    assert (said.act, said.who, said.reason) == ("revocation", "Ada", "falsche Tabelle")
    assert not house.mapping(practice).reviewed


def test_a_server_that_is_gone_takes_no_answer_away(house: House) -> None:
    practice = house.rival("KARTEI.DATUM")
    name = truth.of(practice).names["KARTEI.DATUM"]
    with house.person(REVIEWER) as page:
        page.goto(f"/mappings/{practice.center_id}")
        checked(page)
        house.run(practice, "EXEC standin.fail_next @error = 0, @count = 1")
        page.get_by_role("button", name=f"Choose {name}").click()
        expect(page.get_by_role("alert")).to_contain_text(f"--set KARTEI.DATUM={name}")
        page.get_by_role("link", name="Try again").click()
        expect(page.locator(".current .named strong")).to_have_text(name, timeout=CHECKED)
        approve(page)
        expect(page.locator("h1 + .tag")).to_have_text("approved")


def test_no_page_of_a_review_names_a_person(house: House) -> None:
    practice = house.planned[0]
    rows = next(rows for table, rows in fillers.rows(practice) if table.role == layout.PATIENT)
    columns = [column.role for column in practice.table(layout.PATIENT).columns]
    people = {str(row[columns.index("P_NAME")]) for row in rows}
    with browsing(house.console, REVIEWER, name="Ada") as client:
        path = f"/mappings/{practice.center_id}"
        pages = [client.get(f"{path}?check=1").text]
        pages += [
            client.get(f"{path}/samples?at={point}").text
            for point in ("PATIENT.P_NAME", "PATIENT.ID", "KARTEI.BEMERKUNG", "KASSEN.NAME")
        ]
    assert "The resulting rows of" in pages[0]
    words = set(" ".join(pages).replace("<", " ").replace(",", " ").split())
    assert not {name for name in people if len(name) > 5} & words


@pytest.mark.parametrize(
    "taste",
    [
        {"language": "en", "dark": False, "width": 1280},
        {"language": "de", "dark": True, "width": 820},
    ],
    ids=["english-light", "german-dark-tablet"],
)
def test_the_pages_can_be_used_by_everybody(house: House, taste: dict[str, Any]) -> None:
    practice = house.rival("KARTEI")
    with house.person(REVIEWER, **taste) as page:
        page.goto("/mappings")
        expect(page.locator("#places[hx-get]")).to_have_count(0, timeout=CHECKED)
        assert [] == violations(page)
        page.goto(f"/mappings/{practice.center_id}")
        checked(page)
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
        assert [] == violations(page)
