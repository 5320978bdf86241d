"""What a column's sampled values look like, in counts: no value of a person is in here."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from decimal import Decimal

from producers.discovery.given_names import FAMILY, GIVEN
from producers.discovery.vocabulary import words
from schemas import dates
from schemas.errors import SkipRecord

__all__ = ["Profile", "of"]

CODE = re.compile(r"[A-Za-zÄÖÜäöü]{0,3}\d{1,5}[A-Za-zÄÖÜäöü]{0,3}")
TELLING_CODE = re.compile(
    r"0\d{1,3}[a-z]{0,2}|Ä\d{1,4}[a-z]?|\d{1,3}[a-z]{1,2}|[A-Z]{1,3}\d{1,2}|[1-9]\d{2,3}"
)
ARTS = frozenset({"P", "PKV", "G", "GKV", "B", "C", "D", *"123456789"})
FLAGS = words("0 1 J N Y T F W JA NEIN TRUE FALSE YES NO X -1") | {""}
WORD = re.compile(r"[A-ZÄÖÜÀ-Þ][a-zäöüßà-ÿ]+(?:[ '-](?:[a-z]{2,4} )?[A-ZÄÖÜ]?[a-zäöüß]+)*")


@dataclass(frozen=True, slots=True)
class Profile:
    """Counts over the sampled values of a column; shares are of the values that are given."""

    rows: int = 0
    given: int = 0
    blanks: int = 0
    distinct: int = 0
    dates: float = 0.0
    codes: float = 0.0
    telling_codes: float = 0.0
    arts: float = 0.0
    words: float = 0.0
    given_names: float = 0.0
    family_names: float = 0.0
    spaced: float = 0.0
    numbers: float = 0.0
    letters: float = 0.0
    average_length: float = 0.0
    low: int | None = None
    high: int | None = None
    first_year: int | None = None
    last_year: int | None = None
    flags: tuple[tuple[str, int], ...] | None = None
    arts_seen: frozenset[str] = frozenset()

    @property
    def unique(self) -> bool:
        return self.given > 0 and self.given == self.distinct == self.rows

    @property
    def variety(self) -> float:
        """Give the share of values that are different."""
        return self.distinct / self.given if self.given else 0.0


def _plain(value: object) -> str:
    if isinstance(value, bool):
        return "1" if value else "0"
    if isinstance(value, Decimal):
        return f"{value:f}"
    return str(value).strip()


def _day(text: str) -> int | None:
    """Give a text's year where it is a day as YYYYMMDD."""
    if len(text) != 8 or not text.isdecimal():
        return None
    try:
        return dates.parse(text).year
    except SkipRecord:
        return None


def of(values: Sequence[object]) -> Profile:
    """Give the profile of sampled values, None for NULL."""
    texts = [_plain(value) for value in values if value is not None]
    given = len(texts)
    if not given:
        return Profile(rows=len(values))
    counts = Counter(texts)

    def share(matching: Iterable[str]) -> float:
        return sum(counts[text] for text in matching) / given

    days = {
        text: year for text in counts if (year := _day(text)) is not None and 1890 < year < 2110
    }
    numbers = [text for text in counts if text.removeprefix("-").isdecimal() and len(text) < 19]
    upper = Counter({text.upper(): 0 for text in counts})
    for text, count in counts.items():
        upper[text.upper()] += count
    return Profile(
        rows=len(values),
        given=given,
        blanks=counts[""],
        distinct=len(counts),
        dates=share(days),
        codes=share(text for text in counts if len(text) <= 8 and CODE.fullmatch(text)),
        telling_codes=share(text for text in counts if TELLING_CODE.fullmatch(text)),
        arts=share(text for text in counts if text.upper() in ARTS),
        words=share(text for text in counts if WORD.fullmatch(text)),
        given_names=share(text for text in counts if text.split(" ")[0].split("-")[0] in GIVEN),
        family_names=share(text for text in counts if text.split("-")[0] in FAMILY),
        spaced=share(text for text in counts if " " in text),
        numbers=share(numbers),
        letters=share(text for text in counts if any(sign.isalpha() for sign in text)),
        average_length=sum(len(text) * count for text, count in counts.items()) / given,
        low=min((int(text) for text in numbers), default=None),
        high=max((int(text) for text in numbers), default=None),
        first_year=min(days.values(), default=None),
        last_year=max(days.values(), default=None),
        flags=tuple(sorted(upper.items())) if FLAGS.issuperset(upper) else None,
        arts_seen=ARTS.intersection(upper),
    )
