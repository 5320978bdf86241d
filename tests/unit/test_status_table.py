"""The table of `chartfeed status` in terminals of any width."""

from dataclasses import replace
from typing import Any

import pytest
from rich.console import Console

from chartfeed.status_table import shown
from chartfeed.stream_group import Stream
from producers.capture.view import View
from schemas.records import SnapshotProgress
from tests.factories import A_MOMENT

GOOD = View(
    "center_01",
    "streaming",
    version=1234567,
    source_version=1234569,
    lag_seconds=0.2,
    last_event_at=A_MOMENT,
    events_total=1_000_000,
    retention_headroom_seconds=172_000,
)
DETAIL = "a resync would delete 200 of 300 rows of LEISTUNG, which is more than the guard allows"
ASKING = replace(
    GOOD, center_id="center_02", state="needs-confirmation", detail=DETAIL, needs_somebody=True
)


def printed(*views: Any, width: Any, problem: Any = None) -> str:
    console = Console(width=width, force_terminal=False, color_system=None)
    with console.capture() as captured:
        console.print(shown(views, Stream(2, 7), width, problem))
    return captured.get()


@pytest.mark.parametrize("width", [40, 60, 80, 100, 120, 160, 240])
def test_nothing_is_cut_and_no_line_is_too_long(width: Any) -> None:
    text = printed(GOOD, ASKING, width=width)

    assert "…" not in text
    assert max(map(len, text.splitlines())) <= width
    head = text.splitlines()[0].split()
    assert ["center", "state"] == head[:2]
    assert "center_02  needs-confirmation" in text
    assert "stream: 2 workers, 7 events behind" in " ".join(text.split())


def test_a_wide_terminal_shows_all_and_the_remark_beside() -> None:
    text = printed(GOOD, ASKING, width=200)

    for name in ("version", "behind", "lag", "last event", "events", "dead", "left", "restarts"):
        assert name in text
    assert any("center_02" in line and DETAIL in line for line in text.splitlines())


def test_a_narrow_one_keeps_what_matters_most_and_puts_remarks_below() -> None:
    text = printed(GOOD, ASKING, width=80)

    due = ["center", "state", "version", "behind", "lag", "events", "dead", "left"]
    assert due == text.split()[:8]
    assert f"center_02: {DETAIL}" in " ".join(text.split())


def test_the_rows_of_a_snapshot_are_told() -> None:
    progress = SnapshotProgress("initial", "KARTEI", 5, 100, 400, A_MOMENT)

    text = printed(replace(GOOD, state="snapshot", snapshot=progress), width=80)

    assert "center_01: KARTEI: 100 of 400 rows (25 %)" in text


OPEN = View(
    "center_01",
    "unreviewed",
    detail="the mapping is not approved",
    next_command="chartfeed review center_01",
    needs_somebody=True,
)


def waiting(number: Any) -> Any:
    name = f"center_{number:02}"
    return replace(OPEN, center_id=name, next_command=f"chartfeed review {name}")


def test_who_what_and_the_next_command_are_in_one_line() -> None:
    lines = printed(waiting(1), GOOD, waiting(2), width=80).splitlines()

    assert [
        "center_01: the mapping is not approved; next: chartfeed review center_01",
        "center_02: the mapping is not approved; next: chartfeed review center_02",
    ] == lines[4:6]


def test_what_many_centers_wait_for_is_said_once() -> None:
    lines = printed(*map(waiting, range(1, 32)), ASKING, width=80).splitlines()

    assert "31 centers such as center_01: the mapping is not approved; next: chartfeed" in lines[33]
    assert f"center_02: {DETAIL}" in " ".join(" ".join(lines[35:]).split())


def test_when_each_was_last_heard_does_not_make_them_different() -> None:
    silent = [
        replace(waiting(at), detail=f"no word from its producer since 2026-01-09T12:00:0{at}Z")
        for at in range(1, 6)
    ]

    text = " ".join(printed(*silent, width=80).split())

    assert "5 centers such as center_01: no word from its producer since 2026-01-09T12" in text
    assert 1 == text.count("no word")


def test_a_wide_terminal_has_the_remarks_beside_and_the_commands_below() -> None:
    lines = printed(waiting(1), width=160).splitlines()

    assert lines[1].endswith("the mapping is not approved")
    assert "center_01: next: chartfeed review center_01" == lines[2]


def test_a_center_that_needs_nobody_has_no_next_command() -> None:
    assert "next:" not in printed(replace(OPEN, needs_somebody=False), width=80)


def test_one_worker_is_one_and_thousands_are_set_apart() -> None:
    console = Console(width=200)
    with console.capture() as captured:
        console.print(shown([GOOD], Stream(1, 22733), 200))

    assert "stream: 1 worker, 22,733 events behind" in captured.get()
    assert "1,000,000" in captured.get()


def test_trouble_with_kafka_is_told_in_place_of_the_stream() -> None:
    assert "no broker" in printed(GOOD, width=80, problem="no broker")
