"""What a replay says before it begins: where compaction may have taken what changed."""

from datetime import date, timedelta
from typing import Any, cast

import pytest

from stream_app.join import TOPICS
from stream_app.replay.bounds import Moment, Positions
from stream_app.replay.plan import Wish, make
from tests.naive_join import ENTRIES, NAMES, SCHEMAS, START, Source

CHECKPOINTS = TOPICS[-1]
ONE, OTHER = NAMES
KEPT = timedelta(days=7)
LONG_AFTER = START + timedelta(days=30)
SOON_AFTER = START + timedelta(days=6)


class Reading:
    """Reads the topics of one partition as they are, in one piece."""

    def __init__(self, source):
        self._source = source
        self.ended = True

    def begin(self, partition, starts, ends):
        del partition, starts
        self._ends = ends
        self.ended = False

    def read(self):
        self.ended = True
        return [self._source.batch(topic, 0, end) for topic, end in self._ends.items()]


def an_entry(day):
    return ENTRIES, 1, {"patient_id": 1, "entry_date": date(2022, 2, day), "chart_entry": "x"}


@pytest.fixture
def source():
    """Give a center whose entry moved after its first second, and one that only began by then."""
    source = Source()
    source.commit(ONE, [an_entry(1)])
    source.commit(OTHER, [an_entry(1)])
    source.commit(ONE, [an_entry(2)])
    return source


def planned(source, *, since=None, until=None, now, centers=()):
    return make(
        Wish(since, until, centers),
        {topic: [source.ends[topic]] for topic in TOPICS},
        lambda: cast("Any", Reading(source)),
        SCHEMAS.get,
        centers=NAMES,
        kept=KEPT,
        now=now,
    )


def a_moment(second):
    return Moment(START + timedelta(seconds=second))


@pytest.mark.parametrize("tombstones_gone", [True, False])
@pytest.mark.parametrize("since", [a_moment(2), Positions({(CHECKPOINTS, 0): 4})])
def test_changes_from_before_compaction_are_said_to_lack_days(source, since, tombstones_gone):
    source.compact(tombstones_gone=tombstones_gone)

    (note,) = planned(source, since=since, now=LONG_AFTER).notes

    assert "days that only lost rows may be missing" in note
    assert "2022-01-18T12:00:03" in note


def test_changes_that_are_all_kept_need_no_note(source):
    assert () == planned(source, since=a_moment(2), now=SOON_AFTER).notes


def test_centers_that_did_not_change_since_lack_nothing_however_long_ago(source):
    assert () == planned(source, since=a_moment(3), now=LONG_AFTER).notes
    assert () == planned(source, since=a_moment(2), now=LONG_AFTER, centers=(OTHER,)).notes


def test_a_cut_that_speaks_of_no_partition_lacks_nothing(source):
    elsewhere = Positions({(CHECKPOINTS, 1): 0})

    assert () == planned(source, since=elsewhere, now=LONG_AFTER).notes


def test_both_ends_of_what_is_replayed_may_be_too_old(source):
    since, until = planned(source, since=a_moment(1), until=a_moment(3), now=LONG_AFTER).notes

    assert "days that only lost rows may be missing" in since
    assert "rows that changed since may be missing" in until


def test_two_cuts_that_are_both_kept_need_no_note(source):
    until_now = Moment(SOON_AFTER)

    assert () == planned(source, since=a_moment(1), until=until_now, now=SOON_AFTER).notes
