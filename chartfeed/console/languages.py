"""German and English: the catalogues' words, and numbers and times as a reader writes them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime
from functools import cache
from importlib import resources
from typing import Final
from zoneinfo import ZoneInfo

import orjson

__all__ = ["LANGUAGES", "Language", "catalogue", "preferred"]

LANGUAGES: Final = ("en", "de")
NARROW: Final = "\u202f"
MONTHS: Final = {
    "en": "January February March April May June July August September October November December",
    "de": "Januar Februar März April Mai Juni Juli August September Oktober November Dezember",
}
WEEKDAYS: Final = {
    "en": "Monday Tuesday Wednesday Thursday Friday Saturday Sunday",
    "de": "Montag Dienstag Mittwoch Donnerstag Freitag Samstag Sonntag",
}


@cache
def catalogue(code: str) -> Mapping[str, str]:
    """Give all words of a language, from every area's part."""
    words: dict[str, str] = {}
    for path in resources.files("chartfeed.console").joinpath("catalogue").iterdir():
        if path.name.endswith(".json"):
            part = orjson.loads(path.read_bytes())
            words |= {key: said[code] for key, said in part.items()}
    return words


@dataclass(frozen=True, slots=True)
class Language:
    """Speaks one language; times are shown in one time zone."""

    code: str
    zone: ZoneInfo

    def t(self, key: str, **values: object) -> str:
        """Say what the catalogue has under a key; numbers in it are written as usual."""
        words = catalogue(self.code)
        if key not in words and "n" in values:
            key = f"{key}.one" if values["n"] == 1 else f"{key}.other"
        shown = {name: self._shown(value) for name, value in values.items()}
        return words[key].format_map(shown)

    def has(self, key: str) -> bool:
        return key in catalogue(self.code)

    def number(self, value: float, digits: int = 0) -> str:
        """Write 1234567.5 as 1,234,567.5 or 1.234.567,5."""
        text = f"{value:,.{digits}f}"
        return text if self.code == "en" else text.translate({44: ".", 46: ","})

    def percent(self, share: float, digits: int = 0) -> str:
        space = NARROW if self.code == "de" else ""
        return f"{self.number(100 * share, digits)}{space}%"

    def day(self, value: date) -> str:
        if self.code == "de":
            return f"{value:%d.%m.%Y}"
        return f"{value.day} {self.month(value.month)[:3]} {value.year}"

    def month(self, number: int) -> str:
        return MONTHS[self.code].split()[number - 1]

    def weekday(self, number: int) -> str:
        """Name a day of the week; Monday is 0."""
        return WEEKDAYS[self.code].split()[number]

    def moment(self, value: datetime, *, seconds: bool = True) -> str:
        """Write date and time of day in the console's time zone."""
        local = self.local(value)
        return (
            f"{self.day(local.date())}, {local:%H:%M:%S}"
            if seconds
            else (f"{self.day(local.date())}, {local:%H:%M}")
        )

    def clock(self, value: datetime) -> str:
        return f"{self.local(value):%H:%M:%S}"

    def local(self, value: datetime) -> datetime:
        return (value if value.tzinfo else value.replace(tzinfo=UTC)).astimezone(self.zone)

    def span(self, seconds: float) -> str:
        """Say a length of time in the unit a person would choose: 0.2 s, 3 min, 47 h, 5 days."""
        for unit, length, below in UNITS:
            if seconds < below:
                digits = 1 if unit == "s" and seconds < 10 else 0
                return f"{self.number(seconds / length, digits)}{NARROW}{self.t(f'unit.{unit}')}"
        return f"{self.number(seconds / 86400)}{NARROW}{self.t('unit.d')}"

    def size(self, count: float) -> str:
        """Write a number of bytes: 312 B, 4.1 MB."""
        for unit in ("B", "kB", "MB", "GB"):
            if count < 1000:
                return f"{self.number(count, 0 if unit == 'B' else 1)}{NARROW}{unit}"
            count /= 1000
        return f"{self.number(count, 1)}{NARROW}TB"

    def _shown(self, value: object) -> object:
        if isinstance(value, bool) or not isinstance(value, int | float):
            return value
        return self.number(value, 0 if isinstance(value, int) else 1)


UNITS: Final = (("s", 1, 100), ("min", 60, 6000), ("h", 3600, 259200))


def preferred(chosen: str | None, accepted: str) -> str:
    """Give the language that was chosen, else the one that a browser likes best."""
    if chosen in LANGUAGES:
        return chosen
    for code in _by_weight(accepted):
        if code in LANGUAGES:
            return code
    return LANGUAGES[0]


def _by_weight(accepted: str) -> Iterable[str]:
    weighted = []
    for part in accepted.split(",")[:20]:
        tag, _, rest = part.strip().partition(";")
        try:
            weight = float(rest.strip().removeprefix("q=")) if rest else 1.0
        except ValueError:
            weight = 0.0
        weighted.append((weight, tag.partition("-")[0].casefold()))
    return [code for weight, code in sorted(weighted, key=lambda one: -one[0]) if weight > 0]
