"""Where the past ends: by checkpoints, whole source transactions on one side of it."""

from dataclasses import replace
from datetime import date, timedelta

import orjson
import pytest

from schemas.errors import BadInput
from schemas.records import Checkpoint, Offset
from stream_app.batches import Batch
from stream_app.join import TOPICS
from stream_app.replay import wishes
from stream_app.replay.bounds import Moment, Positions, until
from stream_app.replay.loading import lost
from stream_app.replay.plan import Plan
from stream_app.replay.source import Record
from tests.factories import A_MOMENT

ENTRIES, SERVICES, LINKS, INSURERS, CHECKPOINTS = TOPICS


def a_checkpoint(second=0, *, partial=False, **ends):
    offsets = {"entries": ENTRIES, "services": SERVICES}
    return Checkpoint(
        center_id="a",
        version=second,
        captured_at=A_MOMENT + timedelta(seconds=second),
        partial=partial,
        database_identity="one",
        tables=(),
        mapping_fingerprint="",
        snapshot=None,
        instance_id="here",
        offsets=tuple(Offset(offsets[name], 3, at) for name, at in ends.items()),
        dead_letters=0,
    )


KNOWN = {
    "a": [
        (2, a_checkpoint(0, entries=10)),
        (5, a_checkpoint(10, entries=20, services=4)),
        (9, a_checkpoint(20, entries=30, services=4)),
    ],
    "b": [(7, replace(a_checkpoint(15, entries=25), center_id="b"))],
}


def at(second):
    return Moment(A_MOMENT + timedelta(seconds=second))


def test_a_moment_is_each_centers_last_checkpoint_by_then():
    found = until(at(12), 3, KNOWN, 12)
    assert {"a": 9, "b": 7} == found.phase.limits
    assert {ENTRIES: 21, SERVICES: 5, LINKS: 0, INSURERS: 0, CHECKPOINTS: 6} == found.phase.ends
    assert ["a"] == list(found.captured_at)


def test_before_the_first_checkpoint_there_is_nothing():
    found = until(at(-1), 3, KNOWN, 12)
    assert {"a": 2, "b": 7} == found.phase.limits
    assert {0} == set(found.phase.ends.values())


def test_after_the_last_checkpoint_there_is_everything():
    found = until(at(60), 3, KNOWN, 12)
    assert {"a": 12, "b": 12} == found.phase.limits
    assert (31, 10) == (found.phase.ends[ENTRIES], found.phase.ends[CHECKPOINTS])


def test_a_slice_that_carries_the_moment_of_the_read_before_is_not_of_the_past():
    known = {"a": [*KNOWN["a"], (11, a_checkpoint(20, partial=True, entries=50))]}
    found = until(at(25), 3, known, 12)
    assert (31, {"a": 11}) == (found.phase.ends[ENTRIES], found.phase.limits)


@pytest.mark.parametrize(
    ("positions", "limit"),
    [
        ({(CHECKPOINTS, 3): 9}, 9),
        ({(CHECKPOINTS, 3): 10}, 12),
        ({(ENTRIES, 3): 30}, 9),
        ({(ENTRIES, 3): 20}, 5),
        ({(SERVICES, 3): 4}, 5),
        ({(SERVICES, 3): 5, (ENTRIES, 3): 31}, 12),
        ({(ENTRIES, 4): 0}, 12),
    ],
)
def test_a_checkpoint_is_before_positions_with_all_that_it_covers(positions, limit):
    found = until(Positions(positions), 3, {"a": KNOWN["a"]}, 12)
    assert {"a": limit} == found.phase.limits


def test_positions_speak_of_the_partitions_that_they_name():
    found = wishes.positions([f"{ENTRIES}:3:17", ""], 12, whole=False)
    assert {(ENTRIES, 3): 17} == found.offsets
    assert (True, False) == (found.speaks_of(3), found.speaks_of(4))
    with pytest.raises(BadInput, match=r"lack chartfeed.chart-entries:0, .* and 56 more"):
        wishes.positions([f"{ENTRIES}:3:17"], 12, whole=True)


@pytest.mark.parametrize("text", ["", "nothing:1:2", ENTRIES, f"{ENTRIES}:1", f"{ENTRIES}:12:0"])
def test_what_is_no_position_is_refused(text):
    with pytest.raises(BadInput):
        wishes.positions([text], 12, whole=False)


def test_a_range_of_days_may_be_open():
    assert date(2022, 1, 18) in wishes.days("2022-01-18")
    assert date(2022, 1, 19) not in wishes.days("2022-01-18")
    assert date(2022, 1, 19) in wishes.days("2022-01-18..")
    assert date(2022, 1, 17) in wishes.days("..2022-01-18")
    assert date(2022, 1, 19) not in wishes.days("..2022-01-18")
    assert date(1990, 1, 1) in wishes.days(None)
    for wrong in ("", "x..y", "2022-01-18..2022-01-17", "2022-02-30"):
        with pytest.raises(BadInput):
            wishes.days(wrong)


def test_a_center_whose_last_event_of_then_is_gone_is_found():
    last = until(at(12), 3, KNOWN, 12).phase.last
    assert {"a": {ENTRIES: 20, SERVICES: 4}} == last

    def batch(*offsets, topic=ENTRIES):
        return Batch(topic, 3, [Record(offset, b"a/1", b"") for offset in offsets], 24)

    assert [] == list(lost(batch(12, 20, 22), 10, last))
    assert ["a"] == list(lost(batch(12, 22), 10, last))
    assert ["a"] == list(lost(batch(), 10, last))
    assert [] == list(lost(batch(22), 21, last))
    assert ["a"] == list(lost(batch(3, 5, topic=SERVICES), 0, last))
    assert [] == list(lost(batch(3, topic=INSURERS), 0, last))


def test_a_plan_is_read_back_as_it_was_kept():
    plan = Plan(None, (until(at(12), 3, KNOWN, 12).phase,), ("a note",), ("b",))
    assert plan == Plan.of(orjson.loads(orjson.dumps(plan.content())))
