"""The output as it is found, against what a partition's state says was written."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from schemas import dates, topics
from stream_app.files.day import sound_manifest
from stream_app.files.rendering import STEM, manifest_name

if TYPE_CHECKING:
    from datetime import date

    from stream_app.files.manifest import Manifest
    from stream_app.files.targets import Seen, Target
    from stream_app.sink.view import Day

__all__ = ["Found", "days_in", "missing", "names_of", "survey", "touched"]

MANIFEST: Final = re.compile(rf"{STEM}(\d{{4}}-\d\d-\d\d)\.manifest\.json")


@dataclass(frozen=True, slots=True)
class Found:
    """What an owner of a partition has to know before it writes."""

    generation: int
    stale: tuple[date, ...]
    fitting: tuple[date, ...]


def days_in(names: Iterable[str]) -> list[date]:
    """Give the days that have a manifest, in order."""
    found = []
    for name in names:
        match = MANIFEST.fullmatch(name)
        if match:
            try:
                found.append(dates.iso(match[1]))
            except ValueError:
                continue  # Somebody else's file: there is no such day.
    return sorted(found)


def names_of(day: Day) -> frozenset[str]:
    """Give the names of the files that were written of a day; none while it waits."""
    if day.files is None or day.dirty:
        return frozenset()
    return frozenset({manifest_name(day.day), *(file.name for file in day.files.values())})


def missing(listing: Mapping[str, Seen], days: Iterable[Day]) -> list[date]:
    """Give the days that are written, but whose files are not there in their size."""
    return [
        day.day
        for day in days
        if day.files is not None
        and not day.dirty
        and (
            manifest_name(day.day) not in listing
            or any(
                file.name not in listing or listing[file.name].bytes != file.bytes
                for file in day.files.values()
            )
        )
    ]


def touched(
    listing: Mapping[str, Seen], days: Iterable[Day], before: Mapping[str, Seen]
) -> dict[date, frozenset[str]]:
    """Give the files that somebody, be it this worker, has put in place since `before`, by day."""
    found = {}
    for day in days:
        names = frozenset(name for name in names_of(day) if listing.get(name) != before.get(name))
        if names:
            found[day.day] = names
    return found


def survey(
    target: Target,
    listing: Mapping[str, Seen],
    days: Iterable[Day],
    *,
    partition: int,
    partitions: int,
    formats: Iterable[str],
    now_ms: int,
) -> Found:
    """Compare a partition's days with what is in the target; newest days first.

    A day is stale when its files are missing, are not those that the state has written, or are a
    stream's while the state knows no such day.
    """
    known = {day.day: day for day in days}
    present: dict[date, Manifest | None] = {}
    for day in days_in(listing):
        if topics.partition_of_day(day, partitions) == partition:
            present[day] = sound_manifest(target, day)
    generations = [found.generation or 0 for found in present.values() if found is not None]
    stale = set(missing(listing, known.values()))
    wanted = set(formats)
    for day, state in known.items():
        found = present.get(day)
        if found is None or state.files != found.files or set(state.files or ()) != wanted:
            stale.add(day)
    for day in present.keys() - known.keys():
        found = present[day]
        if found is None or found.generation is not None:
            stale.add(day)
    return Found(
        generation=max(now_ms, max(generations, default=0) + 1),
        stale=tuple(sorted(stale, reverse=True)),
        fitting=tuple(sorted(known.keys() - stale, reverse=True)),
    )
