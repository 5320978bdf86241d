"""The dead letters that stand: the latest of each key, counted and filtered. No I/O.

A producer's letter ends with the null value that follows it once its row is repaired or gone. A
stream's letter ends nowhere: the next record under its key is what heals it.
"""

from __future__ import annotations

from collections import Counter, OrderedDict
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from schemas.records import DeadLetter

__all__ = ["MOST", "PAGE", "Entry", "Ledger", "Page", "Wanted"]

Ident = tuple[str, str, bytes]

PRODUCER: Final = "producer"
PAGE: Final = 50
MOST: Final = 50_000


@dataclass(frozen=True, slots=True)
class Entry:
    """A letter, and where it is in its topic."""

    letter: DeadLetter
    partition: int
    offset: int


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which letters to show; an empty text means all."""

    center: str = ""
    reason: str = ""
    stage: str = ""
    table: str = ""

    def fits(self, letter: DeadLetter) -> bool:
        return (
            (not self.center or letter.center_id == self.center)
            and (not self.reason or letter.reason == self.reason)
            and (not self.stage or letter.stage == self.stage)
            and (not self.table or letter.table == self.table)
        )

    def without(self, field: str) -> Wanted:
        """Give what is wanted, whatever one field is; so a filter shows its other values."""
        return Wanted(
            *(
                "" if name == field else getattr(self, name)
                for name in ("center", "reason", "stage", "table")
            )
        )


@dataclass(frozen=True, slots=True)
class Page:
    """Some of the letters wanted, the newest first, and how many there are."""

    entries: tuple[Entry, ...]
    number: int
    total: int

    @property
    def pages(self) -> int:
        return max(1, -(-self.total // PAGE))


class Ledger:
    """Takes the topic's records in order; beyond `most` letters the oldest are only counted."""

    def __init__(self, most: int = MOST) -> None:
        self._most = most
        self._entries: OrderedDict[Ident, Entry] = OrderedDict()
        self.left_out = 0
        self.ended = 0
        self.unreadable = 0

    def __len__(self) -> int:
        return len(self._entries)

    def take(self, key: bytes, entry: Entry) -> None:
        """Take a letter; an older one under its key is over."""
        letter = entry.letter
        ident = (letter.stage, letter.table or letter.topic or "", key)
        self._entries.pop(ident, None)
        self._entries[ident] = entry
        if len(self._entries) > self._most:
            self._entries.popitem(last=False)
            self.left_out += 1

    def end(self, key: bytes, table: str) -> None:
        """Take the null value that ends a producer's letter."""
        if self._entries.pop((PRODUCER, table, key), None) is not None:
            self.ended += 1

    def counts(self, wanted: Wanted) -> dict[str, Counter[str]]:
        """Count the letters by each field, under what the other fields want."""
        return {
            field: Counter(
                str(getattr(letter, name) or "") for letter in self._letters(wanted.without(field))
            )
            for field, name in (
                ("center", "center_id"),
                ("reason", "reason"),
                ("stage", "stage"),
                ("table", "table"),
            )
        }

    def _letters(self, wanted: Wanted) -> Iterable[DeadLetter]:
        return (one.letter for one in self._entries.values() if wanted.fits(one.letter))

    def page(self, wanted: Wanted, number: int = 1) -> Page:
        """Give one page of what is wanted; a number beyond the last gives the last."""
        found = [one for one in self._entries.values() if wanted.fits(one.letter)]
        found.sort(key=lambda one: (one.letter.at, one.offset), reverse=True)
        page = Page((), 1, len(found))
        number = min(max(1, number), page.pages)
        return Page(tuple(found[(number - 1) * PAGE : number * PAGE]), number, len(found))
