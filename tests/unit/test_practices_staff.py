"""The staff's book, deeds and journal; nothing here touches a server."""

from __future__ import annotations

import datetime as dt
import json
from collections import Counter

import pytest

from deploy.local import practices
from deploy.local.practice import baseline, content, layout
from deploy.local.practice.dice import dice
from deploy.local.practices import Request
from deploy.local.staff import deeds, journal
from deploy.local.staff.book import Book, Change, Deed
from deploy.local.staff.desk import Clock
from deploy.local.staff.journal import Journal
from schemas.errors import BadInput
from tests import oracle

TODAY = dt.date(2026, 11, 20)


def a_practice():
    return practices.plan(Request(count=1, families=("clean",)))[0]


def a_book(practice):
    found = content.of(practice)
    rows = {
        role: [
            dict(zip([layout.split(spec)[0] for spec in layout.COLUMNS[role]], row, strict=True))
            for row in found[role]
        ]
        for role in layout.TRACKED
    }
    return Book.of(rows, [int(str(row[0])) for row in found[layout.PATIENT]])


def some_deeds(count, seed=1):
    practice = a_practice()
    book = a_book(practice)
    work = deeds.Work(book, dice(seed), TODAY, unicode=True)
    done: list[Deed] = []
    while len(done) < count:
        deed = deeds.choose(work)
        if deed is not None:
            book.apply(deed)
            done.append(deed)
    return practice, done


def a_deed(key=1, text="Kontrolle"):
    return Deed("entry", (Change("KARTEI", key, None, {"ID": key, "BEMERKUNG": text}),))


@pytest.mark.parametrize(
    ("now", "today"),
    [
        (dt.datetime(2026, 11, 21, 22, 59, tzinfo=dt.UTC), dt.date(2026, 11, 21)),
        (dt.datetime(2026, 11, 21, 23, 0, tzinfo=dt.UTC), dt.date(2026, 11, 22)),
        (dt.datetime(2026, 7, 1, 22, 0, tzinfo=dt.UTC), dt.date(2026, 7, 2)),
    ],
)
def test_the_staff_s_today_is_that_of_the_clock_on_their_wall(now, today):
    assert today == Clock(lambda: now).today()


def test_staff_do_all_that_staff_do():
    _, done = some_deeds(2000)

    names = Counter(deed.name for deed in done)

    assert set(names) == {
        "entry", "visit", "newcomer", "text", "date", "patient", "postpone", "code",
        "switch-insurer", "repoint", "kind", "rename", "strike", "undo", "remove",
    }  # fmt: skip
    assert any(len({change.table for change in deed.changes}) == 2 for deed in done)


def test_every_deed_changes_something_and_fits_what_was_there():
    practice, done = some_deeds(2000)
    center = oracle.Center.of(practice)

    center.apply(
        journal.Commit(number, practice.center_id, number, "", deed.name, tracked(deed))
        for number, deed in enumerate(done, 1)
    )

    assert center.version == 2000
    assert all(change.before != change.after for deed in done for change in deed.changes)


def tracked(deed):
    return tuple(change for change in deed.changes if change.table != layout.PATIENT)


def test_baseline_days_patients_and_insurers_are_left_alone():
    practice, done = some_deeds(3000, seed=5)
    untouched = oracle.Center.of(practice)
    worked = oracle.Center.of(practice).apply(
        journal.Commit(number, practice.center_id, number, "", deed.name, tracked(deed))
        for number, deed in enumerate(done, 1)
    )

    for number in baseline.DAYS:
        day = oracle.date_of(number)
        assert day is not None
        assert len(worked.expected(day)) == 6
        assert worked.expected(day) == untouched.expected(day)


def test_the_same_seed_does_the_same():
    assert some_deeds(200)[1] == some_deeds(200)[1]
    assert some_deeds(200)[1] != some_deeds(200, seed=2)[1]


def test_rows_in_hand_are_given_to_nobody_else():
    book = a_book(a_practice())
    work = deeds.Work(book, dice(1), TODAY, unicode=True)
    taken = set()
    for _ in range(100):
        deed = deeds.text(work)
        if deed is not None:
            book.take(deed)
            (change,) = deed.changes
            assert change.key not in taken
            taken.add(change.key)
    assert len(taken) > 50


def test_the_journal_gives_back_what_was_committed_in_order(tmp_path):
    log = Journal(tmp_path / "work.jsonl")
    first = log.intend("center_01", 0, a_deed(1, "Zähneputzen"))
    second = log.intend("center_02", 0, a_deed(2))
    log.committed(second, 7, "2026-11-20T08:00:00Z")
    log.committed(first, 3, "2026-11-20T08:00:01Z")
    log.close()

    found = list(journal.read(tmp_path / "work.jsonl"))

    assert [(commit.id, commit.center, commit.version) for commit in found] == [
        (2, "center_02", 7),
        (1, "center_01", 3),
    ]
    assert found[1].changes == a_deed(1, "Zähneputzen").changes


def test_no_name_of_a_person_comes_into_the_journal(tmp_path):
    log = Journal(tmp_path / "work.jsonl")
    person = Change("PATIENT", 9, None, {"ID": 9, "P_NAME": "Geheim", "DELKZ": 0})
    deed = Deed("newcomer", (person, *a_deed().changes))
    log.committed(log.intend("center_01", 0, deed), 1, "2026-11-20T08:00:00Z")
    log.close()

    written = "".join(path.read_text(encoding="utf-8") for path in tmp_path.iterdir())

    assert "Geheim" not in written
    assert "PATIENT" not in [json.loads(line).get("table") for line in written.splitlines()]


def test_what_was_intended_and_never_ended_is_open_at_the_next_start(tmp_path):
    log = Journal(tmp_path / "work.jsonl")
    log.committed(log.intend("center_01", 0, a_deed(1)), 1, "2026-11-20T08:00:00Z")
    log.undone(log.intend("center_01", 1, a_deed(2)))
    log.intend("center_01", 1, a_deed(3))
    log.close()

    again = Journal(tmp_path / "work.jsonl")
    (intent,) = again.unsettled
    again.committed(intent, 2, "2026-11-20T08:00:01Z")
    fresh = again.intend("center_01", 2, a_deed(4))
    again.close()

    assert (intent.deed, intent.since, fresh.id) == (a_deed(3), 1, intent.id + 1)


def test_a_line_torn_by_a_crash_is_cut_off(tmp_path):
    path = tmp_path / "work.jsonl"
    log = Journal(path)
    log.committed(log.intend("center_01", 0, a_deed(1)), 1, "2026-11-20T08:00:00Z")
    log.close()
    with path.open("ab") as file:
        file.write(b'{"id": 2, "cen')

    Journal(path).close()

    assert path.read_bytes().endswith(b"}\n")
    assert [commit.id for commit in journal.read(path)] == [1]


def test_two_cannot_write_the_same_journal(tmp_path):
    log = Journal(tmp_path / "work.jsonl")
    with pytest.raises(BadInput):
        Journal(tmp_path / "work.jsonl")
    log.close()


def test_the_oracle_tells_the_example():
    center = oracle.Center.of(a_practice())

    told = [
        (row.patient_id, row.insurance_status, row.insurance_name, ",".join(row.service_codes))
        for row in center.expected(dt.date(2022, 1, 18))
    ]

    assert told == [
        (1, "GKV", "AOK Bayern", "01,1040"),
        (1, "GKV", "AOK Bayern", "01,1040"),
        (2, "GKV", "DAK Gesundheit", "13b"),
        (3, "GKV", "Techniker Krankenkasse", "Ä935"),
        (4, "PKV", "PRIVAT", ""),
        (5, "GKV", "Barmer", ""),
    ]
