"""Two folders of daily files, byte by byte."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING

from stream_app.files import reading
from stream_app.files.day import read_manifest
from stream_app.files.manifest import Measured
from stream_app.files.rendering import FORMATS, file_name
from stream_app.sink.survey import days_in

if TYPE_CHECKING:
    from stream_app.files.targets import Target

__all__ = ["Compared", "Difference", "compare"]


@dataclass(frozen=True, slots=True)
class Difference:
    """A day's file that is not the same in both; counts are rows, where both can be read."""

    day: date
    extension: str
    problem: str
    missing: int = 0
    """Rows that only the other folder has."""
    surplus: int = 0
    """Rows that only this folder has."""


@dataclass(frozen=True, slots=True)
class Compared:
    """What a comparison found; a day without rows may have files or not, which says the same."""

    files: int
    differences: tuple[Difference, ...]
    only_here: tuple[date, ...]
    only_there: tuple[date, ...]
    empty: tuple[date, ...]
    """Days without a row that only one of the two has files of."""

    @property
    def identical(self) -> bool:
        return not (self.differences or self.only_here or self.only_there)


def compare(here: Target, there: Target) -> Compared:
    """Compare the data files of all days; manifests tell when they were written, and differ."""
    ours, theirs = set(days_in(here.names())), set(days_in(there.names()))
    files, found = 0, []
    for day in sorted(ours & theirs):
        for extension in FORMATS:
            name = file_name(day, extension)
            first, second = _hash(here, name), _hash(there, name)
            if first is None and second is None:
                continue
            files += 1
            if first != second:
                found.append(_difference(here, there, day, extension))
    only_here, empty_here = _split(here, ours - theirs)
    only_there, empty_there = _split(there, theirs - ours)
    empty = tuple(sorted((*empty_here, *empty_there)))
    return Compared(files, tuple(found), only_here, only_there, empty)


def _split(target: Target, days: set[date]) -> tuple[tuple[date, ...], tuple[date, ...]]:
    """Tell days with rows from those whose files have none."""
    empty = set()
    for day in days:
        manifest = read_manifest(target, day)
        if manifest is not None and manifest.record_count == 0:
            empty.add(day)
    return tuple(sorted(days - empty)), tuple(sorted(empty))


def _hash(target: Target, name: str) -> str | None:
    try:
        measured = Measured(name, target.pieces(name))
        for _ in measured:
            pass
    except FileNotFoundError:
        return None
    return measured.found().sha256


def _difference(here: Target, there: Target, day: date, extension: str) -> Difference:
    name = file_name(day, extension)
    first, second = here.read(name), there.read(name)
    if first is None or second is None:
        return Difference(day, extension, "is missing " + ("here" if first is None else "there"))
    try:
        ours = Counter(reading.read(extension, first))
        theirs = Counter(reading.read(extension, second))
    except reading.Unreadable as error:
        return Difference(day, extension, error.message)
    missing, surplus = (theirs - ours).total(), (ours - theirs).total()
    return Difference(day, extension, "differs", missing, surplus)
