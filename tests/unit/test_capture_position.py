"""What a center does next, and what it makes of rows: rules alone, without a server."""

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from producers.canonical import TRACKED
from producers.capture import position
from producers.capture.checkpoint import Ground, advanced
from producers.capture.clock import Clock, TableClock
from producers.capture.position import Changes, Continue, Idle, Initial, Resync, Untracked, Why
from schemas.records import Offset, SnapshotProgress
from tests.factories import A_MOMENT

IDENTITY = "family:F fork:R created:2020"
GROUND = Ground("center_07", IDENTITY, "sha256:1", "instance")


def a_clock(version: Any = 10, **changes: Any) -> Any:
    tables = tuple(TableClock(table, 100 + at, 2, 2) for at, table in enumerate(TRACKED))
    return replace(Clock(A_MOMENT, version, tables), **changes)


def with_table(clock: Any, number: Any, **changes: Any) -> Any:
    tables = list(clock.tables)
    tables[number] = replace(tables[number], **changes)
    return replace(clock, tables=tuple(tables))


def a_checkpoint(clock: Any = None, **changes: Any) -> Any:
    return replace(GROUND.at(clock or a_clock(), before=None, dead_letters=0), **changes)


def step(
    checkpoint: Any, clock: Any, identity: Any = IDENTITY, fingerprint: Any = "sha256:1"
) -> Any:
    return position.next_step(checkpoint, clock, identity, fingerprint)


def test_a_center_that_was_never_read_begins_with_all_rows() -> None:
    assert Initial() == step(None, a_clock())


def test_nothing_new_is_nothing_to_do() -> None:
    assert Idle() == step(a_checkpoint(), a_clock())


def test_a_higher_version_is_read_from_the_position() -> None:
    assert Changes(10) == step(a_checkpoint(), a_clock(12))


def test_reading_all_rows_goes_on_where_it_was_interrupted() -> None:
    progress = SnapshotProgress("initial", "KARTEI", 5, 100, 900, A_MOMENT)

    assert Continue(progress) == step(a_checkpoint(snapshot=progress, partial=True), a_clock(40))


@pytest.mark.parametrize("number", range(4))
@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"begin_version": 10}, Why.TRUNCATED),
        ({"object_id": 7}, Why.RECREATED),
        ({"min_valid": 11}, Why.EXPIRED),
    ],
)
def test_a_table_that_is_not_what_it_was_makes_the_position_void(
    number: Any, changes: Any, why: Any
) -> None:
    clock = with_table(a_clock(), number, **changes)

    assert Resync(why, TRACKED[number]) == step(a_checkpoint(), clock)


def test_a_version_that_went_backwards_is_no_idle_source() -> None:
    assert Resync(Why.BACKWARDS) == step(a_checkpoint(), a_clock(9))


def test_a_restored_database_is_noticed_though_its_version_is_higher() -> None:
    assert Resync(Why.RESTORED) == step(a_checkpoint(), a_clock(99), "family:F fork:S created:2020")


def test_a_grant_that_shows_more_of_the_identity_is_no_restore() -> None:
    before = a_checkpoint(database_identity="created:2020")

    assert Idle() == step(before, a_clock())


def test_a_mapping_approved_anew_is_read_anew() -> None:
    assert Resync(Why.REMAPPED) == step(a_checkpoint(), a_clock(), fingerprint="sha256:2")


@pytest.mark.parametrize("hidden", ["object_id", "begin_version", "min_valid"])
def test_without_tracking_nothing_is_done_whatever_the_checkpoint_says(hidden: Any) -> None:
    clock = with_table(a_clock(), 2, **{hidden: None})

    assert Untracked(("KARTEI",)) == step(None, clock)
    assert Untracked(("KARTEI",)) == step(a_checkpoint(), clock)
    assert Untracked(()) == step(a_checkpoint(), a_clock(None))


versions = st.integers(0, 6)
tables = st.tuples(
    *[st.builds(TableClock, st.just(t), versions, versions, versions) for t in TRACKED]
)
clocks = st.builds(Clock, st.just(A_MOMENT), versions, tables)


@given(before=clocks, now=clocks, same=st.booleans())
def test_changes_are_read_only_where_they_are_whole(before: Any, now: Any, same: Any) -> None:
    """Whatever happened in between: a position is used, or believed idle, only if it is valid."""
    found = step(a_checkpoint(before), now, IDENTITY if same else "family:other")

    unmoved = [
        (old.object_id, old.begin_version) == (new.object_id, new.begin_version)
        and new.min_valid <= before.version
        for old, new in zip(before.tables, now.tables, strict=True)
    ]
    usable = same and all(unmoved) and before.version <= now.version
    assert usable == isinstance(found, Idle | Changes)
    if isinstance(found, Changes):
        assert before.version == found.since < now.version


@given(before=clocks)
def test_after_a_read_the_same_clock_is_idle_or_was_void_from_the_start(before: Any) -> None:
    found = step(a_checkpoint(before), before)

    assert isinstance(found, Idle) or found.why is Why.EXPIRED


def test_offsets_that_are_not_new_stay_as_they_were() -> None:
    before = (Offset("a", 1, 5), Offset("b", 1, 6))

    assert (Offset("a", 1, 9), Offset("b", 1, 6)) == advanced(before, {"a": Offset("a", 1, 9)})


def test_a_slice_keeps_the_position_and_says_partial() -> None:
    before = a_checkpoint()

    slice_ = replace(GROUND, instance_id="another").kept(before, dead_letters=3)

    assert slice_.partial
    assert before == replace(slice_, partial=False, instance_id="instance", dead_letters=0)
