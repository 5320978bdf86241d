"""A partition's days: rows, marks and offset change together, whatever is killed."""

import shutil
import tempfile
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from schemas import avro
from schemas.codec import Encoder
from schemas.errors import Outside
from schemas.records import ChartEntry
from schemas.unified import file_order
from stream_app.files.rendering import entry
from stream_app.sink import statements
from stream_app.sink.errors import StateDamaged, StateFailed
from stream_app.sink.rows import RowReader
from stream_app.sink.store import Store
from tests.factories import A_DAY, A_MOMENT, a_chart_entry
from tests.unified import (
    ENCODE,
    IDENTITY,
    Record,
    a_store,
    an_entry,
    batch,
    key_of,
    records,
    rows_of,
    schema_of,
)

NEXT_DAY = A_DAY + timedelta(days=1)
DAYS = [A_DAY, NEXT_DAY, date(2024, 2, 29)]


@pytest.fixture
def store(tmp_path):
    opened = a_store(tmp_path)
    yield opened
    opened.close()


def take(store, found, **options):
    return store.take([batch(found, **options)], A_MOMENT)


def test_rows_stand_in_the_order_of_files(store):
    rows = [
        an_entry(center_id=center, patient_id=patient, entry_id=id_)
        for center in ("center_02", "center_01", "Center_03")
        for patient, id_ in (
            (10, 3),
            (9, 10),
            (9, 9),
            ("9", 5),
            ("Ä", "10/A"),
            ("z", "9/A"),
            ("z", 4),
            (-1, 12),
        )
    ]

    take(store, records(*rows))

    assert [entry(row) for row in sorted(rows, key=file_order)] == rows_of(store, A_DAY)


def test_the_last_record_of_a_key_counts(store):
    row, other = an_entry(), an_entry(entry_id=2)

    take(store, records(row, other, an_entry(chart_entry="later"), key_of(other)))

    assert [entry(an_entry(chart_entry="later"))] == rows_of(store, A_DAY)


def test_an_id_that_becomes_a_text_leaves_no_second_row(store):
    take(store, records(an_entry(entry_id=17)))
    take(store, records(an_entry(entry_id="17"), start=1))

    assert 1 == len(rows_of(store, A_DAY))


def test_what_was_taken_before_is_passed_over(store):
    found = records(an_entry(chart_entry="old"), an_entry(chart_entry="new"))
    take(store, found)

    again = take(store, found[:1], position=1)

    assert (2, (), 0) == (again.position, again.days, again.rows)
    assert [entry(an_entry(chart_entry="new"))] == rows_of(store, A_DAY)


def test_a_batch_without_records_moves_the_position_and_marks_nothing(store):
    take(store, [], position=41)

    assert 41 == store.position
    assert [] == store.dirty()


def test_a_day_stays_marked_when_it_changed_while_it_was_written(store):
    take(store, records(an_entry()))
    view = store.view()
    with view.snapshot():
        seen = view.day(A_DAY).changed
        take(store, records(an_entry(entry_id=2), start=1))
        assert {"center_01": 1} == view.counts(A_DAY), "the snapshot moved"
    store.written(A_DAY, seen, {})
    assert [A_DAY] == store.dirty()

    store.written(A_DAY, store.position, {})
    assert [] == store.dirty()
    view.close()


def test_a_record_that_is_none_withdraws_its_row_until_the_key_is_seen_again(store):
    row = an_entry()
    take(store, records(row))

    taken = take(store, [Record(1, key_of(row), b"\0\0\0\0\7\0")])

    assert [("undecodable", 1)] == [(found.reason, found.offset) for found in taken.unusable]
    assert [] == rows_of(store, A_DAY)
    assert [A_DAY] == store.dirty()
    view = store.view()
    assert {"center_01": 1} == view.unusable(A_DAY)
    take(store, records(row, start=2))
    assert {} == view.unusable(A_DAY)
    view.close()


@pytest.mark.parametrize(
    ("key", "value", "reason"),
    [
        (None, b"x", "undecodable"),
        (b"nonsense", None, "invalid-key"),
        (b"2024-02-30/center_01/1", None, "invalid-key"),
        (b"2022-01-18/center_01/", None, "invalid-key"),
        (b"\xff/a/b", None, "invalid-key"),
        (b"2022-01-18/center_01/1", b"", "undecodable"),
        (b"2022-01-18/center_01/1", b"\1\0\0\0\7", "undecodable"),
        (b"2022-01-18/center_01/1", b"\0\0\0\0\1", "unknown-schema"),
        (b"2022-01-18/center_01/1", ENCODE(an_entry())[:-3], "undecodable"),
        (b"2022-01-18/center_01/1", ENCODE(an_entry()) + b"\0", "undecodable"),
        (b"2022-01-18/center_01/2", ENCODE(an_entry()), "invalid-key"),
        (b"2022-01-18/center_01/1", b"\0\0\0\0\2" + b"\0" * 40, "undecodable"),
        (b"2022-01-18/center_01/1", b"\0\0\0\0\3" + b"\0" * 40, "unknown-schema"),
        (b"2022-01-18/center_01/1", Encoder(ChartEntry, 2).encode(a_chart_entry()), "undecodable"),
    ],
)
def test_a_poisonous_record_stops_nothing(tmp_path, key, value, reason):
    schemas = {2: avro.load(ChartEntry), 3: {"type": "nonsense"}}
    store = Store(
        tmp_path / "days-0.sqlite",
        IDENTITY,
        RowReader(lambda id_: schemas.get(id_) or schema_of(id_)),
        A_MOMENT,
    )

    taken = take(store, [*records(an_entry(entry_id=5)), Record(1, key, value)])

    assert [reason] == [found.reason for found in taken.unusable]
    assert [entry(an_entry(entry_id=5))] == rows_of(store, A_DAY)
    assert 2 == store.position
    store.close()


def test_a_registry_that_does_not_answer_changes_nothing(tmp_path):
    answers: list[str] = []

    def ask(id_):
        if not answers:
            raise Outside("the registry does not answer")
        return schema_of(id_)

    store = Store(tmp_path / "x.sqlite", IDENTITY, RowReader(ask), A_MOMENT)
    with pytest.raises(Outside, match="does not answer"):
        take(store, records(an_entry()))
    assert (None, []) == (store.position, store.dirty())

    answers.append("yes")
    take(store, records(an_entry()))
    assert 1 == len(rows_of(store, A_DAY))
    store.close()


@pytest.mark.parametrize(
    ("changes", "kept"),
    [({}, True), ({"topic_id": "made anew"}, False), ({"longest_rest": timedelta(-1)}, False)],
)
def test_a_state_of_another_topic_or_left_alone_too_long_is_made_anew(tmp_path, changes, kept):
    first = a_store(tmp_path)
    take(first, records(an_entry()))
    first.close()

    second = a_store(tmp_path, **changes)

    assert (1 if kept else None) == second.position
    assert ([A_DAY] if kept else []) == second.dirty()
    second.close()


@pytest.mark.parametrize(
    ("back", "position"), [(timedelta(minutes=50), 1), (timedelta(days=400), None)]
)
def test_a_state_of_a_time_to_come_is_made_anew(tmp_path, back, position):
    first = a_store(tmp_path)
    take(first, records(an_entry()))
    first.close()

    second = Store(first.path, IDENTITY, RowReader(schema_of), A_MOMENT - back)

    assert position == second.position
    second.close()


@pytest.mark.parametrize("content", [b"", b"no database", b"SQLite format 3\0" + b"x" * 4096])
def test_a_file_that_is_no_state_is_made_anew(tmp_path, content):
    (tmp_path / "days-0.sqlite").write_bytes(content)

    store = a_store(tmp_path)

    assert store.position is None
    take(store, records(an_entry()))
    store.close()


def test_a_state_is_whole_from_the_end_that_was_there_when_it_was_opened(tmp_path):
    found = []
    for end, more in ((2, records(an_entry())), (4, [])):
        store = a_store(tmp_path, end=end)
        found.append(store.whole)
        take(store, more)
        found.append(store.whole)
        take(store, [], position=end)
        found.append(store.whole)
        store.close()
    assert [False, False, True] * 2 == found


def test_a_state_that_cannot_be_written_says_so_and_keeps_what_it_had(store):
    take(store, records(an_entry()))
    pages = store._connection.execute("PRAGMA page_count").fetchone()[0]
    store._connection.execute(f"PRAGMA max_page_count = {pages}")

    many = [an_entry(entry_id=number, chart_entry="x" * 1000) for number in range(500)]
    with pytest.raises(StateFailed, match=r"full[^$]*make room"):
        take(store, records(*many, start=1))

    assert 1 == store.position
    assert 1 == len(rows_of(store, A_DAY))
    store._connection.execute("PRAGMA max_page_count = 100000")
    take(store, records(*many, start=1))
    assert 500 == len(rows_of(store, A_DAY))


keys = st.tuples(
    st.sampled_from(DAYS),
    st.sampled_from(["center_01", "center_02"]),
    st.sampled_from([1, 2, 17, "17/A", "x"]),
)
changes = st.one_of(
    st.builds(
        lambda key, patient, text: an_entry(
            date=key[0], center_id=key[1], entry_id=key[2], patient_id=patient, chart_entry=text
        ),
        keys,
        st.sampled_from([1, 2, "1", "a"]),
        st.text(max_size=5),
    ),
    st.builds(lambda key: key_of(an_entry(date=key[0], center_id=key[1], entry_id=key[2])), keys),
)
steps = st.lists(
    st.one_of(
        st.tuples(st.just("take"), st.lists(changes, max_size=6)),
        st.tuples(st.just("kill"), st.booleans()),
        st.tuples(st.just("write"), st.sampled_from(DAYS)),
    ),
    max_size=12,
)


class Model:
    """What a state should hold, as plain as can be."""

    def __init__(self):
        self.rows = {}
        self.dirty = set()
        self.position = 0

    def take(self, changed):
        for change in changed:
            key = change if isinstance(change, bytes) else key_of(change)
            self.rows.pop(key, None)
            if not isinstance(change, bytes):
                self.rows[key] = change
            self.dirty.add(date.fromisoformat(key.decode()[:10]))
            self.position += 1

    def day(self, day):
        found = [row for row in self.rows.values() if row.date == day]
        return [entry(row) for row in sorted(found, key=file_order)]


@given(steps)
@settings(max_examples=40, deadline=None)
def test_a_state_is_what_its_records_say_however_often_it_is_killed(history):
    with tempfile.TemporaryDirectory() as place:
        folder, model, number = Path(place), Model(), 0
        store = a_store(folder)
        for act, what in history:
            if act == "take":
                take(
                    store, records(*what, start=model.position), position=model.position + len(what)
                )
                model.take(what)
            elif act == "write":
                known = {day.day: day for day in store.days()}
                if what in known:
                    store.written(what, known[what].changed, {})
                    model.dirty.discard(what)
            else:
                number += 1
                left = folder / str(number)
                killed(store, folder, left, in_a_transaction=what)
                folder, store = left, a_store(left)
            assert model.position == (store.position or 0)
            assert sorted(model.dirty, reverse=True) == store.dirty()
            for day in DAYS:
                assert model.day(day) == rows_of(store, day)
        store.close()


def killed(store, folder, left, *, in_a_transaction):
    """Leave the files as a process does that is killed between two statements, or within one."""
    if in_a_transaction:
        store._connection.execute("BEGIN IMMEDIATE")
        store._connection.execute("DELETE FROM rows")
        store._connection.execute("UPDATE days SET changed = 0")
    left.mkdir()
    for file in folder.glob("days-0.sqlite*"):
        if not file.name.endswith("-shm"):
            shutil.copy(file, left)
    if in_a_transaction:
        store._connection.execute("ROLLBACK")
    store.close()


def test_the_statements_of_a_flush_scan_nothing_but_the_day(store):
    for text in (statements.ROWS, statements.COUNTS, statements.UNUSABLE):
        plan = store._connection.execute(f"EXPLAIN QUERY PLAN {text}", (1,)).fetchall()
        assert "SEARCH" in plan[0][3], plan


def test_two_connections_do_not_wait_for_each_other(store):
    take(store, records(an_entry()))
    view = store.view()
    with view.snapshot():
        rows_of_before = list(view.rows(A_DAY, 1))
        take(store, records(an_entry(chart_entry="later"), start=1))
        assert rows_of_before == list(view.rows(A_DAY, 1))
    view.close()


def test_a_damaged_state_is_put_aside_and_the_topic_is_read_again(tmp_path):
    store = a_store(tmp_path)
    take(store, records(*(an_entry(entry_id=number) for number in range(2000))))
    store.close()
    content = (tmp_path / "days-0.sqlite").read_bytes()
    (tmp_path / "days-0.sqlite").write_bytes(content[:8192] + b"\xff" * (len(content) - 8192))

    store = a_store(tmp_path)
    with pytest.raises(StateDamaged, match="start again"):
        take(store, records(*(an_entry(entry_id=number) for number in range(2000)), start=2000))
    store.close()

    assert a_store(tmp_path).position is None


def test_a_day_knows_when_it_changed_last(store):
    rows = [
        replace(record, timestamp=at)
        for record, at in zip(records(an_entry(), an_entry(entry_id=2)), (2000, 1000), strict=True)
    ]
    take(store, rows)

    assert [datetime(1970, 1, 1, 0, 0, 2, tzinfo=UTC)] == [day.changed_at for day in store.days()]
