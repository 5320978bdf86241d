"""From a partition's state to files: what is written, by whom, and how often."""

import json
import random
import tempfile
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from schemas import topics
from stream_app.files import day as files
from stream_app.files import manifest as manifests
from stream_app.files.manifest import Position
from stream_app.files.months import ByMonth
from stream_app.files.rendering import FORMATS, chunks, entry, file_name, manifest_name
from stream_app.files.targets import Folder, open_target
from stream_app.sink import view as views
from stream_app.sink.completeness import Claims, KnownCenter
from stream_app.sink.flushing import Interrupted, Writer, whole
from stream_app.sink.open_days import open_days
from stream_app.sink.pace import FAR_BEHIND, Pace, Past
from stream_app.sink.schedule import Act, Job, Schedule, Share
from stream_app.sink.survey import days_in, missing, names_of, survey, touched
from tests.factories import A_DAY, A_MOMENT
from tests.unified import a_store, an_entry, batch, key_of, records

KNOWN = (KnownCenter("center_01", "Praxis Süd"),)
NEXT_DAY = A_DAY + timedelta(days=1)


def listed(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def a_writer(target: Any, **changes: Any) -> Writer:
    claims = Claims(KNOWN)
    options: dict[str, Any] = {
        "formats": ("csv", "json"),
        "lines": lambda shares, partition, position: claims.lines(
            shares, partition, position, A_MOMENT
        ),
        "generation": 5,
        "clock": lambda: A_MOMENT,
    }
    return Writer(target=target, **(options | changes))


@pytest.fixture
def store(tmp_path):
    opened = a_store(tmp_path / "state")
    opened.take([batch(records(an_entry(), an_entry(entry_id=2)))], A_MOMENT)
    yield opened
    opened.close()


@pytest.fixture
def view(store):
    opened = store.view()
    yield opened
    opened.close()


@pytest.fixture(params=["folder", "months", "memory", "memory months"])
def target(request, tmp_path):
    place = f"memory://{tmp_path.name}/o" if "memory" in request.param else str(tmp_path / "out")
    found = open_target(place)
    return ByMonth(found) if "months" in request.param else found


def test_a_day_is_written_as_an_extract_writes_it(store, view, target, tmp_path):
    manifest = a_writer(target).write(store, view, A_DAY)

    expected = files.write(
        Folder(tmp_path / "expected"),
        A_DAY,
        [an_entry(), an_entry(entry_id=2)],
        formats=("csv", "json"),
        centers=manifest.centers,
        written_at=A_MOMENT,
        generation=5,
    )
    assert expected.files == manifest.files
    assert Position(0, 2) == manifest.position
    assert manifest == files.read_manifest(target, A_DAY)
    assert whole(target, manifest)
    assert [] == store.dirty()


def test_months_have_folders_of_their_own(store, view, tmp_path):
    target = ByMonth(Folder(tmp_path / "out"))
    a_writer(target).write(store, view, A_DAY)

    assert ["2022-01"] == listed(tmp_path / "out")
    names = [file_name(A_DAY, "csv"), file_name(A_DAY, "json"), manifest_name(A_DAY)]
    assert sorted(names) == target.names() == listed(tmp_path / "out" / "2022-01")
    (tmp_path / "out" / "2022-01" / ".x.tmp").touch()
    (tmp_path / "out" / ".y.tmp").touch()
    assert 2 == target.remove_leftovers()


def test_a_day_that_lost_all_rows_has_an_empty_file(store, view, target):
    store.take(
        [batch(records(key_of(an_entry()), key_of(an_entry(entry_id=2)), start=2))], A_MOMENT
    )

    manifest = a_writer(target).write(store, view, A_DAY)

    assert 0 == manifest.record_count
    assert 1 == (target.read(file_name(A_DAY, "csv")) or b"").count(b"\n")


def test_a_day_without_a_row_has_files_when_it_is_asked_for(store, view, target):
    manifest = a_writer(target).write(store, view, NEXT_DAY)

    assert 0 == manifest.record_count
    assert ["center_01"] == [line.center_id for line in manifest.centers]


def test_a_write_that_is_stopped_leaves_the_old_file_and_the_mark(store, view, tmp_path):
    target = Folder(tmp_path / "out")
    with pytest.raises(Interrupted):
        a_writer(target, stop=lambda: True).write(store, view, A_DAY)

    assert [] == listed(tmp_path / "out")
    assert [A_DAY] == store.dirty()


def test_an_older_owner_writes_no_more(store, view, target):
    a_writer(target).write(store, view, A_DAY)
    assert a_writer(target, generation=6).refresh(store, view, A_DAY)

    with pytest.raises(files.NewerOwner):
        a_writer(target).write(store, view, A_DAY)
    with pytest.raises(files.NewerOwner):
        a_writer(target).refresh(store, view, A_DAY)


def test_a_manifest_is_refreshed_only_for_files_of_this_state(store, view, target):
    writer = a_writer(target)
    assert not writer.refresh(store, view, A_DAY), "it is not there"
    writer.write(store, view, A_DAY)
    assert writer.refresh(store, view, A_DAY)
    store.take([batch(records(an_entry(entry_id=3), start=2))], A_MOMENT)
    assert not writer.refresh(store, view, A_DAY), "it has changed"


@pytest.mark.parametrize("extension", FORMATS)
def test_a_large_day_is_read_piece_by_piece_and_gives_the_same_bytes(
    store, view, extension, monkeypatch
):
    rows = [
        an_entry(entry_id=number, chart_entry=f'"{number}"\n,')
        for number in random.sample(range(2500), 2500)
    ]
    store.take([batch(records(*rows, start=2))], A_MOMENT)
    with view.snapshot():
        held = view.rows(A_DAY, 2500)
        monkeypatch.setattr(views, "HELD", 10)
        read = view.rows(A_DAY, 2500)
        assert read._held is None
        assert list(chunks(extension, A_DAY, held)) == list(chunks(extension, A_DAY, read))
        assert [entry(row) for row in sorted(rows, key=lambda row: row.entry_id)] == list(read)


def test_a_survey_finds_what_is_not_as_it_was_written(store, view, target):
    known = [A_DAY, NEXT_DAY, date(2024, 1, 1), date(2024, 1, 2), date(2024, 1, 3)]
    rows = [an_entry(date=day) for day in known]
    store.take([batch(records(*rows, start=2))], A_MOMENT)
    writer = a_writer(target)
    for day in known:
        writer.write(store, view, day)

    def look(**changes):
        options: Any = {"partition": 0, "partitions": 1, "formats": ("csv", "json"), "now_ms": 1}
        return survey(target, target.listing(), store.days(), **(options | changes))

    assert (6, ()) == (look().generation, look().stale)
    assert sorted(known, reverse=True) == list(look().fitting)
    assert 99 == look(now_ms=99).generation
    assert set(known) == set(look(formats=("csv",)).stale)

    target.replace(file_name(known[1], "csv"), [b"shorter"])
    files.write(
        target, known[2], [], formats=("csv", "json"), centers=(), written_at=A_MOMENT, generation=7
    )
    target.replace(manifest_name(known[3]), [b"{"])
    surplus = date(2025, 5, 5)
    files.write(
        target, surplus, [], formats=("csv",), centers=(), written_at=A_MOMENT, generation=2
    )
    extracted = date(2025, 5, 6)
    files.write(target, extracted, [], formats=("csv",), centers=(), written_at=A_MOMENT)

    assert {*known[1:4], surplus} == set(look().stale)
    assert 8 == look().generation
    assert {known[1], known[2]} == set(missing(target.listing(), store.days()))
    half = survey(
        target, target.listing(), [], partition=1, partitions=2, formats=("csv",), now_ms=1
    )
    assert all(1 == topics.partition_of_day(day, 2) for day in half.stale)


def test_files_of_the_right_size_with_other_bytes_are_noticed(store, view, target):
    writer = a_writer(target)
    manifest = writer.write(store, view, A_DAY)
    before = target.listing()
    assert {} == touched(target.listing(), store.days(), before)
    name = file_name(A_DAY, "csv")
    target.replace(name, [target.read(name).replace(b"AOK", b"BKK")])

    assert [] == missing(target.listing(), store.days())
    assert {A_DAY: {name}} == touched(target.listing(), store.days(), before)
    assert not whole(target, manifest)
    assert not writer.check(store, view, A_DAY, {name})
    assert writer.check(store, view, A_DAY, {file_name(A_DAY, "json")})
    assert {A_DAY: names_of(store.days()[0])} == touched(target.listing(), store.days(), {})


def test_a_manifest_that_an_older_owner_put_over_the_newer_is_noticed(store, view, target):
    older = a_writer(target).write(store, view, A_DAY)
    store.take([batch(records(an_entry(chart_entry="new"), start=2))], A_MOMENT)
    writer = a_writer(target, generation=6)
    writer.write(store, view, A_DAY)
    before = target.listing()
    assert writer.check(store, view, A_DAY, ())
    assert before == target.listing(), "nothing is written where all is well"

    target.replace(manifest_name(A_DAY), [manifests.render(older)])
    assert {A_DAY: {manifest_name(A_DAY)}} == touched(target.listing(), store.days(), before)
    assert not writer.check(store, view, A_DAY, ())


def test_a_day_with_the_same_files_is_taken_over_from_an_older_owner(store, view, target):
    a_writer(target).write(store, view, A_DAY)

    assert a_writer(target, generation=6).check(store, view, A_DAY, ())

    found = files.read_manifest(target, A_DAY)
    assert found is not None
    assert 6 == found.generation
    with pytest.raises(files.NewerOwner):
        a_writer(target).check(store, view, A_DAY, ())


def test_a_damaged_manifest_is_as_one_that_is_missing(store, view, target):
    writer = a_writer(target)
    writer.write(store, view, A_DAY)
    target.replace(manifest_name(A_DAY), [b""])

    assert not writer.refresh(store, view, A_DAY)
    assert not writer.check(store, view, A_DAY, ())
    assert writer.write(store, view, A_DAY) == files.read_manifest(target, A_DAY)


def test_names_that_are_no_days_are_passed_over():
    names = ["ivoris_chart_entries_2024-02-30.manifest.json", "x", manifest_name(A_DAY)]
    assert [A_DAY] == days_in(names)


def test_open_days_are_today_and_yesterday_wherever_a_center_is():
    late = datetime(2026, 7, 1, 23, 30, tzinfo=UTC)
    assert {date(2026, 7, 2), date(2026, 7, 1)} == open_days(late, ["Europe/Berlin"])
    both = open_days(late, ["Europe/Berlin", "UTC"])
    assert {date(2026, 7, 2), date(2026, 7, 1), date(2026, 6, 30)} == both


@given(st.floats(0, 100), st.floats(0, 100), st.floats(0, 30), st.floats(0.05, 10))
def test_a_day_is_due_in_time_but_never_takes_more_than_a_fifth_of_it(since, began, took, interval):
    pace = Pace(interval)
    due = pace.due(since, Past(began, took), backlog=0)

    assert due >= since
    assert due >= began + 5 * took
    if took <= interval / 10:
        # A change is in the files within the interval, the next write's time included.
        assert due + took <= max(since, began) + interval
    assert pace.due(since, None, backlog=0) == since
    assert pace.due(since, None, backlog=FAR_BEHIND) >= since + 30


def a_share(store: Any, **changes: Any) -> Share:
    options: dict[str, Any] = {"generation": 1}
    return Share(store, view=None, **(options | changes))  # type: ignore[arg-type]  # never asked


def a_schedule(*shares: Share, **changes: Any) -> Schedule:
    options: dict[str, Any] = {"refresh_at": 1e9, "audit_at": 1e9}
    found = Schedule(Pace(1.0), 10.0, 30.0, **(options | changes))
    found.shares = dict(enumerate(shares))
    return found


def test_the_newest_day_that_is_due_comes_first(store):
    share = a_share(store, since={A_DAY: 1.0, NEXT_DAY: 1.5, date(2030, 1, 1): 9.0})

    assert Job(Act.WRITE, share, NEXT_DAY) == a_schedule(share).next(2.0)
    assert Job(Act.WRITE, share, A_DAY) == a_schedule(share).next(1.2)
    assert pytest.approx(0.5) == a_schedule(share).next(0.5)
    assert pytest.approx(1.0) == a_schedule(share, not_before=3.0).next(2.0)


def test_nothing_is_written_of_a_partition_before_it_was_looked_at_and_is_whole(tmp_path):
    store = a_store(tmp_path, end=3)
    share = a_share(store, generation=None, since={A_DAY: 1.0})
    schedule = a_schedule(share)

    assert isinstance(schedule.next(2.0), float)
    assert not schedule.waiting()
    store.take([batch([], position=3)], A_MOMENT)
    assert Job(Act.SURVEY, share) == schedule.next(2.0)
    share.generation = 1
    assert Job(Act.WRITE, share, A_DAY) == schedule.next(2.0)
    assert schedule.waiting()
    share.lost = "somebody newer"
    assert isinstance(schedule.next(2.0), float)
    store.close()


def test_upkeep_waits_for_what_changed_and_for_a_backlog(store):
    share = a_share(store, unchecked={A_DAY: frozenset()})
    schedule = a_schedule(share, refresh_at=0.0, audit_at=0.0)

    first = [schedule.next(1.0) for _ in range(3)]
    assert [Job(Act.REFRESH), Job(Act.AUDIT), Job(Act.CHECK, share, A_DAY)] == first
    assert Job(Act.REFRESH) == schedule.next(11.0)
    schedule.backlog = FAR_BEHIND
    assert isinstance(schedule.next(12.0), float)


def test_files_are_not_read_before_a_backlog_can_have_been_noticed(store):
    share = a_share(store, unchecked={A_DAY: frozenset()})
    schedule = a_schedule(share, check_from=5.0)

    assert pytest.approx(1.0) == schedule.next(4.0)
    assert Job(Act.CHECK, share, A_DAY) == schedule.next(5.0)


def test_files_that_are_not_read_while_far_behind_leave_the_thread_asleep(store):
    share = a_share(store, unchecked={A_DAY: frozenset()}, since={A_DAY: 9.0})
    schedule = a_schedule(share, backlog=FAR_BEHIND, backlog_until=12.5, check_from=3.0)

    assert pytest.approx(2.5) == schedule.next(10.0)


def test_what_was_said_of_a_backlog_counts_for_a_while_only(store):
    share = a_share(store, unchecked={A_DAY: frozenset()})
    schedule = a_schedule(share, backlog=FAR_BEHIND, backlog_until=5.0)

    assert FAR_BEHIND == schedule.behind(4.0)
    assert isinstance(schedule.next(4.0), float)
    assert Job(Act.CHECK, share, A_DAY) == schedule.next(5.0)


@given(st.lists(st.text(max_size=20), max_size=5), st.sampled_from(sorted(FORMATS)))
@settings(deadline=None, max_examples=30)
def test_pieces_are_the_files_bytes(texts, extension):
    rows = [entry(an_entry(chart_entry=text)) for text in texts]
    with tempfile.TemporaryDirectory() as place:
        target = Folder(Path(place))
        target.replace("x", chunks(extension, A_DAY, rows))
        assert b"".join(chunks(extension, A_DAY, rows)) == b"".join(target.pieces("x"))
        if extension == "json":
            assert texts == [
                row["chart_entry"] for row in json.loads(target.read("x") or b"")["entries"]
            ]
