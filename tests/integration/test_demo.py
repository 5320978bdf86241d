"""`make demo` as a newcomer types it."""

import re
from datetime import datetime
from zoneinfo import ZoneInfo

import psutil
import pytest

pytestmark = [pytest.mark.kafka, pytest.mark.sqlserver, pytest.mark.timeout(400)]


@pytest.fixture(scope="module")
def demo(tmp_path_factory, chartfeed):
    home = tmp_path_factory.mktemp("demo")
    return home, chartfeed("demo", "--fast", home=home, timeout=390)


def test_thirty_practices_are_approved_and_the_ambiguous_one_is_left(demo):
    _, done = demo

    assert 31 == done.stdout.count(": every name found") + done.stdout.count("center_31: open")
    assert "center_31 waits for a person" in done.stdout
    assert "In production a person does this" in " ".join(done.stdout.split())


def test_the_day_has_the_rows_that_it_should(demo):
    home, done = demo

    assert "180 rows from 30 practices: 150 GKV, 30 PKV" in done.stdout
    output = home / "demo" / "output"
    lines = (output / "ivoris_chart_entries_2022-01-18.csv").read_text("utf-8").splitlines()
    assert 180 == len(lines), "a header, and one entry less, which moved to another day"
    assert "center_01,Zahnarztpraxis München,2022-01-18,1,GKV,AOK Bayern" in lines[1]


def test_the_feed_outlives_two_kills_and_is_what_the_sources_say(demo):
    home, done = demo

    assert "30 of 30 streaming" in done.stdout
    assert 2 == done.stdout.count("$ kill -9")
    assert re.search(r"identical: [\d,]+ rows of 30 centers", done.stdout)
    assert "identical" in done.stdout.partition("$ chartfeed replay")[2]
    day = datetime.now(ZoneInfo("Europe/Berlin")).date()
    today = home / "demo" / "output" / f"ivoris_chart_entries_{day}.csv"
    assert len(today.read_text("utf-8").splitlines()) > 1


def test_nothing_is_left_running(demo):
    home, _ = demo

    left = [
        process
        for process in psutil.process_iter(["cmdline"])
        if any(str(home) in part for part in process.info["cmdline"] or [])
        and "deploy.local.guard" not in (process.info["cmdline"] or [])
    ]
    assert not left
