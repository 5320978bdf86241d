"""`make demo` as a newcomer types it."""

import psutil
import pytest

pytestmark = [pytest.mark.kafka, pytest.mark.sqlserver, pytest.mark.timeout(400)]


@pytest.fixture(scope="module")
def demo(tmp_path_factory, chartfeed):
    home = tmp_path_factory.mktemp("demo")
    return home, chartfeed("demo", home=home, timeout=390)


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
    assert 181 == len(lines)
    assert "center_01,Zahnarztpraxis München,2022-01-18,1,GKV,AOK Bayern" in lines[1]


def test_nothing_is_left_running(demo):
    home, _ = demo

    left = [
        process
        for process in psutil.process_iter(["cmdline"])
        if any(str(home) in part for part in process.info["cmdline"] or [])
        and "deploy.local.guard" not in (process.info["cmdline"] or [])
    ]
    assert not left
