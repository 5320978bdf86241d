"""A day's files read once, and held against their manifest.

Workers may be writing them: a file that is not what the manifest says is newer than the manifest,
and the next manifest will say so. Only what stays wrong is a problem.
"""

from __future__ import annotations

import io
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from datetime import date
from typing import Any, Final, TypeAlias

import orjson

from stream_app.files.day import read_manifest
from stream_app.files.manifest import Damaged, Manifest, Measured
from stream_app.files.reading import BEST_FIRST, Unreadable, read
from stream_app.files.targets import Target

__all__ = ["Content", "Problem", "Row", "counted", "read_day", "rows"]

Row: TypeAlias = dict[str, Any]
LOOKS: Final = 20


@dataclass(frozen=True, slots=True)
class Problem:
    """A file that is not what the manifest says, in a word, or in a sentence."""

    file: str
    what: str


@dataclass(frozen=True, slots=True)
class Content:
    """A day as its files are; `best` is the one that keeps most of a row."""

    manifest: Manifest
    problems: tuple[Problem, ...]
    format: str | None = None
    best: bytes = b""


def read_day(target: Target, day: date, pause: Callable[[], object]) -> Content | None:
    """Read a day, None where it has no manifest; `pause` lets a writer get on."""
    found: Content | None = None
    for _ in range(LOOKS):
        try:
            manifest = read_manifest(target, day)
        except Damaged as error:
            manifest = None
            if found is None:
                raise
            found = Content(found.manifest, (Problem("manifest", error.message),))
        if manifest is not None:
            found = _look(target, manifest)
            if not found.problems:
                return found
        elif found is None:
            return None
        pause()
    return found


def _look(target: Target, manifest: Manifest) -> Content:
    problems = []
    format_ = next((one for one in BEST_FIRST if one in manifest.files), None)
    best = b""
    for extension, file in manifest.files.items():
        measured = Measured(file.name, target.pieces(file.name))
        try:
            pieces = list(measured) if extension == format_ else _none_of(measured)
        except FileNotFoundError:
            problems.append(Problem(extension, "missing"))
            continue
        if measured.found() != file:
            problems.append(Problem(extension, "other bytes than the manifest says"))
        elif extension == format_:
            best = b"".join(pieces)
    return Content(manifest, tuple(problems), format_, best)


def _none_of(measured: Measured) -> list[bytes]:
    for _ in measured:
        pass
    return []


def rows(content: Content) -> Iterator[Row]:
    """Give the rows, in JSON with the types that they have there; Unreadable where that fails."""
    if content.format == "json":
        yield from _json(content.best)
    elif content.format is not None:
        for row in read(content.format, content.best):
            yield asdict(row)


def _json(content: bytes) -> Iterator[Row]:
    lines = io.BytesIO(content)
    try:
        head = next(lines, b"").removesuffix(b"\n").removesuffix(b"]}")
        said = orjson.loads(head + b"]}")["record_count"]
        seen = 0
        for line in lines:
            if line == b"]}\n":
                break
            seen += 1
            row = orjson.loads(line.removesuffix(b"\n").removesuffix(b","))
            if not isinstance(row, dict):
                raise Unreadable("has an entry that is no object")
            yield row
    except (ValueError, TypeError, KeyError) as error:
        raise Unreadable(f"is no JSON file of a day ({type(error).__name__})") from None
    if seen != said:
        raise Unreadable(f"says {said} rows and has {seen}")


def counted(manifest: Manifest, found: Counter[str]) -> list[Problem]:
    """Give what of a manifest's counts is not so in the rows that were found."""
    problems = []
    if manifest.record_count != found.total():
        problems.append(
            Problem("manifest", f"says {manifest.record_count} rows; there are {found.total()}")
        )
    said = {line.center_id: line.record_count for line in manifest.centers}
    problems += [
        Problem(
            "manifest", f"says {said.get(center, 0)} rows of {center}; there are {found[center]}"
        )
        for center in sorted(said.keys() | found.keys())
        if said.get(center, 0) != found[center]
    ]
    return problems
