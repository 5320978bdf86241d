"""Rows as messages: keys, headers, tombstones, dead letters, slices."""

from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from producers.capture.events import Events, Message
from producers.capture.slices import cut
from producers.capture.withdrawn import Withdrawn
from producers.rows import Rules
from schemas import avro, topics
from schemas.codec import Decoder, Encoder
from schemas.ids import IdType, Role
from schemas.records import ChartEntry, DeadLetter, Insurer, PatientInsurance, Service
from tests.factories import A_DAY, A_MOMENT, a_mapping

TYPES = (ChartEntry, Service, PatientInsurance, Insurer, DeadLetter)
ENCODERS = {type_: Encoder(type_, 1).encode for type_ in TYPES}
ENTRY = (5, 17, 20220118, "Füllung", 0)


def events(**changes: Any) -> Any:
    return Events(Rules.of(a_mapping(**changes)), ENCODERS)


def of_change(
    table: Any, operation: Any, id_: Any, row: Any = None, version: Any = 9, **changes: Any
) -> Any:
    width = {"KASSEN": 3, "PATKASSE": 4, "KARTEI": 5, "LEISTUNG": 5}[table]
    change = (version, operation, id_, *(row or [None] * width))
    return list(events(**changes).of_change(table, change, A_MOMENT))


def decoded(type_: Any, message: Any) -> Any:
    decoder = Decoder(type_)
    decoder.learn(1, avro.load(type_))
    return decoder.decode(message.value)


def said(messages: Any) -> Any:
    return [(message.topic.removeprefix("chartfeed."), message.value) for message in messages]


@pytest.mark.parametrize(("operation", "word"), [("I", "insert"), ("U", "update")])
def test_a_live_row_is_an_event_under_center_and_row(operation: Any, word: Any) -> None:
    [event] = of_change("KARTEI", operation, 5, ENTRY)

    assert topics.CHART_ENTRIES.name == event.topic
    assert b"center_07/5" == event.key
    assert (("operation", word.encode()), ("source_version", b"9")) == event.headers
    assert ChartEntry("center_07", 5, 17, A_DAY, "Füllung", 9, A_MOMENT) == decoded(
        ChartEntry, event
    )


def test_a_deleted_row_is_a_tombstone_under_its_key() -> None:
    [event] = of_change("LEISTUNG", "D", 8)

    assert (topics.SERVICES.name, b"center_07/8", None) == (event.topic, event.key, event.value)
    assert ("operation", b"delete") == event.headers[0]


@pytest.mark.parametrize("table", ["KARTEI", "LEISTUNG", "PATKASSE"])
def test_a_row_marked_deleted_is_a_tombstone_too(table: Any) -> None:
    row = {"PATKASSE": (5, 17, 3, 1)}.get(table, (5, 17, 20220118, "x", 1))

    assert [None] == [event.value for event in of_change(table, "U", 5, row)]


def test_an_insurer_marked_deleted_stays() -> None:
    [event] = of_change("KASSEN", "U", 3, (3, "AOK", "1"))

    assert Insurer("center_07", 3, "AOK", "1", 9, A_MOMENT) == decoded(Insurer, event)


def test_a_row_that_is_gone_before_it_could_be_read_is_a_tombstone() -> None:
    assert [("chart-entries", None)] == said(of_change("KARTEI", "U", 5))


@pytest.mark.parametrize(
    ("row", "reason"),
    [
        ((5, 17, 20240230, "Anna Muster", 0), "invalid-date"),
        ((5, 17, None, "Anna Muster", 0), "missing-date"),
        ((5, None, 20220118, "Anna Muster", 0), "missing-patient"),
        ((5, 17, 20220118, "Anna Muster \ud83e", 0), "unencodable"),
        ((5, 17, 20220118, "Anna Muster" * 100_000, 0), "too-large"),
    ],
)
def test_a_broken_row_is_withdrawn_and_leaves_a_dead_letter_without_its_content(
    row: Any, reason: Any
) -> None:
    tombstone, letter = of_change("KARTEI", "U", 5, row)

    assert (topics.CHART_ENTRIES.name, b"center_07/5", None) == (
        tombstone.topic,
        tombstone.key,
        tombstone.value,
    )
    assert b"center_07/5" == letter.key
    assert DeadLetter(
        "producer", "center_07", "KARTEI", "5", reason, 9, None, None, None, A_MOMENT
    ) == decoded(DeadLetter, letter)
    assert b"Anna" not in letter.value


def test_a_row_whose_own_id_is_none_has_only_a_dead_letter() -> None:
    [letter] = of_change("KARTEI", "I", "  ", ("  ", 17, 20220118, "x", 0))

    assert "missing-id" == decoded(DeadLetter, letter).reason


def test_ids_are_keys_in_the_type_of_their_role() -> None:
    ids = {Role.ENTRY: IdType.TEXT}

    assert b"center_07/67890/A22" == of_change("KARTEI", "D", "67890/A22  ", ids=ids)[0].key
    assert b"center_07/17" == of_change("LEISTUNG", "D", " 17 ")[0].key


def test_a_dead_row_says_nothing_when_all_rows_are_read() -> None:
    row = (5, 17, 20220118, "x", 1)

    assert () == events().of_row("KARTEI", row, "snapshot", 9, A_MOMENT)


def test_a_repaired_row_ends_its_dead_letter_and_is_counted_no_more() -> None:
    withdrawn = Withdrawn()
    broken = list(withdrawn.following(of_change("KARTEI", "U", 5, (5, 17, 0, "x", 0))))
    again = list(withdrawn.following(of_change("KARTEI", "U", 5, (5, 17, 1, "x", 0))))

    assert 2 == len(broken)
    assert ["chart-entries", "dead-letters", "dead-letters"] == [topic for topic, _ in said(again)]
    assert 1 == len(withdrawn)

    # The service of the same id is another row.
    assert 1 == len(list(withdrawn.following(of_change("LEISTUNG", "D", 5))))
    _, end = withdrawn.following(of_change("KARTEI", "U", 5, ENTRY))
    assert (topics.DEAD_LETTERS.name, None) == (end.topic, end.value)
    assert 0 == len(withdrawn)


def a_message(version: Any, size: Any = 1) -> Any:
    return Message("t", b"", b"x" * size, (), "KARTEI", version)


runs = st.lists(st.tuples(st.integers(1, 7), st.integers(0, 9)), max_size=12)


@given(runs=runs, most=st.integers(1, 6), most_bytes=st.integers(1, 40))
def test_slices_hold_everything_in_order_and_tear_only_what_is_larger_than_one(
    runs: Any, most: Any, most_bytes: Any
) -> None:
    messages = [
        a_message(version, size) for version, (count, size) in enumerate(runs) for _ in range(count)
    ]

    slices = list(cut(messages, most=most, most_bytes=most_bytes))

    assert messages == [message for slice_ in slices for message in slice_]
    for slice_ in slices:
        assert 1 <= len(slice_) <= most
        assert 1 == len(slice_) or sum(message.size for message in slice_) <= most_bytes
    for slice_, following in pairwise(slices):
        if slice_[-1].version == following[0].version:
            assert 1 == len({message.version for message in slice_})
