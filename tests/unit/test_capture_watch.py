"""What is told of all centers: once when it changes, not at every look."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
import structlog

from producers.capture.others import Others
from producers.capture.status import Board, Situation, after_commit
from producers.capture.watch import Headroom, Level, Pace, Waiting, level
from schemas.records import SnapshotProgress
from tests.factories import A_MOMENT
from tests.unit.test_capture_position import a_checkpoint

DAYS = timedelta(days=2)


@pytest.fixture
def said() -> Any:
    with structlog.testing.capture_logs() as lines:
        yield lines


@pytest.mark.parametrize(
    ("left", "due"),
    [(100, Level.GOOD), (50, Level.GOOD), (49, Level.WARN), (10, Level.WARN), (9, Level.ALARM)],
)
def test_headroom_is_good_down_to_a_half_and_an_alarm_below_a_tenth(left: Any, due: Any) -> None:
    assert due == level(left, 100)


def test_each_threshold_is_told_once_and_so_is_its_end(said: Any) -> None:
    known = after_commit(Situation(retention=DAYS), a_checkpoint(), 1)
    watch = Headroom()

    for hours in (0, 1, 23, 25, 26, 30, 44, 47, 60):
        watch.look({"a": replace(known, state="retrying")}, A_MOMENT + timedelta(hours=hours))
    watch.look({"a": replace(known, position_at=A_MOMENT + DAYS)}, A_MOMENT + DAYS)

    assert [("warning", 23.0), ("error", 4.0), ("info", 48.0)] == [
        (line["log_level"], line["hours_left"]) for line in said
    ]
    assert "retrying" == said[0]["state"]


def test_what_is_not_known_is_not_told(said: Any) -> None:
    Headroom().look({"a": Situation(), "b": Situation(retention=DAYS)}, A_MOMENT)

    assert [] == said


def test_that_no_center_is_approved_is_told_once_with_what_ends_it(said: Any) -> None:
    waiting, unapproved = Waiting(), replace(Situation(), state="unreviewed")

    for other in (Situation(), unapproved, unapproved):
        waiting.look({"a": unapproved, "b": other})

    assert [("warning", 2, "chartfeed review a")] == [
        (line["log_level"], line["centers"], line["next_command"]) for line in said
    ]


def test_reading_all_rows_is_one_line_for_all_centers_with_its_pace(said: Any) -> None:
    def at(done: Any) -> Any:
        progress = SnapshotProgress("initial", "KARTEI", 5, done, 1000, A_MOMENT)
        return replace(Situation(), snapshot=progress)

    pace = Pace()
    pace.look({"a": at(100), "b": Situation()}, 10.0)
    pace.look({"a": at(400), "b": at(50)}, 13.0)
    pace.look({"a": Situation(), "b": Situation()}, 16.0)

    assert [(1, 100, 1000, 10), (2, 450, 2000, 22)] == [
        (line["centers"], line["rows"], line["of"], line["percent"]) for line in said
    ]
    assert 100 == said[1]["rows_per_second"]


def _nobody(_centers: Any) -> Any:
    raise AssertionError("nobody asks")


def test_a_state_repeated_for_many_polls_is_logged_once(said: Any) -> None:
    board = Board({}, 12, lambda _: b"", "instance", Others("instance", _nobody))
    board.join("a", Situation())
    said.clear()

    for _ in range(50):
        board.update("a", lambda found: after_commit(found, a_checkpoint(), 0))

    assert ["streaming"] == [line["state"] for line in said]
