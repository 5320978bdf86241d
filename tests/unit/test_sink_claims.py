"""What a manifest claims of a center is never more than is true."""

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from schemas import topics
from schemas.records import CenterStatus, Offset, Progress
from stream_app.files.manifest import CenterLine, CompleteThrough, Manifest, Position
from stream_app.sink.completeness import KEPT, Claims, KnownCenter, Share
from tests.memory import kept

START = datetime(2026, 1, 1, 12, tzinfo=UTC)
KNOWN = (KnownCenter("center_01", "Praxis Süd"), KnownCenter("center_02", "Praxis Ost"))


def at(seconds: float) -> datetime:
    return START + timedelta(seconds=seconds)


def a_progress(version: int = 10, ends: dict[int, int] | None = None, **changes: Any) -> Progress:
    found = Progress(
        center_id="center_01",
        version=version,
        captured_at=at(version - 10),
        partial=False,
        checkpoint_offset=version,
        offsets=tuple(
            Offset(topics.UNIFIED_ENTRIES.name, partition, end)
            for partition, end in (ends or {}).items()
        ),
        dead_letters=0,
        behind=None,
        applied_at=at(version - 10),
    )
    return replace(found, **changes)


def a_status(state: str = "streaming", now: float = 0, **changes: Any) -> CenterStatus:
    found = CenterStatus(
        center_id="center_01",
        state=state,
        detail=None,
        next_command=None,
        instance_id="p",
        version=10,
        source_version=10,
        lag_seconds=0.0,
        last_event_at=None,
        events_total=0,
        dead_letters=0,
        snapshot=None,
        retention_headroom_seconds=None,
        restarts=0,
        heartbeat_at=at(now),
        expires_at=at(now + 20),
    )
    return replace(found, **changes)


def line_of(claims: Claims, *, position: int = 0, now: float = 0, **share: Any) -> CenterLine:
    return claims.line("center_01", Share(**share), 0, position, at(now))


def told(*records: Progress | CenterStatus, now: float = 0) -> Claims:
    claims = Claims(KNOWN)
    for record in records:
        if isinstance(record, Progress):
            claims.applied(record, at(now))
        else:
            claims.told(record, at(now))
    return claims


def test_a_center_is_complete_through_what_the_state_has_passed() -> None:
    claims = told(a_status(), a_progress(9, {0: 4}), a_progress(10, {0: 5, 1: 100}))

    assert line_of(claims, position=4).complete_through is None
    assert CompleteThrough(at(-1), 9) == line_of(claims, position=5).complete_through
    assert CompleteThrough(at(0), 10) == line_of(claims, position=6).complete_through


def test_a_center_without_rows_in_a_partition_is_complete_there_at_once() -> None:
    claims = told(a_status(), a_progress(10, {1: 100}))

    assert CompleteThrough(at(0), 10) == line_of(claims).complete_through


def test_a_slice_of_a_larger_read_claims_nothing() -> None:
    claims = told(a_status(), a_progress(9), a_progress(10, partial=True))

    assert CompleteThrough(at(-1), 9) == line_of(claims).complete_through


def test_a_center_is_said_to_be_read_anew_until_the_files_show_the_end_of_it() -> None:
    """Its producer says so too, but may have done so too briefly, or may be done already."""
    claims = told(a_status(), a_progress(9, {0: 4}), a_progress(9, {0: 6}, partial=True))
    assert "resync" == line_of(claims, position=6).behind
    assert "resync" == line_of(claims, position=7).behind

    claims.applied(a_progress(10, {0: 9}), START)
    claims.told(a_status(), START)

    assert "resync" == line_of(claims, position=9).behind
    assert line_of(claims, position=10).behind is None


def test_a_center_that_was_never_read_to_the_end_is_at_its_snapshot() -> None:
    claims = told(a_status(), a_progress(9, {0: 4}, partial=True))
    assert "snapshot" == line_of(claims, position=5).behind

    claims.applied(a_progress(10, {0: 9}), START)
    assert "snapshot" == line_of(claims, position=9).behind
    assert line_of(claims, position=10).behind is None


@pytest.mark.parametrize("state", ["drift", "stopped", "resync"])
def test_a_producers_word_comes_before_that_of_a_read(state: str) -> None:
    claims = told(a_status(state), a_progress(9), a_progress(10, partial=True))

    assert state == line_of(claims).behind


def test_rows_do_not_end_before_where_they_ended() -> None:
    claims = told(a_status(), a_progress(9, {0: 4}), a_progress(10))

    assert line_of(claims, position=4).complete_through is None


@pytest.mark.parametrize(
    ("state", "word"),
    [
        ("starting", None),
        ("streaming", None),
        ("snapshot", "snapshot"),
        ("retrying", "down"),
        ("unreviewed", "unreviewed"),
        ("drift", "drift"),
        ("resync", "resync"),
        ("needs-confirmation", "needs-confirmation"),
        ("fenced", "fenced"),
        ("denied", "denied"),
        ("stopped", "stopped"),
    ],
)
def test_a_producers_state_in_the_manifests_word(state: str, word: str | None) -> None:
    assert word == line_of(told(a_status(state), a_progress())).behind


def test_a_center_whose_heartbeat_expired_or_that_was_never_heard_of_is_down() -> None:
    claims = told(a_status(), a_progress(applied_at=at(20)))

    assert line_of(claims, now=20).behind is None
    assert "down" == line_of(claims, now=20.1).behind
    assert "down" == line_of(Claims(KNOWN)).behind


def test_a_center_that_the_configuration_lacks_keeps_its_rows_and_is_stopped() -> None:
    lines = told(a_status()).lines({"center_99": Share(rows=3, name="Alt")}, 0, 5, at(0))

    assert ["center_01", "center_02", "center_99"] == [line.center_id for line in lines]
    assert ("Alt", 3, "stopped") == (
        lines[2].center_name,
        lines[2].record_count,
        lines[2].behind,
    )


def test_rows_that_are_not_passed_for_long_make_a_center_lag() -> None:
    claims = told(a_status(now=15), a_progress(9), a_progress(10, {0: 4}, applied_at=at(11)))

    assert line_of(claims, position=4, now=10).behind is None
    assert "lagging" == line_of(claims, position=4, now=10.1).behind
    assert line_of(claims, position=5, now=10.1).behind is None


def test_a_join_that_stays_behind_its_producers_makes_a_center_lag() -> None:
    claims = told(a_progress(10), a_status(version=11))

    assert line_of(claims, now=10).behind is None
    assert "lagging" == line_of(claims, now=10.1).behind
    claims.told(a_status(version=12, now=10), at(10))
    assert "lagging" == line_of(claims, now=10.1).behind, "a new heartbeat does not hide it"
    claims.applied(a_progress(12), at(10))
    assert line_of(claims, now=10.1).behind is None


def test_a_join_that_says_nothing_for_a_minute_makes_a_center_lag() -> None:
    claims = told(a_progress(), a_status(now=60))

    assert line_of(claims, now=60).behind is None
    assert "lagging" == line_of(claims, now=60.1).behind


def test_a_center_that_has_no_checkpoint_lags() -> None:
    assert "lagging" == line_of(told(a_status())).behind


def test_withdrawn_rows_are_counted_and_named() -> None:
    claims = told(a_status(), a_progress(dead_letters=3))
    assert (3, None) == (line_of(claims).dead_letters, line_of(claims).behind)

    claims = told(a_status(), a_progress(dead_letters=3, behind="dead-letter"))
    assert (3, "dead-letter") == (line_of(claims).dead_letters, line_of(claims).behind)

    claims = told(a_status(), a_progress())
    found = line_of(claims, unusable=2)
    assert (2, "dead-letter") == (found.dead_letters, found.behind)


@dataclass
class World:
    """Sources, joins and one partition's sinks, with all that is true written down.

    A commit at a source is one row for each of the partitions it touches. The join publishes a
    center's commits in order, in transactions, each with a Progress. Several joins interleave in
    the unified partition; a sink stands anywhere, and hears of Progress at any time.
    """

    log: list[tuple[str, int]] = field(default_factory=list)  # partition 0: center, version
    versions: dict[str, int] = field(default_factory=dict)
    ends: dict[str, int] = field(default_factory=dict)
    published: list[Progress] = field(default_factory=list)
    missing: dict[str, list[int]] = field(default_factory=dict)

    def commit(self, center: str, *, touches: bool, partial: bool) -> None:
        version = self.versions[center] = self.versions.get(center, 0) + 1
        # Between them other producers' rows and transaction markers.
        if touches:
            self.log.append((center, version))
            self.ends[center] = len(self.log) - 1
        self.log.append(("marker", 0))
        ends = {0: self.ends[center]} if center in self.ends else {}
        # A slice keeps the version of before; here it is a wrong one, so that a claim would show.
        self.published.append(
            a_progress(version, ends, center_id=center, partial=partial, captured_at=at(version))
        )

    def lacking(self, center: str, version: int, position: int) -> bool:
        return any(of == center and row <= version for of, row in self.log[position:])


acts = st.lists(
    st.one_of(
        st.tuples(
            st.just("commit"),
            st.sampled_from(["center_01", "center_02"]),
            st.booleans(),
            st.integers(0, 5).map(lambda number: number == 0),
        ),
        st.tuples(st.just("hear"), st.integers(1, 4)),
        st.tuples(st.just("restart"), st.booleans()),
        st.tuples(st.just("move"), st.integers(0, 6)),
    ),
    max_size=60,
)


def compacted(published: list[Progress]) -> Iterator[Progress]:
    """Give what is left of a topic that keeps the last of each key, at any time."""
    last = {progress.center_id: progress for progress in published}
    return iter(last.values())


@dataclass
class Watched:
    """A sink that stands somewhere in the world and has heard of some Progress."""

    world: World = field(default_factory=World)
    claims: Claims = field(default_factory=lambda: Claims(KNOWN))
    heard: int = 0
    position: int = 0

    def commit(self, center: str, touches: bool, partial: bool) -> None:  # noqa: FBT001 - drawn
        self.world.commit(center, touches=touches, partial=partial)

    def hear(self, count: int) -> None:
        upto = min(len(self.world.published), self.heard + count)
        for progress in self.world.published[self.heard : upto]:
            self.claims.applied(progress, at(0))
        self.heard = upto

    def restart(self, compacts: bool) -> None:  # noqa: FBT001 - drawn
        """Forget all, and read again what compaction left, or everything."""
        read = self.world.published[: self.heard]
        self.claims = Claims(KNOWN)
        for progress in compacted(read) if compacts else iter(read):
            self.claims.applied(progress, at(0))

    def move(self, count: int) -> None:
        self.position = min(len(self.world.log), self.position + count)

    def claimed(self) -> dict[str, int]:
        lines = self.claims.lines({}, 0, self.position, at(0))
        found = {line.center_id: line.complete_through for line in lines}
        return {
            center: through.version
            for center, through in found.items()
            if through is not None and through.version is not None
        }


@given(acts)
@settings(max_examples=300, deadline=None)
def test_nothing_is_claimed_that_is_not_in_the_files(history: list[tuple[Any, ...]]) -> None:
    sink = Watched()
    for act, *arguments in history:
        getattr(sink, act)(*arguments)
        for center, version in sink.claimed().items():
            assert not sink.world.lacking(center, version, sink.position)


@given(acts)
@settings(max_examples=100, deadline=None)
def test_a_sink_that_has_read_everything_claims_the_newest_whole_checkpoint(
    history: list[tuple[Any, ...]],
) -> None:
    sink = Watched()
    for act, *arguments in history:
        if act != "restart":
            getattr(sink, act)(*arguments)
    sink.hear(len(history))
    sink.move(2 * len(history))

    whole = {one.center_id: one.version for one in sink.world.published if not one.partial}
    assert whole == sink.claimed()


def test_a_sink_far_behind_remembers_enough_to_claim_something() -> None:
    claims, newest = Claims(KNOWN), 5000
    for number in range(newest + 1):
        claims.applied(a_progress(number, {0: number}), at(0))

    for lag in (0, 1, 5, 20, 100, 500, 2000):
        passed = newest - lag
        through = line_of(claims, position=passed + 1).complete_through
        assert through is not None
        assert through.version is not None
        # Late by a share of what the files are late.
        assert passed - (2 + 0.4 * lag) <= through.version <= passed


def test_a_source_whose_clock_is_ahead_does_not_end_its_day_early() -> None:
    progress = a_progress(10, {0: 5}, captured_at=at(24 * 3600), applied_at=at(1))

    assert CompleteThrough(at(1), 10) == line_of(told(progress), position=6).complete_through


def test_the_many_slices_of_a_read_leave_the_claim_of_before_it() -> None:
    claims = Claims(KNOWN)
    for number in range(1000):
        claims.applied(a_progress(number, {0: number}), at(0))
    for number in range(1000, 1500):
        claims.applied(a_progress(number, {0: number}, partial=True), at(0))

    claims.told(a_status(version=1499), at(0))

    line = line_of(claims, position=2000)
    assert (CompleteThrough(at(989), 999), "resync") == (line.complete_through, line.behind)


def test_a_center_that_commits_for_ever_takes_little_memory() -> None:
    partitions = 12

    def work() -> Claims:
        claims = Claims(KNOWN)
        for number in range(10 * KEPT):
            ends = dict.fromkeys(range(partitions), 1000000 + number)
            claims.applied(a_progress(number, ends), at(0))
        return claims

    # A worker has this for each center, and there may be thousands.
    assert kept(work) < 50_000


def test_rows_that_other_days_show_are_not_on_their_way_to_an_old_day() -> None:
    later = at(120)
    claims = told(a_progress(ends={0: 5}), a_status(), now=0)
    claims.applied(a_progress(version=130, ends={0: 90}, applied_at=later), at(1))
    claims.told(a_status(now=119, version=130), later)
    line = line_of(told(a_progress(ends={0: 5})), position=6)
    old = Manifest(START.date(), START, 0, {}, (line,), position=Position(0, 6))

    (alone,) = claims.renewed(old, later)
    (beside,) = claims.renewed(old, later, 91)
    (behind,) = claims.renewed(old, later, 90)

    assert ["lagging", None, "lagging"] == [alone.behind, beside.behind, behind.behind]
    claimed = CompleteThrough(at(0), 10)
    assert [claimed] * 3 == [one.complete_through for one in (alone, beside, behind)]
