"""The audit log: who proposed, approved or revoked which mapping, and what changed; append only."""

from __future__ import annotations

import errno
import fcntl
import json
import os
import threading
from collections.abc import Mapping as Dict
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from pathlib import Path
from typing import Literal

from producers import canonical
from producers.errors import MappingDamaged
from producers.mapping import Mapping

__all__ = ["FORMAT", "NAME", "Act", "History", "Line", "append", "changes", "names", "of_center"]

NAME = "audit.jsonl"
FORMAT = 1
"""Of a line; one without a format is of the first."""
Act = Literal["proposal", "approval", "revocation"]


@dataclass(frozen=True, slots=True)
class Change:
    """One name that became another; None where there was none."""

    point: str
    before: object
    after: object


@dataclass(frozen=True, slots=True)
class Line:
    """What the log keeps of one act."""

    act: Act
    who: str
    at: str
    seal: str | None = None
    names: Dict[str, object] | None = None
    reason: str | None = None


@dataclass(frozen=True, slots=True)
class History:
    """What the log says last of a center.

    `said` is the last approval or revocation, `approved` the last approval, revoked or not, and
    `named` the last line that keeps names.
    """

    said: Line | None = None
    approved: Line | None = None
    named: Line | None = None

    def after(self, line: Line) -> History:
        """Give the history with one more line."""
        return replace(
            self,
            said=self.said if line.act == "proposal" else line,
            approved=line if line.act == "approval" else self.approved,
            named=self.named if line.names is None else line,
        )


NOTHING = History()


@dataclass(slots=True)
class _Kept:
    """The histories of a folder, as of one state of its log."""

    lock: threading.Lock = field(default_factory=threading.Lock)
    state: tuple[int, int, int] | None = None
    centers: Dict[str, History] = field(default_factory=dict)


_KEPT: dict[Path, _Kept] = {}


def of_center(folder: Path, center: str) -> History:
    """Give a center's history; the log is read once, and again only when it was written to."""
    path = folder / NAME
    kept = _KEPT.setdefault(path.absolute(), _Kept())
    with kept.lock:
        try:
            found = path.stat()
            state = (found.st_ino, found.st_size, found.st_mtime_ns)
            if kept.state != state:
                kept.centers = _read(path)
                kept.state = state
        except FileNotFoundError:
            return NOTHING
        except OSError as error:
            raise MappingDamaged(
                f"{path}: can't be read: {error.strerror}", hint=f"look at {path}"
            ) from error
        return kept.centers.get(center, NOTHING)


def _read(path: Path) -> dict[str, History]:
    centers: dict[str, History] = {}
    with path.open("rb") as file:
        # A line that is just being written is waited for: half of one reads as damage.
        fcntl.flock(file, fcntl.LOCK_SH)
        for number, text in enumerate(file, 1):
            try:
                data = json.loads(text.decode("utf-8", "surrogatepass"))
                _refuse_the_future(data.get("format", 1), path, number)
                center, line = _parsed(data)
            except (ValueError, KeyError, TypeError, AttributeError) as error:
                # A line that can't be read may be a revocation: nothing is approved beside it.
                raise MappingDamaged(
                    f"{path}:{number}: not a line of the audit log",
                    hint=f"put line {number} of {path} back as it was",
                ) from error
            centers[center] = centers.get(center, NOTHING).after(line)
    return centers


def _refuse_the_future(given: object, path: Path, number: int) -> None:
    if isinstance(given, int) and given > FORMAT:
        # It may be a revocation: nothing is approved beside it.
        raise MappingDamaged(
            f"{path}:{number}: format {given} is newer than this chartfeed knows ({FORMAT})",
            hint="update chartfeed to the version that wrote it",
        )


def _parsed(data: dict[str, object]) -> tuple[str, Line]:
    act = data["act"]
    if act not in {"proposal", "approval", "revocation"}:
        raise ValueError(act)
    seal, given, reason = (data.get(key) for key in ("seal", "names", "reason"))
    line = Line(
        act=act,
        who=str(data["who"]),
        at=str(data["at"]),
        seal=None if seal is None else str(seal),
        names=given if isinstance(given, dict) else None,
        reason=None if reason is None else str(reason),
    )
    return str(data["center"]), line


def changes(before: Mapping | Dict[str, object] | None, after: Mapping) -> list[Change]:
    """Give what two mappings name differently, in the domain's order; names alone do, too."""
    old = names(before) if isinstance(before, Mapping) else before or {}
    new = names(after)
    return [
        Change(point, old.get(point), new.get(point))
        for point in dict.fromkeys([*new, *old])
        if old.get(point) != new.get(point)
    ]


def names(mapping: Mapping) -> dict[str, object]:
    """Give all names of a mapping by point, and the values of unusual flags."""
    found: dict[str, object] = {"schema": mapping.schema}
    for role in canonical.TABLES:
        table = mapping.tables[role]
        found[role] = table.name
        for key in canonical.TABLES[role]:
            column = table.columns[key]
            found[f"{role}.{key}"] = column.name
            if column.live is not None:
                found[f"{role}.{key}.live"] = list(column.live)
    return found


def append(  # noqa: PLR0917 - the facts of one line
    folder: Path,
    act: Act,
    who: str,
    at: datetime,
    mapping: Mapping,
    changed: Sequence[Change],
    reason: str | None = None,
) -> None:
    """Add a line to the log, on disk before this returns."""
    line: dict[str, object] = {
        "format": FORMAT,
        "at": at.isoformat().replace("+00:00", "Z"),
        "act": act,
        "who": who,
        "center": mapping.center,
        "fingerprint": mapping.fingerprint,
        "changes": [[change.point, change.before, change.after] for change in changed],
    }
    if act != "revocation":
        line["names"] = names(mapping)
    if mapping.seal is not None:
        line["seal"] = mapping.seal
    if reason is not None:
        line["reason"] = reason
    data = (json.dumps(line, ensure_ascii=False) + "\n").encode("utf-8", "surrogatepass")
    folder.mkdir(parents=True, exist_ok=True)
    # One write of one line, locked: appending processes don't mix theirs.
    handle = os.open(folder / NAME, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o644)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX)
        size = os.fstat(handle).st_size
        written = os.write(handle, data)
        if written != len(data):
            # Half a line would make the whole log unreadable.
            os.ftruncate(handle, size)
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        os.fsync(handle)
    finally:
        os.close(handle)
