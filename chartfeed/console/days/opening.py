"""Days opened for reading: one version of a day's rows, whole, and kept while memory allows.

A version is what a manifest's hash names. While a day is written anew its files are newer than
its manifest one after the other, so the format that still fits is read; where none does, the
reader is asked to come again. What is shown never mixes two versions.
"""

from __future__ import annotations

import hashlib
import threading
from collections import OrderedDict, defaultdict
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from chartfeed.console.days.columns import FASTEST_FIRST, Columns, open_columns
from chartfeed.console.days.shares import Shares, shares_of
from chartfeed.console.days.view import Page, Selections, Wanted, page
from schemas.errors import RetryLater
from stream_app.files import day as files

if TYPE_CHECKING:
    from datetime import date

    from stream_app.files.manifest import DataFile, Manifest
    from stream_app.files.targets import Target

__all__ = ["BeingWritten", "Day", "Days", "version_of"]

MEMORY: Final = 512 << 20
# Between the first file's replacement and the manifest's there may be another manifest.
TRIES: Final = 2


class BeingWritten(RetryLater):
    """No file of the day is the one that its manifest speaks of."""


@dataclass(slots=True, eq=False)
class Day:
    """One version of a day's rows; any thread may ask, and one at a time is served."""

    day: date
    extension: str
    version: str
    columns: Columns
    _selections: Selections = field(default_factory=Selections)
    _shares: Shares | None = None
    _lock: threading.Lock = field(default_factory=threading.Lock)

    @property
    def size(self) -> int:
        """Give about how many bytes it holds in memory."""
        return self.columns.size + self._selections.size

    def page(self, wanted: Wanted) -> Page:
        """Give a page of the rows wanted."""
        with self._lock:
            return page(self.columns, wanted, self._selections)

    def shares(self) -> Shares:
        """Give what the day's charts show."""
        with self._lock:
            if self._shares is None:
                self._shares = shares_of(self.columns)
            return self._shares


class Days:
    """The days of an output; those asked for last stay in memory up to a limit."""

    def __init__(self, target: Target, memory: int = MEMORY) -> None:
        self.target = target
        self._memory = memory
        self._kept: OrderedDict[tuple[date, str], Day] = OrderedDict()
        self._lock = threading.Lock()
        self._opening: defaultdict[date, threading.Lock] = defaultdict(threading.Lock)

    @property
    def size(self) -> int:
        """Give about how many bytes all kept days hold in memory."""
        with self._lock:
            return sum(one.size for one in self._kept.values())

    def manifest(self, day: date) -> Manifest | None:
        """Give the day's manifest as it stands, None where there is none."""
        return files.read_manifest(self.target, day)

    def open(self, manifest: Manifest) -> Day:
        """Give the version of the day that a manifest speaks of, or a later one.

        Raises BeingWritten where none of the files fits its manifest now.
        """
        with self._lock:
            opening = self._opening[manifest.target_date]
        with opening:
            found = self._found(manifest) or self._open(manifest)
        self._keep(found)
        return found

    def _found(self, manifest: Manifest) -> Day | None:
        key = (manifest.target_date, version_of(manifest))
        with self._lock:
            return self._kept.get(key)

    def _open(self, manifest: Manifest) -> Day:
        day = manifest.target_date
        for _ in range(TRIES):
            for extension in FASTEST_FIRST:
                file = manifest.files.get(extension)
                content = None if file is None else self._content(file)
                if content is not None:
                    columns = open_columns(extension, content, manifest.record_count)
                    return Day(day, extension, version_of(manifest), columns)
            now = self.manifest(day)
            if now is None or now.files == manifest.files:
                break
            manifest = now
        raise BeingWritten(
            f"the files of {day.isoformat()} are not those of its manifest",
            hint="try again in a moment; if it stays so: chartfeed reconcile --repair",
        )

    def _content(self, file: DataFile) -> bytes | None:
        content = self.target.read(file.name)
        if content is None or len(content) != file.bytes:
            return None
        fits = hashlib.sha256(content).hexdigest() == file.sha256
        return content if fits else None

    def _keep(self, day: Day) -> None:
        with self._lock:
            # Older versions of the day are opened by nobody any more.
            for key in [one for one in self._kept if one[0] == day.day and one[1] != day.version]:
                del self._kept[key]
            self._kept[day.day, day.version] = day
            self._kept.move_to_end((day.day, day.version))
            held = sum(one.size for one in self._kept.values())
            while held > self._memory and len(self._kept) > 1:
                held -= self._kept.popitem(last=False)[1].size


def version_of(manifest: Manifest) -> str:
    """Give a short name for the rows of a manifest: another one where any file is another."""
    hashes = "".join(manifest.files[name].sha256 for name in sorted(manifest.files))
    return hashlib.sha256(hashes.encode()).hexdigest()[:16]
