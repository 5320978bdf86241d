"""A state that was made beside the live one, and takes its place when the worker starts.

It counts from the moment that its mark is there, which is when all of it is on the disk. A start
that is killed in the middle is finished by the next one: each file moves in one step, and the one
that it replaces has gone before, with its log. Whoever works on it, or moves it, holds its lock.
"""

from __future__ import annotations

import fcntl
import os
import shutil
from pathlib import Path
from typing import Final

from schemas.errors import Failed

__all__ = ["LOCK", "finish", "folder", "is_finished", "switch_in", "withdraw"]

FOLDER: Final = "rebuilt"
MARK: Final = "finished"
LOCK: Final = "lock"


def folder(worker: Path) -> Path:
    """Give the folder in a worker's in which a state is rebuilt."""
    return worker / FOLDER


def is_finished(worker: Path) -> bool:
    """Tell whether a rebuilt state waits for the worker's start."""
    return (folder(worker) / MARK).exists()


def finish(worker: Path) -> None:
    """Mark the rebuilt state, whose files are closed, as whole; the next start takes it."""
    made = folder(worker)
    for path in made.glob("join-*.sqlite"):
        log = path.with_name(f"{path.name}-wal")
        if log.exists():
            raise Failed(
                f"{path} is open elsewhere, so a part of it is in {log.name} still",
                hint="let go of the file, and rebuild again: it goes on",
            )
        _sync(path)
    mark = made / MARK
    mark.touch()
    _sync(mark)
    _sync(made)


def withdraw(worker: Path) -> None:
    """Take the mark back: the state is worked on again."""
    (folder(worker) / MARK).unlink(missing_ok=True)


def switch_in(worker: Path) -> list[str]:
    """Put a rebuilt state that is whole in the place of the old one; give what was replaced.

    One that somebody works on is left for another start.
    """
    made = folder(worker)
    if not is_finished(worker):
        return []
    handle = os.open(made / LOCK, os.O_RDWR | os.O_CREAT, 0o600)
    try:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return []
        return _move(made, worker) if is_finished(worker) else []
    finally:
        os.close(handle)


def _move(made: Path, worker: Path) -> list[str]:
    moved = []
    for path in sorted(made.glob("join-*.sqlite")):
        # A file without its log would be a damaged state; where there is no file, there is none.
        for end in ("", "-wal", "-shm"):
            (worker / f"{path.name}{end}").unlink(missing_ok=True)
        path.replace(worker / path.name)
        moved.append(path.name)
    _sync(worker)
    withdraw(worker)
    shutil.rmtree(made)
    return moved


def _sync(path: Path) -> None:
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
