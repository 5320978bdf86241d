"""What a day's files claim: their hashes, and through when each center is complete."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import orjson

from schemas import dates
from schemas.errors import BadInput

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from datetime import date, datetime

__all__ = [
    "FORMAT",
    "CenterLine",
    "CompleteThrough",
    "Damaged",
    "DataFile",
    "Manifest",
    "Measured",
    "Position",
    "data_file",
    "parse",
    "render",
]

FORMAT: Final = 1


class Damaged(BadInput):
    """A manifest that says nothing any more; writing the day anew heals it."""


@dataclass(frozen=True, slots=True)
class DataFile:
    """A file of the day as it was written."""

    name: str
    bytes: int
    sha256: str


@dataclass(frozen=True, slots=True)
class CompleteThrough:
    """Everything the source had committed by then, on its own clock, is in the files."""

    captured_at: datetime
    version: int | None


@dataclass(frozen=True, slots=True)
class CenterLine:
    """A center's share of the day; `behind` says in a word why it may lack something."""

    center_id: str
    center_name: str
    record_count: int
    dead_letters: int
    complete_through: CompleteThrough | None
    behind: str | None


@dataclass(frozen=True, slots=True)
class Position:
    """How much of the unified topic the files show: all of the day's partition before `offset`."""

    partition: int
    offset: int


@dataclass(frozen=True, slots=True)
class Manifest:
    """The last file of a day to be written; without `generation` no worker owns the day."""

    target_date: date
    written_at: datetime
    record_count: int
    files: dict[str, DataFile]
    centers: tuple[CenterLine, ...]
    generation: int | None = None
    position: Position | None = None
    changed_at: datetime | None = None
    """When the last change in the files was published, as the stream knows it."""


class Measured:
    """Goes through a file's bytes, piece by piece, and then knows what a manifest says of it."""

    def __init__(self, name: str, content: Iterable[bytes]) -> None:
        self._name = name
        self._content = content
        self._size = 0
        self._hash = hashlib.sha256()

    def __iter__(self) -> Iterator[bytes]:
        for piece in self._content:
            self._size += len(piece)
            self._hash.update(piece)
            yield piece

    def found(self) -> DataFile:
        """Give what was seen; all of it, once the iteration has ended."""
        return DataFile(self._name, self._size, self._hash.hexdigest())


def data_file(name: str, content: bytes) -> DataFile:
    """Give what a manifest says of a file with this content."""
    return DataFile(name, len(content), hashlib.sha256(content).hexdigest())


def render(manifest: Manifest) -> bytes:
    """Give the manifest's bytes: JSON that a person can read too."""
    content: dict[str, object] = {
        "format": FORMAT,
        "target_date": manifest.target_date,
        "written_at": dates.utc(manifest.written_at),
        "record_count": manifest.record_count,
        "files": manifest.files,
        "centers": [_line(line) for line in manifest.centers],
    }
    if manifest.generation is not None:
        content["generation"] = manifest.generation
    if manifest.position is not None:
        content["position"] = manifest.position
    if manifest.changed_at is not None:
        content["changed_at"] = dates.utc(manifest.changed_at)
    return orjson.dumps(content, option=orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE)


def _line(line: CenterLine) -> dict[str, object]:
    through = line.complete_through
    return {
        "center_id": line.center_id,
        "center_name": line.center_name,
        "record_count": line.record_count,
        "dead_letters": line.dead_letters,
        "complete_through": through
        and {"captured_at": dates.utc(through.captured_at), "version": through.version},
        "behind": line.behind,
    }


def parse(content: bytes, name: str) -> Manifest:
    """Read a manifest back; `name` is the file that an error speaks of."""
    try:
        data = orjson.loads(content)
        if data["format"] != FORMAT:
            raise BadInput(
                f"{name} has format {data['format']!r}; this version reads format {FORMAT}",
                hint="use the version of chartfeed that wrote it, or remove the day's files",
            )
        return Manifest(
            target_date=dates.iso(data["target_date"]),
            written_at=dates.moment(data["written_at"]),
            record_count=int(data["record_count"]),
            files={key: DataFile(**file) for key, file in data["files"].items()},
            centers=tuple(_read_line(line) for line in data["centers"]),
            generation=data.get("generation"),
            position=Position(**data["position"]) if "position" in data else None,
            changed_at=dates.moment(data["changed_at"]) if "changed_at" in data else None,
        )
    except (ValueError, TypeError, KeyError, AttributeError) as error:
        raise Damaged(
            f"{name} is damaged: {error!r}", hint="remove the day's files and write them again"
        ) from error


def _read_line(line: dict[str, Any]) -> CenterLine:
    through = line["complete_through"]
    return CenterLine(
        center_id=line["center_id"],
        center_name=line["center_name"],
        record_count=int(line["record_count"]),
        dead_letters=int(line["dead_letters"]),
        complete_through=None
        if through is None
        else CompleteThrough(dates.moment(through["captured_at"]), through["version"]),
        behind=line["behind"],
    )
