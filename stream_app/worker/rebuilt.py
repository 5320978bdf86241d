"""A state that was made beside the live one, and takes its place when the worker starts.

It counts from the moment that its mark is there, which is when all of it is on the disk. A start
that is killed in the middle is finished by the next one: each file moves in one step.
"""

from __future__ import annotations

import os
import shutil
from pathlib import Path
from typing import Final

__all__ = ["finish", "folder", "is_finished", "switch_in", "withdraw"]

FOLDER: Final = "rebuilt"
MARK: Final = "finished"
LOG_ENDS: Final = ("-wal", "-shm")


def folder(worker: Path) -> Path:
    """Give the folder in a worker's in which a state is rebuilt."""
    return worker / FOLDER


def is_finished(worker: Path) -> bool:
    """Tell whether a rebuilt state waits for the worker's start."""
    return (folder(worker) / MARK).exists()


def finish(worker: Path) -> None:
    """Mark the rebuilt state as whole; the worker's next start takes it."""
    made = folder(worker)
    for path in made.glob("join-*.sqlite"):
        _sync(path)
    mark = made / MARK
    mark.touch()
    _sync(mark)
    _sync(made)


def withdraw(worker: Path) -> None:
    """Take the mark back: the state is worked on again."""
    (folder(worker) / MARK).unlink(missing_ok=True)


def switch_in(worker: Path) -> list[str]:
    """Put a rebuilt state that is whole in the place of the old one; give what was replaced."""
    if not is_finished(worker):
        return []
    made = folder(worker)
    moved = []
    for path in sorted(made.glob("join-*.sqlite")):
        # The old file's log must not be taken for the new one's.
        for end in LOG_ENDS:
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
