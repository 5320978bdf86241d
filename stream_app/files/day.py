"""All of a day's files, written so that the manifest is true when it appears."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from typing import TYPE_CHECKING

from schemas.errors import BadInput, Failed
from stream_app.files import manifest as manifests
from stream_app.files.manifest import CenterLine, Damaged, DataFile, Manifest, Measured, Position
from stream_app.files.rendering import Entries, chunks, entry, file_name, manifest_name

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from datetime import date, datetime

    from schemas.records import UnifiedEntry
    from stream_app.files.targets import Target

__all__ = ["NewerOwner", "count_rows", "read_manifest", "refresh", "write", "write_entries"]


class NewerOwner(Failed):
    """Another worker has taken the day over; this one must not write it any more."""


def count_rows(rows: Iterable[UnifiedEntry]) -> Counter[str]:
    """Count rows by center."""
    return Counter(row.center_id for row in rows)


def read_manifest(target: Target, day: date) -> Manifest | None:
    """Give a day's manifest as it stands, None where there is none."""
    name = manifest_name(day)
    content = target.read(name)
    return None if content is None else manifests.parse(content, name)


def sound_manifest(target: Target, day: date) -> Manifest | None:
    """Give a day's manifest, None where there is none or one that says nothing any more."""
    try:
        return read_manifest(target, day)
    except Damaged:
        return None


def write(
    target: Target,
    day: date,
    rows: Sequence[UnifiedEntry],
    *,
    formats: Iterable[str],
    centers: Sequence[CenterLine],
    written_at: datetime,
    generation: int | None = None,
) -> Manifest:
    """Write a day's files and then its manifest, each whole or not at all.

    The rows must stand in the order of files. A day that another generation owns is refused:
    before anything is written, and again before each file is put in its place.
    """
    return write_entries(
        target,
        day,
        [entry(row) for row in rows],
        formats=formats,
        centers=centers,
        written_at=written_at,
        generation=generation,
    )


def write_entries(
    target: Target,
    day: date,
    entries: Entries,
    *,
    formats: Iterable[str],
    centers: Sequence[CenterLine],
    written_at: datetime,
    generation: int | None = None,
    position: Position | None = None,
    changed_at: datetime | None = None,
) -> Manifest:
    """Do what `write` does for rows that are rendered already, and need not fit into memory."""
    check = _Fence(target, day, generation).check
    found = check()
    if found is not None and found.generation != generation:
        # An older owner finds this when it wakes: before the new files are there, not after.
        taken_over = replace(found, generation=generation)
        target.replace(manifest_name(day), [manifests.render(taken_over)], check)
    files: dict[str, DataFile] = {}
    for extension in formats:
        name = file_name(day, extension)
        measured = Measured(name, chunks(extension, day, entries))
        target.replace(name, measured, check)
        files[extension] = measured.found()
    written = Manifest(
        target_date=day,
        written_at=written_at,
        record_count=len(entries),
        files=files,
        centers=tuple(centers),
        generation=generation,
        position=position,
        changed_at=changed_at,
    )
    target.replace(manifest_name(day), [manifests.render(written)], check)
    return written


def refresh(
    target: Target,
    current: Manifest,
    *,
    centers: Sequence[CenterLine],
    written_at: datetime,
    generation: int | None = None,
    position: Position | None = None,
) -> Manifest:
    """Write the manifest anew for data files that have not changed.

    A generation given here takes the day over from an older one.
    """
    refreshed = replace(
        current,
        centers=tuple(centers),
        written_at=written_at,
        generation=current.generation if generation is None else generation,
        position=current.position if position is None else position,
    )
    check = _Fence(target, current.target_date, refreshed.generation).check
    target.replace(manifest_name(current.target_date), [manifests.render(refreshed)], check)
    return refreshed


class _Fence:
    """Refuses a day that others own; asked again before each file is put in its place."""

    def __init__(self, target: Target, day: date, generation: int | None) -> None:
        self._target = target
        self._day = day
        self._generation = generation
        self._content: bytes | None = None
        self._found: Manifest | None = None

    def check(self) -> Manifest | None:
        """Give the manifest that is there, None where it says nothing."""
        name = manifest_name(self._day)
        content = self._target.read(name)
        if content != self._content:
            # It is read more often than it changes, and parsing takes the most of that.
            try:
                self._found = None if content is None else manifests.parse(content, name)
            except Damaged:
                self._found = None
            self._content = content
        found = self._found
        if found is None or found.generation is None:
            return found
        day, target = self._day.isoformat(), self._target
        if self._generation is None:
            raise BadInput(
                f"the files of {day} in {target} belong to a running stream",
                hint="name another folder with --output",
            )
        if found.generation > self._generation:
            raise NewerOwner(
                f"the files of {day} in {target} belong to generation "
                f"{found.generation}; this worker is generation {self._generation}",
                hint="nothing: the newer worker goes on with them",
            )
        return found
