"""A day that waits to be written is told from one whose files are wrong."""

from datetime import timedelta

from chartfeed.reconcile.report import CenterResult, Report
from chartfeed.reconcile.unwritten import behind
from schemas.topics import unified_key
from stream_app.reconciling import Difference
from tests.factories import A_DAY

NEXT = A_DAY + timedelta(days=1)
RECORDS = [
    (40, unified_key(A_DAY, "center_01", 1)),
    (41, unified_key(NEXT, "center_01", 2)),
    (44, unified_key(A_DAY, "center_02", "2/1")),
    (45, b"nothing of ours"),
    (46, b""),
]


def test_a_day_waits_if_a_record_of_its_own_lies_behind_what_it_shows():
    assert {A_DAY} == behind(RECORDS, {A_DAY: 44, NEXT: 42})
    assert {A_DAY, NEXT} == behind(RECORDS, {A_DAY: 41, NEXT: 41})
    assert frozenset() == behind(RECORDS, {A_DAY: 45, NEXT: 42})


def test_a_day_without_files_waits_if_it_has_a_record():
    later = NEXT + timedelta(days=1)

    assert {NEXT} == behind(RECORDS, {NEXT: 0, later: 0})


def a_result(center_id, *days):
    found = tuple(Difference("missing", center_id, day) for day in days)
    return CenterResult(center_id, differences=found)


def test_only_centers_that_differ_in_written_days_are_to_be_repaired():
    results = (a_result("a", A_DAY), a_result("b", A_DAY, NEXT), a_result("c"))

    assert ["a", "b"] == Report(2, centers=results).differing
    waiting = Report(2, centers=results, unwritten=frozenset({A_DAY}))
    assert ["b"] == waiting.differing
    assert (False, 1) == (waiting.is_identical, waiting.exit_code)
