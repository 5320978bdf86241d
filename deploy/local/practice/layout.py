"""Tables and columns of a practice, and the five tables with their types as they vary."""

from __future__ import annotations

import random
from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum

from deploy.local.practice.dice import pick

PATIENT, KASSEN, PATKASSE, KARTEI, LEISTUNG = ROLES = (
    "PATIENT",
    "KASSEN",
    "PATKASSE",
    "KARTEI",
    "LEISTUNG",
)
TRACKED = (KASSEN, PATKASSE, KARTEI, LEISTUNG)


class Store(Enum):
    """How a canonical value lies in its column; `live` tells which flags mean not deleted."""

    PLAIN = "plain"
    DIGITS = "digits"
    ACTIVE_LETTER = "active-letter"
    ACTIVE_BIT = "active-bit"
    FOREIGN_ID = "foreign-id"

    @property
    def live(self) -> tuple[str, ...] | None:
        return {Store.ACTIVE_LETTER: ("J",), Store.ACTIVE_BIT: ("1",)}.get(self)

    def stored(self, value: object) -> object:
        """Give what the column holds for a canonical value (DATUM 20220118, DELKZ 0, 1 or None)."""
        match self:
            case Store.PLAIN:
                return value
            case Store.DIGITS:
                return None if value is None else str(value)
            case Store.ACTIVE_LETTER:
                return "N" if value else "J"
            case Store.ACTIVE_BIT:
                return 0 if value else 1
            case Store.FOREIGN_ID:
                return _foreign(value)

    def canonical(self, value: object) -> object:
        """Give the canonical value for what the column holds."""
        match self:
            case Store.PLAIN:
                return int(value) if isinstance(value, bool) else value
            case Store.DIGITS:
                return None if value is None else int(str(value))
            case Store.ACTIVE_LETTER:
                return 0 if str(value).strip().upper() == "J" else 1
            case Store.ACTIVE_BIT:
                return 0 if value else 1
            case Store.FOREIGN_ID:
                return None if value is None else int(str(value).partition("/")[0])


def _foreign(value: object) -> str | None:
    """Give a patient's number as another system wrote it; the baseline's stay plain."""
    if not isinstance(value, int):
        return None
    return str(value) if value <= 5 else f"{value}/A{value * 7 % 90 + 10}"


@dataclass(frozen=True, slots=True)
class Column:
    """A column: its actual name and type, its canonical name (`role`), and what fills it."""

    name: str
    type: str
    fill: str
    role: str | None = None
    store: Store = Store.PLAIN
    nullable: bool = True


@dataclass(frozen=True, slots=True)
class Table:
    """A table in the order of its columns; `role` is its canonical name, None for a decoy."""

    name: str
    columns: tuple[Column, ...]
    role: str | None = None

    def column(self, role: str) -> Column:
        return next(column for column in self.columns if column.role == role)

    @property
    def key(self) -> Column:
        return next(column for column in self.columns if not column.nullable)


@dataclass(frozen=True, slots=True)
class Traits:
    """How this installation differs from the next one."""

    unicode: bool
    text: str
    art: str
    flag: str
    flag_store: Store
    null_flags: bool
    dates: Mapping[str, str]
    foreign_ids: bool

    def type(self, fill: str, table: str | None = None) -> str:
        """Give the SQL type of what fills a column."""
        if fill == "patient" and self.foreign_ids:
            return "varchar(20)"
        if fill == "date":
            return self.dates.get(table or "", "int")
        word = "nvarchar" if self.unicode else "varchar"
        return {
            "text": self.text,
            "art": self.art,
            "flag": self.flag,
            "name": f"{word}(100)",
            "note": f"{word}(255)",
            "word": f"{word}(60)",
            "city": f"{word}(60)",
            "code": "varchar(10)",
            "tooth": "varchar(10)",
            "doctor": "varchar(10)",
            "time": "varchar(5)",
            "postcode": "varchar(10)",
            "letter": "char(1)",
            "gender": "char(1)",
            "stamp": "datetime",
            "money": "decimal(10,2)",
        }.get(fill, "int")


def traits(family: str, dice: random.Random, *, foreign_ids: bool = False) -> Traits:
    """Throw the traits of a center: types vary as real installations vary."""
    synonyms = family == "synonyms"
    unicode = dice.random() < 0.55
    active = synonyms and dice.random() < 0.5
    flag, store = pick(dice, ("bit", "bit", "int", "int", "tinyint", "smallint")), Store.PLAIN
    if active:
        flag, store = pick(dice, (("char(1)", Store.ACTIVE_LETTER), ("bit", Store.ACTIVE_BIT)))
    return Traits(
        unicode=unicode,
        text=pick(
            dice,
            ("nvarchar(500)", "nvarchar(max)") if unicode else ("varchar(max)", "varchar(1000)"),
        ),
        art=pick(dice, ("char(1)", "varchar(10)")),
        flag=flag,
        flag_store=store,
        null_flags=store is Store.PLAIN and dice.random() < 0.5,
        dates={table: pick(dice, ("int", "varchar(8)")) for table in (KARTEI, LEISTUNG)},
        foreign_ids=foreign_ids,
    )


# The columns that matter come first; what fills them is told after the colon.
COLUMNS: Mapping[str, tuple[str, ...]] = {
    PATIENT: ("ID:id", "P_NAME:name", "P_VORNAME:name", "DELKZ:flag"),
    KASSEN: ("ID:id", "NAME:name", "ART:art", "DELKZ:flag"),
    PATKASSE: ("ID:id", "PATNR:patient", "KASSENID:insurer", "DELKZ:flag"),
    KARTEI: ("ID:id", "PATNR:patient", "DATUM:date", "BEMERKUNG:text", "DELKZ:flag"),
    LEISTUNG: ("ID:id", "PATIENTID:patient", "DATUM:date", "LEISTUNG:code", "DELKZ:flag"),
}
FURTHER: Mapping[str, tuple[str, ...]] = {
    PATIENT: ("GESCHLECHT:gender", "PLZ:postcode", "ORT:city", "ANLAGE:stamp"),
    KASSEN: ("KUERZEL:doctor", "IKNUMMER:number", "PLZ:postcode"),
    PATKASSE: ("GUELTIGVON:date", "VSTATUS:letter"),
    KARTEI: ("UHRZEIT:time", "BEHANDLER:doctor", "ERFASST:stamp"),
    LEISTUNG: ("ANZAHL:count", "ZAHN:tooth", "BETRAG:money"),
}


def split(spec: str) -> tuple[str, str]:
    """Take `NAME:fill` apart."""
    name, _, fill = spec.partition(":")
    return name, fill
