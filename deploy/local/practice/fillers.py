"""What lies in the columns: the canonical rows as they are stored, and everything around them."""

from __future__ import annotations

import datetime as dt
import random
from collections.abc import Callable, Iterator, Mapping, Sequence
from decimal import Decimal
from itertools import count
from typing import TypeAlias

from deploy.local.practice import baseline, billing, content, layout, texts
from deploy.local.practice.blueprint import Practice
from deploy.local.practice.centers import CITIES
from deploy.local.practice.content import Row
from deploy.local.practice.dice import dice, pick
from deploy.local.practice.layout import Column, Store, Table
from deploy.local.practice.people import writable

Fill: TypeAlias = Callable[[], object]

DECOY_ROWS = (4, 40)
WORDS = (
    "Abformlöffel", "Anmeldung", "Assistenz", "Bohrer", "Büro", "Desinfektion", "Einweghandschuhe",
    "Empfang", "Fräser", "Geändert", "Gelöscht", "Gerät 2", "Hygiene", "Implantologie", "Inlay",
    "Kieferorthopädie", "Krone", "Küvette", "Labor Süd", "Öffnen", "Prophylaxe", "Prüfung",
    "Röntgen", "Schiene", "Spülung", "Steri 1", "Teleskop", "Verwaltung", "Wurzelfüllung", "Zange",
)  # fmt: skip
DOCTORS = ("ZA1", "ZA2", "ZFA1", "ZFA2", "DH", "AZUBI", "KFO")
MONEY = tuple(Decimal(cents * 37 % 90000 + 100) / 100 for cents in range(1, 400))
EPOCH = dt.datetime(2021, 1, 4, 7, 30)  # noqa: DTZ001 - the clock on the wall of a practice


def rows(practice: Practice) -> Iterator[tuple[Table, Iterator[Row]]]:
    """Give each table with its rows as they are stored, columns in the table's order."""
    canonical = content.of(practice)
    for table in practice.tables:
        if table.role is not None:
            yield table, _stored(practice, table, canonical[table.role], canonical)
        elif (table.name, layout.KARTEI) in {(name, role) for role, name in practice.rivals}:
            yield table, _rival(practice, table, canonical)
        else:
            yield table, _decoy(practice, table, canonical)


def extras(practice: Practice, table: Table, luck: random.Random) -> dict[str, object]:
    """Give values for the columns of a new row that the canonical words don't name."""
    fillers = _Fillers(practice, luck, {})
    return {
        column.name: fillers.fill(column)()
        for column in table.columns
        if column.role is None and column.fill != "rival-date"
    }


def _stored(
    practice: Practice,
    table: Table,
    canonical: Sequence[Row],
    all_rows: Mapping[str, Sequence[Row]],
) -> Iterator[Row]:
    luck = dice(practice.request.seed, practice.center_id, table.name)
    fillers = _Fillers(practice, luck, all_rows)
    names = [layout.split(spec)[0] for spec in layout.COLUMNS[table.role or layout.KARTEI]]
    makers = [_maker(column, names, fillers, luck) for column in table.columns]
    return (tuple(make(row) for make in makers) for row in canonical)


def _maker(
    column: Column, names: Sequence[str], fillers: _Fillers, luck: random.Random
) -> Callable[[Row], object]:
    if column.fill == "rival-date":
        at = names.index("DATUM")
        return lambda row: column.store.stored(_recorded(row[at], luck))
    if column.role is None:
        fill = fillers.fill(column)
        return lambda _row: fill()
    at = names.index(column.role)
    if column.store is Store.PLAIN:
        return lambda row: row[at]
    return lambda row: column.store.stored(row[at])


def _recorded(day: object, luck: random.Random) -> object:
    """Give the day on which an entry was typed: mostly that day, else a few days later."""
    if luck.random() < 0.8 or not isinstance(day, int) or day in baseline.DAYS:
        return day
    try:
        date = dt.date(day // 10000, day // 100 % 100, day % 100)
    except ValueError:
        return day
    return content.number(date + dt.timedelta(days=1 + int(luck.random() * 3)))


def _rival(
    practice: Practice, table: Table, canonical: Mapping[str, Sequence[Row]]
) -> Iterator[Row]:
    """Give rows of an old chart table: as plausible as the present one, and a third of it."""
    luck = dice(practice.request.seed, practice.center_id, table.name, "rival")
    unicode = practice.traits.unicode
    old = [
        (key, patient, day, texts.entry(luck, unicode=unicode), flag)
        for key, patient, day, _, flag in canonical[layout.KARTEI][::3]
        if day not in baseline.DAYS
    ]
    plain = {
        column.name: role
        for column, role in zip(
            table.columns,
            (column.role for column in practice.table(layout.KARTEI).columns),
            strict=True,
        )
    }
    named = Table(
        table.name,
        tuple(
            Column(c.name, c.type, c.fill, plain[c.name], c.store, nullable=c.nullable)
            for c in table.columns
        ),
    )
    return _stored(practice, named, old, canonical)


def _decoy(
    practice: Practice, table: Table, canonical: Mapping[str, Sequence[Row]]
) -> Iterator[Row]:
    luck = dice(practice.request.seed, practice.center_id, table.name)
    fillers = _Fillers(practice, luck, canonical)
    makers = [fillers.fill(column) for column in table.columns]
    low, high = DECOY_ROWS
    for _ in range(low + int(luck.random() * (high - low))):
        yield tuple(make() for make in makers)


class _Fillers:
    """Gives, per kind of column, a function that throws the next value."""

    def __init__(
        self, practice: Practice, luck: random.Random, canonical: Mapping[str, Sequence[Row]]
    ) -> None:
        self._practice = practice
        self._luck = luck
        self._days = content.days(practice)
        unicode = practice.traits.unicode
        self._words = [writable(word, unicode=unicode) for word in WORDS]
        self._patients = [row[0] for row in canonical.get(layout.PATIENT, ())] or [1]
        self._pools: Mapping[str, Sequence[object]] = {
            "insurer": [row[0] for row in canonical.get(layout.KASSEN, ())] or [1],
            "money": MONEY,
            "tooth": texts.TEETH,
            "doctor": DOCTORS,
            "letter": ("A", "E", "O", "S", "V"),
            "gender": ("W", "M", "W", "M", "D"),
            "city": [writable(city, unicode=unicode) for city in CITIES],
            "number": range(1, 50_000),
        }

    def fill(self, column: Column) -> Fill:
        luck = self._luck
        throw = luck.random
        stored = column.store.stored
        unicode = self._practice.traits.unicode
        thrown: Mapping[str, Fill] = {
            "id": count(1).__next__,
            "patient": lambda: stored(pick(luck, self._patients)),
            "flag": lambda: stored(1 if throw() < 0.04 else 0),
            "date": lambda: stored(pick(luck, self._days)),
            "note": lambda: writable(texts.sentence(luck), unicode=unicode),
            "stamp": lambda: EPOCH + dt.timedelta(minutes=int(throw() * 1_000_000)),
            "time": lambda: f"{7 + int(throw() * 12):02d}:{5 * int(throw() * 12):02d}",
            "postcode": lambda: f"{1000 + int(throw() * 98000):05d}",
            "code": lambda: pick(luck, billing.BEMA),
            "count": lambda: 1 + int(throw() * 9),
        }
        if column.fill in thrown:
            return thrown[column.fill]
        pool = self._pools.get(column.fill, self._words)
        return lambda: pick(luck, pool)
