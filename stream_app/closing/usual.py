"""How many rows each center usually has: the same weekday of the weeks before, by manifests."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import date, timedelta

from stream_app.closing.completion import end, is_through
from stream_app.files.day import sound_manifest
from stream_app.files.manifest import Manifest
from stream_app.files.targets import Target

__all__ = ["counts", "earlier"]


def earlier(target: Target, day: date, weeks: int) -> list[Manifest]:
    """Give the manifests of the same weekday, newest first; damaged ones tell nothing."""
    found = []
    for week in range(1, weeks + 1):
        manifest = sound_manifest(target, day - timedelta(weeks=week))
        if manifest is not None:
            found.append(manifest)
    return found


def counts(manifests: Iterable[Manifest], timezones: Mapping[str, str]) -> dict[str, list[int]]:
    """Give each center's counts of the days on which it was complete."""
    found: dict[str, list[int]] = {}
    for manifest in manifests:
        for line in manifest.centers:
            timezone = timezones.get(line.center_id)
            if timezone and is_through(line, end(manifest.target_date, timezone)):
                found.setdefault(line.center_id, []).append(line.record_count)
    return found
