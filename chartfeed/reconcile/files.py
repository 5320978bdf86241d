"""The files' side of a reconcile: each day read once, checked, and kept by center on local disk."""

from __future__ import annotations

import sqlite3
import tempfile
import zlib
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import asdict, dataclass, field, replace
from datetime import date
from itertools import groupby, pairwise
from operator import attrgetter
from pathlib import Path
from typing import TYPE_CHECKING, Final

import orjson

from schemas import dates
from schemas.errors import ChartfeedError
from stream_app.files import manifest as manifests
from stream_app.files.day import read_manifest
from stream_app.files.reading import BEST_FIRST, FileRow, Unreadable, flat, kept, read

if TYPE_CHECKING:
    from stream_app.files.manifest import DataFile, Manifest
    from stream_app.files.targets import Target

__all__ = ["Problem", "Share", "Spool", "spool_day", "spooled"]

LAYOUT: Final = """
CREATE TABLE shares(center TEXT, day TEXT, version INTEGER, is_live INTEGER, is_flat INTEGER,
  rows BLOB, PRIMARY KEY(center, day)) WITHOUT ROWID;
"""
TRIES: Final = 3


@dataclass(frozen=True, slots=True)
class Problem:
    """What is wrong with a day's files themselves; `is_live` where a running stream owns them."""

    day: date
    file: str
    problem: str
    is_live: bool = False


@dataclass(frozen=True, slots=True)
class Share:
    """A center's rows in a day's files, and the version through which they claim to be complete.

    `is_live`: a running stream owns the day. `is_flat`: only CSV could be read.
    """

    day: date
    version: int | None
    is_live: bool
    is_flat: bool
    rows: Sequence[FileRow] = field(repr=False)


class Spool:
    """Every center's share of every day, in a file; written by one thread, read by any after."""

    def __init__(self, path: Path) -> None:
        self._path = path
        # Nobody looks for it after a crash, so nothing waits for the disk.
        self._db = sqlite3.connect(path, isolation_level=None)
        self._db.execute("PRAGMA synchronous = OFF")
        self._db.execute("PRAGMA journal_mode = OFF")
        self._db.executescript(LAYOUT)

    def close(self) -> None:
        self._db.close()

    def put(self, shares: Iterable[tuple[str, Share]]) -> None:
        """Keep shares, in place of those of the same centers and days."""
        rows = [
            (
                center,
                share.day.isoformat(),
                share.version,
                share.is_live,
                share.is_flat,
                _packed(share.rows),
            )
            for center, share in shares
        ]
        self._db.execute("BEGIN")
        self._db.executemany("INSERT OR REPLACE INTO shares VALUES (?, ?, ?, ?, ?, ?)", rows)
        self._db.execute("COMMIT")

    def of(self, center: str) -> Iterator[Share]:
        """Give a center's shares by day; any thread may ask."""
        query = (
            "SELECT day, version, is_live, is_flat, rows FROM shares WHERE center = ? ORDER BY day"
        )
        with closing(sqlite3.connect(self._path)) as db:
            for day, version, is_live, is_flat, rows in db.execute(query, (center,)):
                yield Share(dates.iso(day), version, bool(is_live), bool(is_flat), _rows(rows))

    def newest(self, center: str) -> int | None:
        """Give the newest version that any day of the center claims."""
        with closing(sqlite3.connect(self._path)) as db:
            query = "SELECT max(version) FROM shares WHERE center = ?"
            found: int | None = db.execute(query, (center,)).fetchone()[0]
            return found


def _packed(rows: Sequence[FileRow]) -> bytes:
    return zlib.compress(orjson.dumps([list(asdict(row).values()) for row in rows]), 1)


def _rows(packed: bytes) -> list[FileRow]:
    return [
        FileRow(center, name, dates.iso(day), patient, status, insurance, text, tuple(codes))
        for center, name, day, patient, status, insurance, text, codes in orjson.loads(
            zlib.decompress(packed)
        )
    ]


@contextmanager
def spooled() -> Iterator[Spool]:
    """Give an empty spool on local disk, gone afterwards."""
    with (
        tempfile.TemporaryDirectory(prefix="chartfeed-reconcile-") as folder,
        closing(Spool(Path(folder) / "shares.sqlite")) as spool,
    ):
        yield spool


def spool_day(spool: Spool, target: Target, day: date, centers: frozenset[str]) -> list[Problem]:
    """Read and check a day's files and keep the centers' shares of it."""
    try:
        manifest, contents, problems = _read_whole(target, day)
    except ChartfeedError as error:
        return [Problem(day, "manifest", error.message)]
    if manifest is None:
        return [Problem(day, "manifest", "there is none")]
    best: str | None = None
    rows: list[FileRow] = []
    for extension in sorted(contents, key=BEST_FIRST.index):
        name = manifest.files[extension].name
        try:
            found = list(read(extension, contents[extension]))
        except Unreadable as error:
            problems.append(Problem(day, name, error.message))
            continue
        if best is None:
            best, rows = extension, found
            problems += _against_manifest(manifest, name, rows)
        elif [kept(extension, row) for row in rows] != [kept(best, row) for row in found]:
            same = (Counter(map(flat, rows)) & Counter(map(flat, found))).total()
            apart = max(len(rows), len(found)) - same
            said = f"does not agree with the {best} file: {apart} rows differ, or their order"
            problems.append(Problem(day, name, said))
    shares: dict[str, list[FileRow]] = {
        line.center_id: [] for line in manifest.centers if line.center_id in centers
    }
    for row in rows:
        if row.center_id in centers:
            shares.setdefault(row.center_id, []).append(row)
    through = {
        line.center_id: line.complete_through.version
        for line in manifest.centers
        if line.complete_through is not None
    }
    spool.put(
        (
            center,
            Share(day, through.get(center), manifest.generation is not None, best == "csv", found),
        )
        for center, found in shares.items()
    )
    live = manifest.generation is not None
    return [replace(problem, is_live=live) for problem in problems]


def _read_whole(
    target: Target, day: date
) -> tuple[Manifest | None, dict[str, bytes], list[Problem]]:
    """Read a day's manifest and files, again where a writer came in between."""
    tries, manifest = TRIES, read_manifest(target, day)
    while manifest is not None:
        tries -= 1
        contents, problems = {}, []
        for extension, file in manifest.files.items():
            content = target.read(file.name)
            if content is not None:
                contents[extension] = content
            problem = _against_hash(file, content)
            if problem is not None:
                problems.append(Problem(day, file.name, problem))
        after = read_manifest(target, day) if problems else manifest
        if not problems or after == manifest or not tries:
            return manifest, contents, problems
        manifest = after
    return None, {}, []


def _against_hash(file: DataFile, content: bytes | None) -> str | None:
    if content is None:
        return "is not there"
    if manifests.data_file(file.name, content) != file:
        return "is not what the manifest says: another sha256"
    return None


def _against_manifest(manifest: Manifest, name: str, rows: Sequence[FileRow]) -> list[Problem]:
    day = manifest.target_date
    problems = []
    if len(rows) != manifest.record_count:
        said = f"has {len(rows)} rows, the manifest says {manifest.record_count}"
        problems.append(Problem(day, name, said))
    counted = Counter(row.center_id for row in rows)
    for line in manifest.centers:
        if counted[line.center_id] != line.record_count:
            said = (
                f"has {counted[line.center_id]} rows of {line.center_id}, "
                f"the manifest says {line.record_count}"
            )
            problems.append(Problem(day, name, said))
    order = [center.encode() for center, _ in groupby(rows, attrgetter("center_id"))]
    if any(before >= after for before, after in pairwise(order)):
        problems.append(Problem(day, name, "the centers are not in order"))
    return problems
