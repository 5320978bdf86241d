"""All of a day's files, written so that the manifest is true when it appears."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from typing import TYPE_CHECKING

from schemas.errors import BadInput, Failed
from stream_app.files import manifest as manifests
from stream_app.files.manifest import CenterLine, Damaged, DataFile, Manifest
from stream_app.files.rendering import file_name, manifest_name, render

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from datetime import date, datetime

    from schemas.records import UnifiedEntry
    from stream_app.files.targets import Target

__all__ = ["NewerOwner", "count_rows", "read_manifest", "refresh", "write"]


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

    The rows must stand in the order of files. A day that another generation owns is refused
    before anything is written.
    """
    _refuse_what_others_own(target, day, generation)
    files: dict[str, DataFile] = {}
    contents = {extension: render(extension, day, rows) for extension in formats}
    for extension, content in contents.items():
        name = file_name(day, extension)
        target.replace(name, content)
        files[extension] = manifests.data_file(name, content)
    written = Manifest(
        target_date=day,
        written_at=written_at,
        record_count=len(rows),
        files=files,
        centers=tuple(centers),
        generation=generation,
    )
    target.replace(manifest_name(day), manifests.render(written))
    return written


def refresh(
    target: Target, current: Manifest, *, centers: Sequence[CenterLine], written_at: datetime
) -> Manifest:
    """Write the manifest anew for data files that have not changed."""
    _refuse_what_others_own(target, current.target_date, current.generation)
    refreshed = replace(current, centers=tuple(centers), written_at=written_at)
    target.replace(manifest_name(current.target_date), manifests.render(refreshed))
    return refreshed


def _refuse_what_others_own(target: Target, day: date, generation: int | None) -> None:
    try:
        found = read_manifest(target, day)
    except Damaged:
        return
    if found is None or found.generation is None:
        return
    if generation is None:
        raise BadInput(
            f"the files of {day.isoformat()} in {target!r} belong to a running stream",
            hint="name another folder with --output",
        )
    if found.generation > generation:
        raise NewerOwner(
            f"the files of {day.isoformat()} in {target!r} belong to generation "
            f"{found.generation}; this worker is generation {generation}",
            hint="nothing: the newer worker goes on with them",
        )
