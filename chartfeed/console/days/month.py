"""A month of days as a calendar: how many rows each has, and what it lacks; pure."""

from __future__ import annotations

import calendar
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from stream_app.files.manifest import CenterLine, Manifest

__all__ = ["Cell", "Month", "Standing", "month_of", "neighbours", "standing_of"]

# How dark a cell is: by the share of the month's largest day.
LEVELS: Final = 4


@dataclass(frozen=True, slots=True)
class Standing:
    """How complete a day is: centers by the word for why they may lack something."""

    centers: int
    behind: Mapping[str, tuple[str, ...]]
    withdrawn: int

    @property
    def complete(self) -> int:
        return self.centers - sum(len(names) for names in self.behind.values())

    @property
    def is_whole(self) -> bool:
        return not self.behind and not self.withdrawn


@dataclass(frozen=True, slots=True)
class Cell:
    """A day of the calendar; without a standing it has no files, or they say nothing."""

    day: date
    rows: int = 0
    level: int = 0
    standing: Standing | None = None
    is_damaged: bool = False


@dataclass(frozen=True, slots=True)
class Month:
    """A month's weeks, Monday first; None where a week has days of another month."""

    year: int
    month: int
    weeks: tuple[tuple[Cell | None, ...], ...]
    rows: int

    @property
    def text(self) -> str:
        return f"{self.year:04}-{self.month:02}"

    @property
    def problems(self) -> tuple[Cell, ...]:
        """Give the days that lack something, the newest first."""
        return tuple(
            cell
            for week in reversed(self.weeks)
            for cell in reversed(week)
            if cell is not None
            and (cell.is_damaged or (cell.standing is not None and not cell.standing.is_whole))
        )


def standing_of(lines: Sequence[CenterLine]) -> Standing:
    """Sum up a manifest's lines."""
    behind: dict[str, list[str]] = {}
    for line in lines:
        if line.behind is not None:
            behind.setdefault(line.behind, []).append(line.center_id)
    return Standing(
        len(lines),
        {word: tuple(names) for word, names in sorted(behind.items())},
        sum(line.dead_letters for line in lines),
    )


def month_of(
    year: int,
    month: int,
    manifests: Mapping[date, Manifest | None],
    lines_of: Callable[[Manifest], Sequence[CenterLine]],
) -> Month:
    """Arrange a month; a day without a manifest in the mapping has no files, None is damaged."""
    most = max((found.record_count for found in manifests.values() if found), default=0)

    def cell(number: int) -> Cell | None:
        if not number:
            return None
        day = date(year, month, number)
        found = manifests.get(day)
        if found is None:
            return Cell(day, is_damaged=day in manifests)
        rows = found.record_count
        level = -(-LEVELS * rows // most) if rows else 0
        return Cell(day, rows, level, standing_of(lines_of(found)))

    weeks = tuple(
        tuple(cell(number) for number in week) for week in calendar.monthcalendar(year, month)
    )
    rows = sum(found.record_count for found in manifests.values() if found)
    return Month(year, month, weeks, rows)


def neighbours(days: Sequence[date], here: date) -> tuple[date | None, date | None]:
    """Give the nearest days with files before and after one; the days are in order."""
    before = [day for day in days if day < here]
    after = [day for day in days if day > here]
    return (before[-1] if before else None, after[0] if after else None)
