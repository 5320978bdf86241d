"""A day is complete when every center is in it through its own midnight, and not before."""

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chartfeed.stream import _Collector
from stream_app.closing.completion import Missing, dues, end, missing, overdue
from stream_app.files.manifest import CompleteThrough
from stream_app.worker.counts import Counts
from stream_app.worker.filing import Counts as Filed
from stream_app.worker.worker import Report
from tests.closing import a_line
from tests.factories import A_DAY

BERLIN = "Europe/Berlin"
MIDNIGHT = datetime(2022, 1, 18, 23, 0, tzinfo=UTC)


def through(moment):
    return CompleteThrough(moment, 7)


@pytest.mark.parametrize(
    ("day", "timezone", "due"),
    [
        (date(2022, 1, 18), BERLIN, datetime(2022, 1, 18, 23, tzinfo=UTC)),
        (date(2022, 7, 18), BERLIN, datetime(2022, 7, 18, 22, tzinfo=UTC)),
        (date(2022, 3, 27), BERLIN, datetime(2022, 3, 27, 22, tzinfo=UTC)),
        (date(2022, 10, 30), BERLIN, datetime(2022, 10, 30, 23, tzinfo=UTC)),
        (date(2022, 1, 18), "Asia/Tokyo", datetime(2022, 1, 18, 15, tzinfo=UTC)),
    ],
)
def test_a_day_ends_at_midnight_where_the_center_is(day, timezone, due):
    assert due == end(day, timezone)


@given(st.integers(-7200, 7200))
def test_a_center_is_missing_exactly_while_it_stands_before_midnight(seconds):
    reached = MIDNIGHT + timedelta(seconds=seconds)
    line = a_line(complete_through=through(reached))

    found = missing(dues(A_DAY, [("center_01", BERLIN)]), [line])

    assert (() if seconds >= 0 else (Missing("center_01", "not-yet", reached),)) == found


def test_a_center_that_went_down_after_midnight_is_complete():
    line = a_line(behind="down")

    assert () == missing(dues(A_DAY, [("center_01", BERLIN)]), [line])


def test_why_a_center_is_missing_is_said_in_the_manifests_word():
    due = dues(A_DAY, [("center_01", BERLIN), ("center_02", BERLIN)])
    lines = [a_line(complete_through=None, behind="drift")]

    assert [("center_01", "drift"), ("center_02", "not-in-manifest")] == [
        (one.center_id, one.reason) for one in missing(due, lines)
    ]
    assert ["no-files"] * 2 == [one.reason for one in missing(due, None)]


def test_a_record_that_could_not_be_used_is_missing_whatever_was_applied_since():
    line = a_line(behind="dead-letter")

    assert ["dead-letter"] == [
        one.reason for one in missing(dues(A_DAY, [("center_01", BERLIN)]), [line])
    ]


def test_a_center_counts_from_its_own_midnight_and_yesterday_is_its_own_too():
    asked = []

    def lines(day):
        asked.append(day)
        return [a_line(complete_through=None)]

    now = datetime(2022, 1, 18, 23, 30, tzinfo=UTC)
    found = overdue([("center_01", BERLIN), ("center_02", "UTC")], lines, now)

    # In Berlin it is the 19th already, in London still the 18th.
    assert [date(2022, 1, 18), date(2022, 1, 17)] == asked
    assert {"center_01": 1800.0, "center_02": 23.5 * 3600} == found


def test_the_worker_tells_of_a_day_that_is_not_complete():
    now = datetime.now(UTC)
    ahead = a_line(complete_through=through(now))
    behind = replace(a_line("center_02"), complete_through=through(now - timedelta(days=9)))

    class Worker:
        def report(self):
            return Report({0: Counts()}, Filed(), {})

    class Sink:
        def report(self):
            from stream_app.sink.sink import Report as SinkReport

            return SinkReport((), 0, None, None)

        def claims(self, _day):
            return [ahead, behind]

    collector = _Collector(Worker(), Sink(), [("center_01", BERLIN), ("center_02", BERLIN)])  # type: ignore[arg-type]
    (family,) = [
        one for one in collector.collect() if one.name == "chartfeed_day_incomplete_seconds"
    ]
    told = {sample.labels["center"]: sample.value for sample in family.samples}

    assert 0.0 == told["center_01"]
    assert 0 < told["center_02"] <= 25 * 3600
