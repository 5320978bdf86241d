"""What the staff of a practice do in one transaction; each deed is chosen by dice."""

from __future__ import annotations

import datetime as dt
import random
from collections.abc import Callable
from dataclasses import dataclass
from itertools import accumulate
from typing import TypeAlias

from deploy.local.practice import billing, content, people, texts
from deploy.local.practice.dice import pick
from deploy.local.practice.layout import KARTEI, KASSEN, LEISTUNG, PATIENT, PATKASSE
from deploy.local.staff.book import Book, Change, Deed, Image, key_of

KINDS = ("P", "1", "2", "3", "4", "B", "C", None)


@dataclass(frozen=True, slots=True)
class Work:
    """What a deed is made of: the book, the dice, the day, and how the center writes."""

    book: Book
    dice: random.Random
    today: dt.date
    unicode: bool

    def day(self) -> int:
        """Give today, at times one of the days before."""
        back = int(self.dice.random() * 10) if self.dice.random() < 0.1 else 0
        return content.number(self.today - dt.timedelta(days=back))

    def text(self) -> str:
        return texts.entry(self.dice, unicode=self.unicode) or people.writable(
            texts.sentence(self.dice), unicode=self.unicode
        )


Maker: TypeAlias = Callable[[Work], Deed | None]


def choose(work: Work) -> Deed | None:
    """Give the next deed, None where the dice fall on something that has no row to do it to."""
    thrown = work.dice.random() * TOTALS[-1]
    at = next(at for at, total in enumerate(TOTALS) if thrown < total)
    return DEEDS[at][1](work)


def services_for(entry: Image | None) -> Maker:
    """Give the deed that enters the services of the visit that an entry is about."""
    patient, day = (entry or {}).get("PATNR"), (entry or {}).get("DATUM")
    if not isinstance(patient, int) or not isinstance(day, int):
        raise TypeError("a new entry has a patient and a day")
    return lambda work: Deed("services", tuple(_services(work, patient, day)))


def long(work: Work) -> Deed | None:
    """Give a deed over several rows, which is done slowly and committed late."""
    deeds = (entry(work), text(work), switch_insurer(work), text(work), code(work))
    changes: dict[tuple[str, int], Change] = {}
    for deed in deeds:
        for change in deed.changes if deed else ():
            changes.setdefault((change.table, change.key), change)
    return Deed("long", tuple(changes.values())) if changes else None


def entry(work: Work) -> Deed | None:
    patient = work.book.patient(work.dice)
    if patient is None:
        return None
    return Deed("entry", (_entry(work, patient, work.day()),), followed=True)


def visit(work: Work) -> Deed | None:
    patient, day = work.book.patient(work.dice), work.day()
    if patient is None:
        return None
    return Deed("visit", (_entry(work, patient, day), *_services(work, patient, day)))


def newcomer(work: Work) -> Deed | None:
    """Register a new patient: the person, the insurer and the first entry together."""
    insurer = work.book.find(work.dice, KASSEN)
    if insurer is None:
        return None
    patient = work.book.new_id(PATIENT)
    return Deed(
        "newcomer",
        (
            _new(work, PATIENT, {"DELKZ": 0}, patient),
            _new(work, PATKASSE, {"PATNR": patient, "KASSENID": insurer["ID"], "DELKZ": 0}),
            _entry(work, patient, work.day()),
        ),
        followed=True,
    )


def text(work: Work) -> Deed | None:
    return _correct(work, "text", KARTEI, lambda _row: {"BEMERKUNG": work.text()})


def date(work: Work) -> Deed | None:
    return _correct(work, "date", KARTEI, lambda _row: {"DATUM": work.day()})


def patient(work: Work) -> Deed | None:
    return _correct(
        work, "patient", KARTEI, lambda row: {"PATNR": work.book.patient(work.dice) or row["PATNR"]}
    )


def postpone(work: Work) -> Deed | None:
    """Move an entry and the services of that day to another day together."""
    row = work.book.find(work.dice, KARTEI)
    day = work.day()
    if row is None or row["DATUM"] == day:
        return None
    theirs = work.book.all(
        LEISTUNG,
        lambda service: (service["PATIENTID"], service["DATUM"]) == (row["PATNR"], row["DATUM"]),
    )
    return Deed(
        "postpone",
        (
            _changed(KARTEI, row, {"DATUM": day}),
            *(_changed(LEISTUNG, service, {"DATUM": day}) for service in theirs),
        ),
    )


def code(work: Work) -> Deed | None:
    private = work.dice.random() < 0.3
    return _correct(
        work, "code", LEISTUNG, lambda _row: {"LEISTUNG": billing.code(work.dice, private=private)}
    )


def repoint(work: Work) -> Deed | None:
    insurer = work.book.find(work.dice, KASSEN)
    if insurer is None:
        return None
    return _correct(work, "repoint", PATKASSE, lambda _row: {"KASSENID": insurer["ID"]})


def kind(work: Work) -> Deed | None:
    return _correct(work, "kind", KASSEN, lambda _row: {"ART": pick(work.dice, KINDS)})


def rename(work: Work) -> Deed | None:
    def renamed(row: Image) -> Image:
        name = str(row["NAME"])
        return {"NAME": name.removesuffix(" eG") if name.endswith(" eG") else f"{name[:90]} eG"}

    return _correct(work, "rename", KASSEN, renamed)


def switch_insurer(work: Work) -> Deed | None:
    """Link a patient to another insurer; at times the old link is deleted as well."""
    who, insurer = work.book.patient(work.dice), work.book.find(work.dice, KASSEN)
    if who is None or insurer is None:
        return None
    changes = [_new(work, PATKASSE, {"PATNR": who, "KASSENID": insurer["ID"], "DELKZ": 0})]
    old = work.book.all(PATKASSE, lambda row: row["PATNR"] == who and not row["DELKZ"])
    if old and work.dice.random() < 0.5:
        changes.append(_changed(PATKASSE, old[-1], {"DELKZ": 1}))
    return Deed("switch-insurer", tuple(changes))


def strike(role: str) -> Maker:
    """Give the deed that deletes a row softly."""
    return lambda work: _correct(
        work, "strike", role, lambda _row: {"DELKZ": 1}, lambda row: not row["DELKZ"]
    )


def undo(role: str) -> Maker:
    """Give the deed that brings a softly deleted row back."""
    return lambda work: _correct(
        work, "undo", role, lambda _row: {"DELKZ": 0}, lambda row: bool(row["DELKZ"])
    )


def remove(role: str) -> Maker:
    """Give the deed that deletes a row for good."""

    def removed(work: Work) -> Deed | None:
        row = work.book.find(work.dice, role)
        if row is None:
            return None
        return Deed("remove", (Change(role, key_of(row), row, None),))

    return removed


def _correct(
    work: Work,
    name: str,
    role: str,
    correction: Callable[[Image], Image],
    fits: Callable[[Image], bool] = lambda _row: True,
) -> Deed | None:
    row = work.book.find(work.dice, role, fits)
    if row is None:
        return None
    change = _changed(role, row, correction(row))
    return None if change.before == change.after else Deed(name, (change,))


def _changed(role: str, row: Image, changes: Image) -> Change:
    return Change(role, key_of(row), row, {**row, **changes})


def _new(work: Work, role: str, values: Image, key: int | None = None) -> Change:
    key = work.book.new_id(role) if key is None else key
    return Change(role, key, None, {"ID": key, **values})


def _entry(work: Work, patient: int, day: int) -> Change:
    return _new(
        work, KARTEI, {"PATNR": patient, "DATUM": day, "BEMERKUNG": work.text(), "DELKZ": 0}
    )


def _services(work: Work, patient: int, day: int) -> list[Change]:
    private = work.dice.random() < 0.2
    return [
        _new(
            work,
            LEISTUNG,
            {
                "PATIENTID": patient,
                "DATUM": day,
                "LEISTUNG": billing.code(work.dice, private=private),
                "DELKZ": 0,
            },
        )
        for _ in range(1 + int(work.dice.random() * 3))
    ]


# How often each is done, among all.
DEEDS: tuple[tuple[float, Maker], ...] = (
    (30, entry),
    (10, visit),
    (2, newcomer),
    (12, text),
    (4, date),
    (3, patient),
    (2, postpone),
    (3, code),
    (6, switch_insurer),
    (2, repoint),
    (1, kind),
    (0.5, rename),
    (5, strike(KARTEI)),
    (3, undo(KARTEI)),
    (3, strike(LEISTUNG)),
    (2, undo(LEISTUNG)),
    (1, strike(PATKASSE)),
    (1, undo(PATKASSE)),
    (3, remove(KARTEI)),
    (2, remove(LEISTUNG)),
    (1, remove(PATKASSE)),
)
TOTALS = tuple(accumulate(weight for weight, _ in DEEDS))
