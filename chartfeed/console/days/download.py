"""A day's files to take away: those that were written as they are, others made as written.

A format that the output does not have is made only where another one keeps all that it needs, so
that its bytes are those the worker would write: JSON keeps everything, Parquet all but whether an
id was a number, CSV not even that.
"""

from __future__ import annotations

import hashlib
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import IO, TYPE_CHECKING, Final

import orjson
from pyarrow.parquet import ParquetFile

from chartfeed.console.days.opening import BeingWritten
from stream_app.files.rendering import chunks, file_name

if TYPE_CHECKING:
    from stream_app.files.manifest import DataFile, Manifest
    from stream_app.files.targets import Target

__all__ = ["FORMATS", "MEDIA_TYPES", "Offer", "offers", "pieces"]

FORMATS: Final = ("csv", "json", "parquet")
MEDIA_TYPES: Final = {
    "csv": "text/csv; charset=utf-8",
    "json": "application/json",
    "parquet": "application/vnd.apache.parquet",
}
# Which written formats another one can be made of.
MADE_OF: Final = {"csv": ("json", "parquet"), "parquet": ("json",), "json": ()}
ROWS_AT_ONCE: Final = 2000


@dataclass(frozen=True, slots=True)
class Offer:
    """A format that a day can be had in: as it was written, or made of another one."""

    extension: str
    file: DataFile | None
    made_of: str | None


def offers(manifest: Manifest) -> tuple[Offer, ...]:
    """Give the formats that the day can be had in, to the byte."""
    found = []
    for extension in FORMATS:
        file = manifest.files.get(extension)
        source = next((one for one in MADE_OF[extension] if one in manifest.files), None)
        if file is not None or source is not None:
            found.append(Offer(extension, file, None if file else source))
    return tuple(found)


def pieces(target: Target, manifest: Manifest, offer: Offer) -> Iterator[bytes]:
    """Give a day's file piece by piece.

    A file that was written comes whole as it is when it is opened, the old one or the new one.
    """
    if offer.made_of is None:
        yield from target.pieces(file_name(manifest.target_date, offer.extension))
        return
    with _copied(target, manifest.files[offer.made_of]) as copy:
        entries = ENTRIES[offer.made_of](copy, manifest.record_count)
        yield from chunks(offer.extension, manifest.target_date, entries)


@contextmanager
def _copied(target: Target, file: DataFile) -> Iterator[IO[bytes]]:
    """Give a copy of a file that nobody else sees, if it is the one the manifest speaks of."""
    seen = hashlib.sha256()
    with tempfile.TemporaryFile(prefix="chartfeed-") as copy:
        for piece in target.pieces(file.name):
            seen.update(piece)
            copy.write(piece)
        if seen.hexdigest() != file.sha256:
            raise BeingWritten(f"{file.name} is not the one of its manifest", hint="try again")
        yield copy


class _Json:
    """The entries of a JSON file, which has one a line as `rendering.entry` gives it."""

    def __init__(self, file: IO[bytes], rows: int) -> None:
        self._file = file
        self._rows = rows

    def __len__(self) -> int:
        return self._rows

    def __iter__(self) -> Iterator[bytes]:
        self._file.seek(0)
        next(self._file)
        for _ in range(self._rows):
            yield next(self._file).removesuffix(b"\n").removesuffix(b",")


class _Parquet:
    """The entries of a Parquet file; an id is a text, which is all that CSV wants."""

    def __init__(self, file: IO[bytes], rows: int) -> None:
        self._file = file
        self._rows = rows

    def __len__(self) -> int:
        return self._rows

    def __iter__(self) -> Iterator[bytes]:
        self._file.seek(0)
        for batch in ParquetFile(self._file).iter_batches(ROWS_AT_ONCE):
            for row in batch.to_pylist():
                yield orjson.dumps(row)


ENTRIES: Final[dict[str, type[_Json | _Parquet]]] = {"json": _Json, "parquet": _Parquet}
