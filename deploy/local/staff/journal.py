"""What was committed, in the order of commits of each center; tests use it as the truth.

Two files of JSON lines. A transaction is noted in the intents, on disk, before its COMMIT is
sent, and in the journal when its version is known. What stands in the intents alone when the
process died is settled at the next start: somebody looks whether the rows are as intended.
"""

from __future__ import annotations

import fcntl
import json
import os
import threading
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from deploy.local.practice import layout
from deploy.local.staff.book import Change, Deed
from schemas.errors import BadInput


@dataclass(frozen=True, slots=True)
class Intent:
    """A transaction whose end is not known yet; `since` is a version from before it."""

    id: int
    center: str
    since: int
    deed: Deed


@dataclass(frozen=True, slots=True)
class Commit:
    """A committed transaction; a version is None where the server had forgotten it."""

    id: int
    center: str
    version: int | None
    at: str
    deed: str
    changes: tuple[Change, ...]


class Log:
    """A file that lines are added to; threads that want theirs on disk share the fsync."""

    def __init__(self, path: Path) -> None:
        self._descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_APPEND, 0o644)
        self._write = threading.Lock()
        self._sync = threading.Lock()
        self._written = 0
        self._synced = 0

    def lock(self) -> bool:
        """Take the file for this process alone."""
        try:
            fcntl.flock(self._descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        return True

    def append(self, record: Mapping[str, object], *, durable: bool = False) -> None:
        line = json.dumps(record, ensure_ascii=False).encode("utf-8") + b"\n"
        with self._write:
            view = memoryview(line)
            while view:
                view = view[os.write(self._descriptor, view) :]
            self._written += len(line)
            mine = self._written
        if durable:
            self._flush(mine)

    def cut(self, size: int) -> None:
        os.ftruncate(self._descriptor, size)

    def close(self) -> None:
        os.fsync(self._descriptor)
        os.close(self._descriptor)

    def _flush(self, mine: int) -> None:
        with self._sync:
            if self._synced < mine:
                reached = self._written
                os.fsync(self._descriptor)
                self._synced = reached


class Journal:
    """The journal of one process; a second process on the same file is refused."""

    def __init__(self, path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        self._intents_path = path.with_name(path.name + ".intents")
        self._log = Log(path)
        if not self._log.lock():
            self._log.close()
            raise BadInput(
                f"somebody is at work already and writes {path}", hint="stop that one first"
            )
        self._log.cut(_whole_lines(path))
        self._intents = Log(self._intents_path)
        self._intents.cut(_whole_lines(self._intents_path))
        done = {commit.id for commit in read(path)}
        self.unsettled: tuple[Intent, ...] = tuple(_open_intents(self._intents_path, done))
        if not self.unsettled:
            self._intents.cut(0)
        last = max([*done, *(intent.id for intent in self.unsettled)], default=0)
        self._next = last + 1
        self._ids = threading.Lock()

    def intend(self, center: str, since: int, deed: Deed) -> Intent:
        """Put on disk that this transaction is about to be committed."""
        with self._ids:
            number, self._next = self._next, self._next + 1
        intent = Intent(number, center, since, deed)
        self._intents.append(
            {
                "id": number,
                "center": center,
                "since": since,
                "deed": deed.name,
                "changes": _changes(deed),
            },
            durable=True,
        )
        return intent

    def committed(self, intent: Intent, version: int | None, at: str) -> None:
        """Note a commit; callers do so in the order of a center's versions."""
        self._log.append(
            {
                "id": intent.id,
                "center": intent.center,
                "version": version,
                "at": at,
                "deed": intent.deed.name,
                "changes": _changes(intent.deed),
            }
        )

    def undone(self, intent: Intent) -> None:
        """Note that an intended transaction did not take place."""
        self._intents.append({"id": intent.id, "undone": True})

    def close(self) -> None:
        """Bring everything to disk."""
        self._log.close()
        self._intents.close()


def read(path: Path) -> Iterator[Commit]:
    """Give all committed transactions in the order of the journal; a torn last line is none."""
    for record in _records(path):
        yield Commit(
            id=record["id"],
            center=record["center"],
            version=record["version"],
            at=record["at"],
            deed=record["deed"],
            changes=tuple(Change(**change) for change in record["changes"]),
        )


def _changes(deed: Deed) -> list[dict[str, object]]:
    """Give a deed's changes without those of PATIENT: no name leaves the source."""
    return [asdict(change) for change in deed.changes if change.table != layout.PATIENT]


def _open_intents(path: Path, done: set[int]) -> Iterator[Intent]:
    found: dict[int, Intent] = {}
    for record in _records(path):
        if record.get("undone"):
            found.pop(record["id"], None)
        elif record["id"] not in done:
            changes = tuple(Change(**change) for change in record["changes"])
            deed = Deed(record["deed"], changes)
            found[record["id"]] = Intent(record["id"], record["center"], record["since"], deed)
    yield from found.values()


def _records(path: Path) -> Iterator[dict[str, Any]]:
    with path.open("rb") as file:
        for line in file:
            if line.endswith(b"\n"):
                yield json.loads(line)


def _whole_lines(path: Path) -> int:
    """Give the size of a file without a last line that was torn."""
    data = path.read_bytes()
    return data.rfind(b"\n") + 1
