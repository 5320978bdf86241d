"""A center's approved mapping, as its files say at any moment."""

from __future__ import annotations

from typing import TYPE_CHECKING

from chartfeed import sources
from producers import audit, mapping_file
from producers.errors import MappingDamaged
from schemas.errors import ChartfeedError

if TYPE_CHECKING:
    from pathlib import Path

    from chartfeed.settings import Center, Settings
    from producers.mapping import Mapping

__all__ = ["Approved"]

Seen = tuple[int, int, int] | None
"""A file's identity, size and time; None where there is none."""


class Approved:
    """Gives the mapping, or raises why it is not approved; asking costs two looks at the disk.

    The files are read only when they have changed, and the same object is given for as long as
    the mapping's file is the same. So a revocation is noticed by whoever asks next. For one thread.
    """

    def __init__(self, settings: Settings, center: Center) -> None:
        self._settings = settings
        self._center = center
        self._file = mapping_file.path_of(settings.mappings, center.id)
        self._log = settings.mappings / audit.NAME
        self._seen: tuple[Seen, Seen] | None = None
        self._loaded_as: Seen = None
        self._loaded: Mapping | None = None
        self._problem: ChartfeedError | None = None

    def __call__(self) -> Mapping:
        # Looked at before it is read: what is written in between is read again the next time.
        seen = _seen(self._file), _seen(self._log)
        if seen != self._seen:
            self._look(seen[0])
            # A file that can't be read may be readable in a moment, and look the same.
            self._seen = None if isinstance(self._problem, MappingDamaged) else seen
        if self._loaded is None or self._problem is not None:
            raise self._problem or AssertionError("neither a mapping nor a problem")
        return self._loaded

    def _look(self, file: Seen) -> None:
        try:
            if self._loaded is None or file != self._loaded_as:
                self._loaded = None
                self._loaded = mapping_file.load(self._file, center=self._center.id)
                self._loaded_as = file
            sources.require_approval(self._settings, self._center, self._loaded)
        except ChartfeedError as error:
            self._problem = error
        else:
            self._problem = None


def _seen(path: Path) -> Seen:
    try:
        found = path.stat()
    except OSError:
        return None  # Why it can't be read is said by whoever reads it.
    return found.st_ino, found.st_size, found.st_mtime_ns
