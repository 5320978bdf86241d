"""Two folders of daily files, byte by byte, or by the rows of some centers."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from stream_app.files import reading
from stream_app.files.day import read_manifest
from stream_app.files.manifest import Measured
from stream_app.files.rendering import FORMATS, file_name
from stream_app.sink.survey import days_in

if TYPE_CHECKING:
    from datetime import date

    from stream_app.files.reading import FileRow
    from stream_app.files.targets import Target

__all__ = ["Compared", "Difference", "compare"]


@dataclass(frozen=True, slots=True)
class Difference:
    """A day's file that is not the same in both; counts are of rows, where both can be read."""

    day: date
    extension: str
    problem: str
    missing: int = 0
    """Rows that only the other folder has."""
    surplus: int = 0
    """Rows that only this folder has."""
    different: int = 0
    """Rows of the same patient that say something else."""


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
        """Tell whether nothing differs."""
        return not (self.differences or self.only_here or self.only_there)


def compare(
    here: Target, there: Target, wants: Callable[[date], bool], centers: Collection[str] = ()
) -> Compared:
    """Compare the data files of days; manifests tell when they were written, and differ.

    With centers, the rows of those are compared, in their order.
    """
    ours = {day for day in days_in(here.names()) if wants(day)}
    theirs = {day for day in days_in(there.names()) if wants(day)}
    files, found = 0, list[Difference]()
    for day in sorted(ours & theirs):
        for extension in FORMATS:
            name = file_name(day, extension)
            first, second = _hash(here, name), _hash(there, name)
            if first is None and second is None:
                continue
            files += 1
            if first != second:
                found += _differences(here, there, day, extension, centers)
    only_here, empty_here = _split(here, ours - theirs, centers)
    only_there, empty_there = _split(there, theirs - ours, centers)
    empty = tuple(sorted((*empty_here, *empty_there)))
    return Compared(files, tuple(found), only_here, only_there, empty)


def _split(
    target: Target, days: set[date], centers: Collection[str]
) -> tuple[tuple[date, ...], tuple[date, ...]]:
    """Tell days with rows from those whose files have none."""
    empty = set()
    for day in days:
        manifest = read_manifest(target, day)
        if manifest is not None and not any(
            line.record_count
            for line in manifest.centers
            if not centers or line.center_id in centers
        ):
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


def _differences(
    here: Target, there: Target, day: date, extension: str, centers: Collection[str]
) -> Iterable[Difference]:
    name = file_name(day, extension)
    first, second = here.read(name), there.read(name)
    if first is None or second is None:
        yield Difference(day, extension, "is missing " + ("here" if first is None else "there"))
        return
    try:
        ours, theirs = (
            [
                row
                for row in reading.read(extension, content)
                if not centers or row.center_id in centers
            ]
            for content in (first, second)
        )
    except reading.Unreadable as error:
        yield Difference(day, extension, error.message)
        return
    if ours == theirs:
        if not centers:
            yield Difference(day, extension, "has the same rows in other bytes")
        return
    missing = _by_patient(Counter(theirs) - Counter(ours))
    surplus = _by_patient(Counter(ours) - Counter(theirs))
    if not missing and not surplus:
        yield Difference(day, extension, "has its rows in another order")
        return
    different = (missing & surplus).total()
    yield Difference(
        day,
        extension,
        "differs",
        missing.total() - different,
        surplus.total() - different,
        different,
    )


def _by_patient(rows: Counter[FileRow]) -> Counter[tuple[str, str]]:
    found: Counter[tuple[str, str]] = Counter()
    for row, count in rows.items():
        found[row.center_id, row.patient_id] += count
    return found
