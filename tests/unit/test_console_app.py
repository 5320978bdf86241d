import asyncio

import pytest
from starlette.routing import Route

from chartfeed.console import app, overview
from chartfeed.console.limits import Attempts, Bounded
from chartfeed.console.roles import OPERATOR
from tests.console import a_console, a_view, browsing, configured, post, told

LARGEST_PAGE = 200_000


@pytest.fixture
def console(tmp_path):
    return a_console(configured(tmp_path))


def test_the_first_page_is_for_those_who_signed_in(console):
    with browsing(console) as client:
        assert 200 == client.get("/").status_code

        client.cookies.clear()
        refused = client.get("/?a=b")

    assert (303, "/sign-in?next=/%3Fa%3Db") == (refused.status_code, refused.headers["location"])


def test_a_page_that_says_nobodys_role_is_noticed_at_the_start(console, monkeypatch):
    monkeypatch.setattr(overview, "routes", lambda _: [Route("/open", lambda _: None)])
    with pytest.raises(AssertionError, match="/open is open to everybody"):
        app.application(console, ["testserver"], ["overview"])


def test_every_answer_forbids_what_the_pages_do_not_need(console):
    with browsing(console) as client:
        for path in ("/", "/sign-in", "/nowhere", "/static/console.css"):
            headers = client.get(path).headers
            policy = headers["content-security-policy"]
            assert "unsafe" not in policy
            assert "default-src 'none'" in policy
            assert ("DENY", "nosniff") == (
                headers["x-frame-options"],
                headers["x-content-type-options"],
            )
        assert "no-store" == client.get("/").headers["cache-control"]


def test_a_name_that_is_not_ours_is_not_answered(console):
    with browsing(console) as client:
        assert 400 == client.get("/", headers={"host": "evil.example"}).status_code


def test_errors_are_pages_with_a_next_step(console):
    with browsing(console, OPERATOR) as client:
        missing = client.get("/nowhere")
        unknown = client.get("/centers/center_99")

    assert (404, True) == (missing.status_code, "There is no such page" in missing.text)
    assert (422, True) == (unknown.status_code, "use one of: center_01" in unknown.text)


def test_a_language_that_was_chosen_stays(console):
    with browsing(console) as client:
        assert 'lang="en"' in client.get("/").text
        post(client, "/language", language="de", next="/")
        assert "Übersicht" in client.get("/").text


def test_names_from_outside_are_shown_as_they_are(tmp_path):
    loaded = configured(tmp_path, ["center_01"])
    source = told(a_view("center_01", "retrying", detail="<script>alert(1)</script>"))
    with browsing(a_console(loaded, source)) as client:
        assert "<script>alert" not in client.get("/").text
        assert "&lt;script&gt;alert" in client.get("/").text


def test_a_confirmation_that_names_another_center_asks_for_nothing(console):
    with browsing(console, OPERATOR) as client:
        answer = post(client, "/centers/center_01/resync", confirm="yes", typed="center_02")

    assert (422, True) == (answer.status_code, "nothing was asked" in answer.text)


def test_three_hundred_centers_make_pages_of_less_than_200_kb(tmp_path):
    names = [f"center_{number:03}" for number in range(300)]
    detail = "the server does not answer (08001): connection timed out after 15 s"
    source = told(*(a_view(one, "retrying", detail=detail) for one in names))
    with browsing(a_console(configured(tmp_path, names), source)) as client:
        assert len(client.get("/").content) < LARGEST_PAGE
        assert len(client.get("/metrics?minutes=360").content) < LARGEST_PAGE


def test_a_browser_that_came_by_our_tls_comes_by_nothing_else(console):
    with browsing(console) as client:
        assert "strict-transport-security" not in client.get("/").headers
        by_tls = client.get("https://testserver/").headers["strict-transport-security"]

    assert "max-age=31536000" == by_tls


@pytest.mark.parametrize(
    ("first", "second", "statuses"),
    [
        ("/", "/days", [503, 200]),
        ("/live/overview", "/live/overview", [503, 200]),
        ("/days/2026-03-04/files/csv", "/days/2026-03-05/files/json", [503, 200]),
        ("/days/2026-03-04/files/csv", "/days/2026-03-04/files", [200, 200]),
        ("/live/overview", "/", [200, 200]),
    ],
)
def test_too_much_of_a_kind_at_once_is_told_to_come_again(first, second, statuses):
    assert statuses == asyncio.run(two_at_once(first, second))


async def two_at_once(one, another):
    """Ask for a second answer while the first is under way; gives the statuses as they come."""
    going, entered = asyncio.Event(), asyncio.Event()
    answers: list[int] = []

    async def slow(scope, _receive, send):
        if scope["path"] == one and not entered.is_set():
            entered.set()
            await going.wait()
        await send({"type": "http.response.start", "status": 200, "headers": []})

    async def receive():
        return {"type": "http.request", "body": b"", "more_body": False}

    async def send(message):
        if "status" in message:
            answers.append(message["status"])

    bounded = Bounded(slow, at_once=1, streams=1, downloads=1)
    first = asyncio.create_task(bounded({"type": "http", "path": one}, receive, send))
    await entered.wait()
    await bounded({"type": "http", "path": another}, receive, send)
    going.set()
    await first
    return answers


def test_attempts_are_forgotten_with_time_and_only_so_many_are_kept():
    now = [0.0]
    attempts = Attempts(2, 60, keys=2, clock=lambda: now[0])
    attempts.failed("a")
    attempts.failed("a")
    assert 60 == attempts.wait("a")
    now[0] = 61
    assert 0 == attempts.wait("a")
    for key in ("a", "b", "c"):
        attempts.failed(key)
        attempts.failed(key)
    assert (0, 60) == (attempts.wait("a"), attempts.wait("c"))
