"""The rows of the five tables, in canonical words: the same for every family of names.

DATUM is an int like 20220118, DELKZ is 0, 1 (deleted) or None; `fillers` turns them into what
lies in the columns.
"""

from __future__ import annotations

import datetime as dt
import random
from collections.abc import Mapping, Sequence
from functools import cache
from typing import TypeAlias

from deploy.local.practice import baseline, billing, insurers, layout, people, texts
from deploy.local.practice.blueprint import Practice
from deploy.local.practice.dice import dice, pick

Row: TypeAlias = tuple[object, ...]

VISITS_A_YEAR = 2.5
MISSING_INSURER = 999_999
NO_SUCH_DAYS = (20240230, 20221301, 20210431, 0, None)


def of(practice: Practice) -> Mapping[str, Sequence[Row]]:
    """Give the rows of each of the five tables, columns in the order of `layout.COLUMNS`."""
    return _Writer(practice).write()


def days(practice: Practice) -> tuple[int, ...]:
    """Give the working days of the practice as numbers; the baseline's days are not among them."""
    return _days(practice.request.end, practice.request.years)


@cache
def _days(end: dt.date, years: int) -> tuple[int, ...]:
    first = end - dt.timedelta(days=365 * years - 1)
    spread = (first + dt.timedelta(days=day) for day in range((end - first).days + 1))
    open_days = (number(day) for day in spread if day.weekday() < 5)
    return tuple(day for day in open_days if day not in baseline.DAYS)


def number(day: dt.date) -> int:
    return day.year * 10000 + day.month * 100 + day.day


class _Writer:
    """Writes the books of one practice, one table after the other, with one pair of dice."""

    def __init__(self, practice: Practice) -> None:
        self._practice = practice
        self._traits = practice.traits
        self._unicode = practice.traits.unicode
        self._long = "max" in practice.traits.text
        self._luck = dice(practice.request.seed, practice.center_id, "content")
        self._days = days(practice)

    def write(self) -> dict[str, list[Row]]:
        patients = self._patients()
        kassen = self._kassen()
        links, private = self._links(patients, kassen)
        entries, services = self._visits(patients, private)
        return {
            layout.PATIENT: patients,
            layout.KASSEN: kassen,
            layout.PATKASSE: links,
            layout.KARTEI: entries,
            layout.LEISTUNG: services,
        }

    def _flag(self, deleted: float) -> int | None:
        luck = self._luck.random()
        if luck < deleted:
            return 1
        return None if self._traits.null_flags and luck > 0.9 else 0

    def _live(self) -> int | None:
        return self._flag(0)

    def _patients(self) -> list[Row]:
        rows: list[Row] = []
        patient = 0
        for _ in range(self._practice.request.patients):
            patient += 1 if patient < len(baseline.PATIENTS) else gap(self._luck)
            rows.append(
                (patient, *people.person(self._luck, unicode=self._unicode), self._flag(0.02))
            )
        return rows

    def _kassen(self) -> list[Row]:
        rows: list[Row] = []
        key = 0
        for name, art in insurers.catalogue(
            self._practice.request.insurers,
            self._luck,
            unicode=self._unicode,
            art=self._traits.art,
        ):
            key += gap(self._luck)
            rows.append((key, name, art, self._flag(0.04)))
        return rows

    def _links(
        self, patients: Sequence[Row], kassen: Sequence[Row]
    ) -> tuple[list[Row], set[object]]:
        luck = self._luck
        happened: list[tuple[float, object, object, int | None]] = []
        for visit in baseline.VISITS:
            other = kassen[len(insurers.BASELINE) + visit.patient][0]
            if visit.patient % 2:
                happened.append((0.1, visit.patient, other, self._live()))
            happened.append((0.5, visit.patient, kassen[visit.insurer][0], self._live()))
            if visit.patient == 4:
                happened.append((0.9, visit.patient, other, 1))
        for patient, *_ in patients[len(baseline.VISITS) :]:
            for _ in range(pick(luck, (0, 1, 1, 1, 1, 1, 1, 1, 2, 2, 3))):
                insurer: object = kassen[int(luck.random() ** 3 * len(kassen))][0]
                odd = luck.random()
                if odd < 0.01:
                    insurer = MISSING_INSURER if odd < 0.005 else None
                happened.append((luck.random(), patient, insurer, self._flag(0.06)))
        happened.sort(key=lambda link: link[0])
        kinds = {key: art for key, _, art, _ in kassen}
        rows: list[Row] = []
        private: dict[object, bool] = {}
        key = 0
        for _, patient, insurer, flag in happened:
            key += gap(luck)
            rows.append((key, patient, insurer, flag))
            private[patient] = str(kinds.get(insurer)).strip().upper() in ("P", "PKV")
        return rows, {patient for patient, is_private in private.items() if is_private}

    def _visits(self, patients: Sequence[Row], private: set[object]) -> tuple[list[Row], list[Row]]:
        luck = self._luck
        visits: list[tuple[int, object]] = []
        most = 2 * VISITS_A_YEAR * self._practice.request.years
        for patient, *_ in patients:
            visits.extend(
                (pick(luck, self._days), patient) for _ in range(int(luck.random() * (most + 1)))
            )
        visits.sort(key=lambda visit: visit[0])
        entries: list[Row] = []
        services: list[Row] = []
        books = _Books(entries, services, luck)
        waiting = list(baseline.DAYS)
        for day, patient in visits:
            while waiting and waiting[0] < day:
                self._baseline(waiting.pop(0), books)
            if luck.random() < 0.003:
                patient = 10_000_000 + int(luck.random() * 100)  # noqa: PLW2901 - no PATIENT row
            self._visit(day, patient, books, private=patient in private)
        for day in waiting:
            self._baseline(day, books)
        for at in range(self._practice.request.flaws):
            books.entry(6, NO_SUCH_DAYS[at % len(NO_SUCH_DAYS)], texts.sentence(luck), 0)
        return entries, services

    def _visit(self, day: int, patient: object, books: _Books, *, private: bool) -> None:
        luck = self._luck
        for _ in range(pick(luck, (1, 1, 1, 2))):
            text = texts.entry(luck, unicode=self._unicode, long=self._long)
            books.entry(patient, day, text, self._flag(0.03))
            if luck.random() < 0.005:
                books.entry(patient, day, text, self._live())
        for _ in range(pick(luck, (0, 1, 1, 2, 2, 3, 4))):
            books.service(patient, day, billing.code(luck, private=private), self._flag(0.04))

    def _baseline(self, day: int, books: _Books) -> None:
        for visit in baseline.VISITS:
            for text in visit.texts:
                books.entry(visit.patient, day, text, self._live())
            for code in visit.codes:
                books.service(visit.patient, day, code, self._live())


class _Books:
    """Hands out ids to entries and services as they come, with gaps."""

    def __init__(self, entries: list[Row], services: list[Row], luck: random.Random) -> None:
        self._entries = entries
        self._services = services
        self._luck = luck
        self._entry = self._service = 100

    def entry(self, patient: object, day: int | None, text: str | None, flag: int | None) -> None:
        self._entry += gap(self._luck)
        self._entries.append((self._entry, patient, day, text, flag))

    def service(self, patient: object, day: int, code: str | None, flag: int | None) -> None:
        self._service += gap(self._luck)
        self._services.append((self._service, patient, day, code, flag))


def gap(luck: random.Random) -> int:
    """Give the step to the next id: mostly 1, more where a row was removed long ago."""
    return 1 if luck.random() < 0.9 else 1 + int(luck.random() * 9)
