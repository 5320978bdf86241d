"""What the checks on rows share: findings, and counts by center.

No finding holds what a row says: a center, a count, and the number of the first row it is about.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Protocol

from stream_app.closing.content import Row

__all__ = ["Finding", "RowCheck", "Tally", "is_blank"]


@dataclass(frozen=True, slots=True)
class Finding:
    """Something that a check found; `first_row` counts from 1, without the header."""

    center_id: str | None
    what: str
    count: int
    of: int
    first_row: int | None = None


class RowCheck(Protocol):
    """A check that is shown all rows, and then asked what it found."""

    def see(self, row: Row, number: int) -> None: ...

    def found(self) -> list[Finding]: ...


class Tally:
    """Counts by center and kind, with the row at which each was first met."""

    def __init__(self) -> None:
        self.rows: Counter[str] = Counter()
        self._counts: Counter[tuple[str, str]] = Counter()
        self._first: dict[tuple[str, str], int] = {}

    def row(self, row: Row) -> str:
        center = str(row.get("center_id"))
        self.rows[center] += 1
        return center

    def add(self, center: str, what: str, number: int) -> None:
        self._counts[center, what] += 1
        self._first.setdefault((center, what), number)

    def count(self, center: str, what: str) -> int:
        return self._counts[center, what]

    def found(self, but: Iterable[str] = ()) -> list[Finding]:
        return [
            Finding(center, what, count, self.rows[center], self._first[center, what])
            for (center, what), count in sorted(self._counts.items())
            if what not in but
        ]

    def finding(self, center: str, what: str) -> Finding:
        return Finding(
            center, what, self._counts[center, what], self.rows[center], self._first[center, what]
        )


def is_blank(value: object) -> bool:
    """Tell whether a value says nothing."""
    return value is None or (isinstance(value, str) and not value.strip())
