"""The demo's meter: every commit is paired with the progress that first covers it."""

from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from chartfeed.demo_meter import Commits

NOON = datetime(2026, 1, 5, 12, tzinfo=UTC)


def at(seconds):
    return NOON + timedelta(seconds=seconds)


def test_a_commit_waits_for_the_progress_that_covers_it():
    commits = Commits()
    commits.committed("center_01", 5, at(0))

    commits.applied("center_01", 4, at(1))
    assert 1 == commits.waiting
    commits.applied("center_01", 7, at(2))

    assert 0 == commits.waiting
    assert 2.0 == commits.delay(0.5)


def test_a_journal_that_is_late_finds_the_first_progress_that_covered_it():
    commits = Commits()
    commits.applied("center_01", 4, at(1))
    commits.applied("center_01", 6, at(2))
    commits.applied("center_01", 9, at(3))

    commits.committed("center_01", 5, at(0))

    assert 2.0 == commits.delay(0.5)


def test_centers_do_not_answer_for_each_other():
    commits = Commits()
    commits.committed("center_01", 5, at(0))

    commits.applied("center_02", 9, at(1))

    assert 1 == commits.waiting
    assert commits.delay(0.5) is None


@given(st.lists(st.booleans(), max_size=60))
def test_in_whatever_order_the_two_are_heard_the_delays_are_the_same(turns):
    """Version n is committed at n and applied, in pairs, at the next even version's time."""
    total = 12
    committed = iter(range(1, total + 1))
    applied = iter(range(2, total + 1, 2))
    commits = Commits()

    def hear(journal):
        version = next(committed if journal else applied, None)
        if version is None:
            return
        if journal:
            commits.committed("center_01", version, at(version))
        else:
            commits.applied("center_01", version, at(version + 1))

    for journal in [*turns, *[True] * total, *[False] * total]:
        hear(journal)

    assert 0 == commits.waiting
    assert 1.0 == commits.delay(0.0)
    assert 2.0 == commits.delay(1.0)
