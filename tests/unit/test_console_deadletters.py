"""Which dead letters stand, how they are counted, and which of them a page shows."""

from collections import Counter
from datetime import timedelta
from typing import Any

import pytest

from chartfeed.console.deadletters.ledger import PAGE, Entry, Ledger, Wanted
from chartfeed.console.deadletters.routes import remedy
from tests.factories import A_MOMENT, a_dead_letter


def take(ledger: Ledger, offset: int = 0, **changes: Any) -> None:
    letter = a_dead_letter(**changes)
    ledger.take(f"{letter.center_id}/{letter.key}".encode(), Entry(letter, 3, offset))


def keys(ledger: Ledger, **wanted: str) -> list[str | None]:
    return [entry.letter.key for entry in ledger.page(Wanted(**wanted)).entries]


def test_a_row_that_is_refused_again_has_one_letter_the_latest() -> None:
    ledger = Ledger()
    take(ledger, 1)
    take(ledger, 2, reason="missing-patient")

    (entry,) = ledger.page(Wanted()).entries

    assert (entry.letter.reason, entry.offset) == ("missing-patient", 2)


def test_a_row_that_was_repaired_has_no_letter_any_more() -> None:
    ledger = Ledger()
    take(ledger)
    ledger.end(b"center_07/41", "KARTEI")

    assert len(ledger) == 0
    assert ledger.ended == 1


def test_rows_of_two_tables_with_the_same_id_are_two() -> None:
    ledger = Ledger()
    take(ledger)
    take(ledger, table="LEISTUNG")
    ledger.end(b"center_07/41", "LEISTUNG")

    assert keys(ledger) == ["41"]
    assert ledger.counts(Wanted())["table"] == Counter({"KARTEI": 1})


def test_a_repair_at_the_source_ends_no_letter_of_the_stream() -> None:
    ledger = Ledger()
    take(ledger, stage="stream", table=None, topic="chartfeed.services", key="center_07/41")
    ledger.end(b"center_07/center_07/41", "KARTEI")

    assert len(ledger) == 1


def test_letters_are_counted_by_reason_under_the_other_filters_alone() -> None:
    ledger = Ledger()
    take(ledger)
    take(ledger, key="42", table="LEISTUNG", reason="missing-date")
    take(ledger, key="9", center_id="center_08")

    counts = ledger.counts(Wanted(center="center_07", reason="missing-date"))

    assert counts["reason"] == Counter({"invalid-date": 1, "missing-date": 1})
    assert counts["center"] == Counter({"center_07": 1})
    assert keys(ledger, center="center_07", reason="missing-date") == ["42"]


def test_the_newest_come_first_and_pages_follow() -> None:
    ledger = Ledger()
    for number in range(PAGE + 1):
        take(ledger, number, key=str(number), at=A_MOMENT + timedelta(seconds=number))

    assert ledger.page(Wanted()).entries[0].letter.key == str(PAGE)
    assert ledger.page(Wanted()).pages == 2
    assert [entry.letter.key for entry in ledger.page(Wanted(), 2).entries] == ["0"]
    assert ledger.page(Wanted(), 99).number == 2


def test_of_too_many_letters_the_oldest_are_counted_alone() -> None:
    ledger = Ledger(most=2)
    for number in range(3):
        take(ledger, key=str(number))

    assert len(ledger) == 2
    assert ledger.left_out == 1


@pytest.mark.parametrize(
    ("stage", "topic", "reason", "helps"),
    [
        ("producer", None, "invalid-date", "source"),
        ("producer", None, "invalid-id", "id"),
        ("stream", "chartfeed.services", "undecodable", "resync"),
        ("stream", "chartfeed.services", "unknown-schema", "registry"),
        ("stream", "chartfeed.unified-entries", "undecodable", "rebuild"),
        ("stream", "chartfeed.checkpoints", "undecodable", "checkpoint"),
    ],
)
def test_each_letter_says_what_helps(
    stage: str, topic: str | None, reason: str, helps: str
) -> None:
    assert remedy(stage, topic, reason) == helps
