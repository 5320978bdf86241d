"""The pages of the days: what they show, whom they refuse, and what never stands in an address."""

import logging
import shutil
import threading
from dataclasses import replace
from datetime import UTC, date, datetime
from functools import partial

import pytest
from starlette.testclient import TestClient

from chartfeed.comparing import Wanted as Compared
from chartfeed.console.days.form import address, asked_by_address, asked_by_form
from chartfeed.console.days.month import month_of, neighbours, standing_of
from chartfeed.console.days.reconcile import Busy, Reconciler
from chartfeed.console.days.view import Wanted
from chartfeed.console.roles import OPERATOR
from chartfeed.reconcile.report import CenterResult, Report
from schemas.errors import Outside
from schemas.unified import file_order
from stream_app.files import day as files
from stream_app.files.manifest import CenterLine, CompleteThrough
from stream_app.files.months import open_daily
from stream_app.files.rendering import file_name, manifest_name, render
from tests.console import a_console, browsing, configured, token
from tests.unified import an_entry

DAY = date(2022, 1, 18)
NOW = datetime(2022, 1, 18, 17, 30, tzinfo=UTC)
SECRET = "Wurzelbehandlung 36"


def some_rows(count=3, **changes):
    return [
        an_entry(
            date=DAY, entry_id=at, patient_id=700 + at, chart_entry=f"{SECRET} {at}", **changes
        )
        for at in range(count)
    ]


def a_line(center_id="center_01", behind=None, **changes):
    through = CompleteThrough(NOW, 10)
    return replace(CenterLine(center_id, f"Praxis {center_id}", 3, 0, through, behind), **changes)


def written(loaded, rows, *, day=DAY, formats=("csv", "json", "parquet"), lines=None, **more):
    target = open_daily(loaded.output_path, by_month=loaded.output.by_month)
    return files.write(
        target,
        day,
        sorted(rows, key=file_order),
        formats=formats,
        centers=[a_line(), a_line("center_02", "drift", record_count=0)]
        if lines is None
        else lines,
        written_at=NOW,
        **more,
    )


@pytest.fixture(scope="module")
def configuration(tmp_path_factory):
    return configured(tmp_path_factory.mktemp("days"))


@pytest.fixture(scope="module")
def signed_in(configuration):
    """One console for all: a process has one, and its users come and go."""
    with browsing(a_console(configuration)) as client:
        client.headers["accept-language"] = "en"
        yield client


@pytest.fixture
def loaded(configuration):
    """Give a configuration whose output is empty."""
    shutil.rmtree(configuration.output_path, ignore_errors=True)
    return configuration


@pytest.fixture
def client(signed_in, loaded):  # noqa: ARG001 - its output is empty
    return signed_in


@pytest.fixture
def operator(signed_in):
    users = signed_in.app.state.console.access.users
    users.set_roles("anna", frozenset([OPERATOR]))
    yield signed_in
    users.set_roles("anna", frozenset())


def post(client, path, **fields):
    """Send a form with the token of this area's own pages."""
    return client.post(path, data={"token": token(client, "/days")} | fields)


def test_without_a_day_the_calendar_says_what_will_come(client):
    assert "No day has files yet" in client.get("/days").text


def test_the_calendar_shows_rows_and_who_is_behind(loaded, client):
    written(loaded, some_rows())

    page = client.get("/days").text

    assert "January 2022" in page
    assert "3 rows" in page
    assert "1 center behind" in page
    assert "its schema has changed: center_02" in page


def test_the_calendar_opens_where_the_work_is_though_an_entry_is_dated_to_come(loaded, client):
    to_come = date(2202, 1, 18)
    written(loaded, some_rows())
    written(loaded, [replace(row, date=to_come) for row in some_rows()], day=to_come)

    assert 'value="2022-01"' in client.get("/days").text
    assert 'value="2202-01"' in client.get("/days?month=2202-01").text


def test_the_calendar_speaks_german(loaded, client):
    written(loaded, some_rows())

    page = client.get("/days?month=2022-01", headers={"accept-language": "de"}).text

    assert "Januar 2022" in page
    assert "3 Zeilen" in page


def test_a_damaged_manifest_is_a_problem_of_its_day_alone(loaded, client):
    written(loaded, some_rows())
    (loaded.path.parent / "output" / manifest_name(date(2022, 1, 19))).write_text("{")

    page = client.get("/days").text

    assert "manifest damaged" in page
    assert "3 rows" in page
    assert 422 == client.get("/days/2022-01-19").status_code


def test_a_month_that_is_none_is_the_newest(loaded, client):
    written(loaded, some_rows())

    assert "January 2022" in client.get("/days?month=2022-13").text


@pytest.mark.parametrize("part", ["", "/centers", "/charts", "/files"])
def test_each_part_of_a_day_says_that_nothing_here_may_be_kept(loaded, client, part):
    written(loaded, some_rows())

    page = client.get(f"/days/2022-01-18{part}")

    assert 200 == page.status_code
    assert "Tuesday, 18 Jan 2022" in page.text
    assert "no-store" == page.headers["cache-control"]


@pytest.mark.parametrize(
    "named",
    [
        "2022-02-30",
        "today",
        "2022-1-18",
        "..%2f..%2fetc%2fpasswd",
        "%2e%2e",
        "2022-01-18.csv",
        "2022-01-18%00",
        "2022-01-18%2f..",
        "ivoris_chart_entries_2022-01-18",
    ],
)
def test_only_a_day_of_the_calendar_is_looked_for(loaded, client, named):
    written(loaded, some_rows())

    for part in ("", "/files/csv", "/checks", "/charts"):
        assert 404 == client.get(f"/days/{named}{part}").status_code


def test_a_day_without_files_is_not_found(client):
    assert 404 == client.get("/days/2022-01-18").status_code


def test_rows_are_filtered_by_their_address(loaded, client):
    written(loaded, [*some_rows(1), *some_rows(1, insurance_status="PKV")])

    page = client.get("/days/2022-01-18?status=PKV").text

    assert "Rows 1 to 1 of 1" in page


def test_persons_are_searched_by_a_form_and_not_by_an_address(loaded, client):
    written(loaded, some_rows())

    found = client.post(
        "/days/2022-01-18",
        data={"token": token(client, "/days"), "text": f"{SECRET} 2", "center": "center_01"},
        headers={"hx-request": "true"},
    )

    assert "Rows 1 to 1 of 1" in found.text
    assert "/days/2022-01-18?center=center_01" == found.headers["hx-push-url"]
    assert "Rows 1 to 3 of 3" in client.get("/days/2022-01-18?patient=701&text=x").text


def test_a_search_without_its_token_is_refused(loaded, client):
    written(loaded, some_rows())

    assert 403 == client.post("/days/2022-01-18", data={"text": SECRET}).status_code


def test_without_scripts_a_form_gives_the_whole_page(loaded, client):
    written(loaded, some_rows())

    page = post(client, "/days/2022-01-18", patient="701").text

    assert "<!doctype html>" in page
    assert "Rows 1 to 1 of 1" in page
    assert 'value="701"' in page


def test_nobody_sees_anything_without_signing_in(loaded, client):
    written(loaded, some_rows())
    stranger = TestClient(client.app, follow_redirects=False)

    for part in ("", "/centers", "/charts", "/files", "/files/csv", "/checks", "/words", "/news"):
        answer = stranger.get(f"/days/2022-01-18{part}")
        assert (303, True) == (answer.status_code, "/sign-in" in answer.headers["location"])
        assert SECRET not in answer.text


@pytest.mark.parametrize("extension", ["csv", "json", "parquet"])
def test_a_file_comes_byte_for_byte(loaded, client, extension):
    written(loaded, some_rows())

    answer = client.get(f"/days/2022-01-18/files/{extension}")

    due = (loaded.path.parent / "output" / file_name(DAY, extension)).read_bytes()
    assert due == answer.content
    assert file_name(DAY, extension) in answer.headers["content-disposition"]


def test_a_format_that_is_not_written_is_made_to_the_byte(loaded, client):
    rows = some_rows()
    written(loaded, rows, formats=["json"])

    assert render("csv", DAY, rows) == client.get("/days/2022-01-18/files/csv").content
    assert render("parquet", DAY, rows) == client.get("/days/2022-01-18/files/parquet").content


@pytest.mark.parametrize("extension", ["manifest.json", "final.json", "exe", "parquet"])
def test_other_files_are_not_handed_out(loaded, client, extension):
    written(loaded, some_rows(), formats=["csv"])

    assert 404 == client.get(f"/days/2022-01-18/files/{extension}").status_code


def test_a_file_that_is_gone_is_told(loaded, client):
    written(loaded, some_rows())
    (loaded.path.parent / "output" / file_name(DAY, "csv")).unlink()

    assert "This file is missing" in client.get("/days/2022-01-18/files/csv").text
    assert "missing" in client.get("/days/2022-01-18/checks").text


def test_hashes_are_verified_when_asked_for(loaded, client):
    written(loaded, some_rows())
    good = client.get("/days/2022-01-18/checks").text
    with (loaded.path.parent / "output" / file_name(DAY, "csv")).open("ab") as file:
        file.write(b"\n")

    bad = client.get("/days/2022-01-18/checks").text

    assert (3, 0) == (good.count("as the manifest says"), good.count("other bytes"))
    assert (2, 1) == (bad.count("as the manifest says"), bad.count("other bytes"))


def test_days_may_lie_in_folders_of_months(tmp_path):
    loaded = configured(tmp_path)
    loaded = replace(loaded, output=replace(loaded.output, folders="month"))
    written(loaded, some_rows())

    with browsing(a_console(loaded)) as client:
        assert SECRET in client.get("/days/2022-01-18").text
        assert 200 == client.get("/days/2022-01-18/files/csv").status_code
    assert (tmp_path / "output" / "2022-01").is_dir()


def test_days_may_lie_in_an_object_store(tmp_path):
    loaded = configured(tmp_path)
    loaded = replace(loaded, output=replace(loaded.output, path="memory://console-days"))
    written(loaded, some_rows())

    with browsing(a_console(loaded)) as client:
        assert SECRET in client.get("/days/2022-01-18").text
        assert render("csv", DAY, some_rows()) == client.get("/days/2022-01-18/files/csv").content


def test_news_come_only_when_the_rows_are_others(loaded, client):
    written(loaded, some_rows())
    page = client.get("/days/2022-01-18").text
    version = page.partition("news?version=")[2][:16]
    quiet = client.get(f"/days/2022-01-18/news?version={version}")
    written(loaded, some_rows(4))

    told = client.get(f"/days/2022-01-18/news?version={version}")

    assert 204 == quiet.status_code
    assert "day-changed" == told.headers["hx-trigger"]


def half_rewritten(loaded, rows):
    """Have all data files newer than their manifest, as between two renames."""
    written(loaded, rows)
    for extension in ("csv", "json", "parquet"):
        path = loaded.path.parent / "output" / file_name(DAY, extension)
        path.write_bytes(render(extension, DAY, some_rows(9)))


def test_a_day_in_the_making_asks_to_come_again(loaded, client):
    half_rewritten(loaded, some_rows(7, insurance_name="of which nobody has read yet"))

    for part in ("", "/charts"):
        answer = client.get(f"/days/2022-01-18{part}")
        assert (503, "2") == (answer.status_code, answer.headers["retry-after"])
        assert SECRET not in answer.text
    fragment = client.post(
        "/days/2022-01-18", data={"token": token(client, "/days")}, headers={"hx-request": "true"}
    )
    assert (200, True) == (fragment.status_code, "being written" in fragment.text)


def test_a_reader_of_a_day_in_the_making_goes_on_with_the_old_one(loaded, client):
    written(loaded, some_rows())
    before = client.get("/days/2022-01-18").text
    half_rewritten(loaded, some_rows())

    assert "Rows 1 to 3 of 3" in before
    assert "Rows 1 to 3 of 3" in client.get("/days/2022-01-18").text


def test_a_page_of_a_day_that_was_rewritten_says_so(loaded, client):
    written(loaded, some_rows(120))

    page = client.post(
        "/days/2022-01-18",
        data={"token": token(client, "/days"), "page": "2", "version": "an older one"},
        headers={"hx-request": "true"},
    ).text

    assert "Rows 51 to 100 of 120" in page
    assert "written anew since you opened it" in page


def test_a_very_long_text_leaves_the_page_small(loaded, client):
    written(loaded, [an_entry(date=DAY, chart_entry="<" * 1_000_000)])

    page = client.get("/days/2022-01-18").text

    assert len(page) < 100_000
    assert "999,600 more characters" in page


def test_what_a_source_says_is_never_markup(loaded, client):
    name = "<script>alert(1)</script>"
    written(loaded, [an_entry(date=DAY, chart_entry=name, insurance_name=name, center_name=name)])

    for part in ("", "/charts", "/words"):
        assert "<script>alert" not in client.get(f"/days/2022-01-18{part}").text


def test_nothing_of_a_person_is_logged(loaded, client, caplog, capfd):
    written(loaded, some_rows())
    with caplog.at_level(logging.DEBUG):
        client.get("/days/2022-01-18/files/csv")
        post(client, "/days/2022-01-18", patient="701", text=SECRET)
    said = caplog.text + "".join(capfd.readouterr())

    assert SECRET not in said
    assert "701" not in said


def test_a_reconcile_is_for_operators(loaded, client):
    written(loaded, some_rows())

    assert "Operators can start it" in client.get("/days/2022-01-18/files").text
    assert 403 == post(client, "/days/2022-01-18/reconcile").status_code


def test_an_operator_has_a_day_compared_and_sees_what_came_of_it(loaded, operator):
    written(loaded, some_rows())

    asked = post(operator, "/days/2022-01-18/reconcile")

    assert (303, "/days/2022-01-18/files") == (asked.status_code, asked.headers["location"])
    page = ""
    for _ in range(200):
        page = operator.get("/days/2022-01-18/reconcile").text
        if "Reconcile again" in page:
            break
        threading.Event().wait(0.05)
    # No center of this configuration has a mapping that was approved.
    assert "Not compared" in page
    assert "Asked for by anna" in page


class Held:
    """A comparison that waits to be let go; it tells of each center before."""

    def __init__(self, result):
        self.result = result
        self.go = threading.Event()
        self.told = threading.Event()

    def __call__(self, wanted: Compared):
        assert wanted.told is not None
        for center in wanted.centers:
            wanted.told(CenterResult(center.id))
            wanted.told(CenterResult(center.id))
        self.told.set()
        assert self.go.wait(10)
        if isinstance(self.result, Exception):
            raise self.result
        return self.result


def ended(reconciler):
    """Wait until nothing is under way: the thread of the comparisons is one."""
    reconciler._pool.shutdown(wait=True)


@pytest.fixture
def comparing(loaded):
    target = open_daily(loaded.output_path, by_month=False)
    return partial(Reconciler, loaded, target, clock=lambda: NOW)


def test_one_comparison_runs_at_a_time_and_tells_how_far_it_is(comparing):
    held = Held(Report(1))
    reconciler = comparing(settled=held)
    reconciler.start(DAY, "anna")

    assert held.told.wait(10)
    assert (2, 2, True) == (
        reconciler.of(DAY).compared,
        reconciler.of(DAY).centers,
        reconciler.of(DAY).is_running,
    )
    with pytest.raises(Busy):
        reconciler.start(date(2022, 1, 19), "berta")
    held.go.set()
    ended(reconciler)
    assert reconciler.of(DAY).report.is_identical
    assert reconciler.running() is None


@pytest.mark.parametrize("error", [Outside("no database"), KeyError("701")])
def test_a_comparison_that_fails_has_ended_and_says_so(comparing, error):
    held = Held(error)
    reconciler = comparing(settled=held)
    reconciler.start(DAY, "anna")
    held.go.set()
    ended(reconciler)

    assert not reconciler.of(DAY).is_running
    assert "701" not in reconciler.of(DAY).error.message


def test_a_form_becomes_what_is_wanted():
    form = {"center": " center_01 ", "text": "x", "sort": "-patient", "page": "3", "token": "t"}

    assert Wanted(
        center="center_01", text="x", sort="patient", descending=True, number=3
    ) == asked_by_form(form)


def test_a_pressed_head_of_a_column_sorts_anew():
    assert "status" == asked_by_form({"sort": "-patient", "resort": "status"}).sort
    assert Wanted() == asked_by_form({"sort": "patient", "resort": "-"})


@pytest.mark.parametrize("page", ["", "0", "-1", "x", "²", "9" * 50])
def test_a_page_that_is_none_is_the_first(page):
    assert asked_by_address({"page": page}).number in {0, 1}


def test_an_address_comes_back_as_it_went_but_for_persons():
    wanted = Wanted(center="c&d", insurance="Ä", sort="text", descending=True, number=4)

    assert "?center=c%26d&insurance=%C3%84&sort=-text&page=4" == address(wanted)
    assert "" == address(Wanted(patient="701", text="x"))


def test_a_month_begins_on_monday_and_its_problems_with_the_newest():
    third, ninth = date(2022, 1, 3), date(2022, 1, 9)
    manifests = {
        third: files_of(third, 10, [a_line(behind="drift")]),
        ninth: None,
        date(2022, 1, 10): files_of(date(2022, 1, 10), 40, [a_line()]),
    }

    shown = month_of(2022, 1, manifests, lambda manifest: manifest.centers)

    assert [None] * 5 == list(shown.weeks[0][:5])
    monday, next_monday = shown.weeks[1][0], shown.weeks[2][0]
    assert monday is not None
    assert next_monday is not None
    assert third == monday.day
    assert (50, [ninth, third]) == (shown.rows, [cell.day for cell in shown.problems])
    assert (1, 4) == (monday.level, next_monday.level)


def files_of(day, rows, lines):
    from stream_app.files.manifest import Manifest

    return Manifest(day, NOW, rows, {}, tuple(lines))


def test_a_standing_counts_centers_by_what_they_lack():
    lines = [a_line(), a_line("b", "drift"), a_line("c", "down"), a_line("d", "drift")]

    found = standing_of([replace(one, dead_letters=1) for one in lines])

    assert (4, 1, 4, False) == (found.centers, found.complete, found.withdrawn, found.is_whole)
    assert {"down": ("c",), "drift": ("b", "d")} == found.behind


def test_neighbours_are_the_nearest_days_with_files():
    days = [date(2022, 1, 1), DAY, date(2022, 2, 1)]

    assert (days[0], days[2]) == neighbours(days, DAY)
    assert (DAY, days[2]) == neighbours(days, date(2022, 1, 20))
    assert (None, days[0]) == neighbours(days, date(2021, 1, 1))
