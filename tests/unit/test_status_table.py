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


def test_trouble_with_kafka_is_told_in_place_of_the_stream() -> None:
    assert "no broker" in printed(GOOD, width=80, problem="no broker")
