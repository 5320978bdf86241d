"""The producers that run on this machine for a configuration, so that they can be told.

Each holds the lock of a file that names its process; the lock goes with the process, however it
ends, so a file left behind tells nothing.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import stat
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import Final

from schemas.errors import Outside

__all__ = ["pids", "registered"]

PATIENCE: Final = 5.0


@contextmanager
def registered(config: Path) -> Iterator[None]:
    """Be found by `pids` inside."""
    folder = _folder(config)
    path = folder / str(os.getpid())
    with ExitStack() as stack:
        with _alone(folder):
            folder.mkdir(mode=0o700, exist_ok=True)
            _require_own(folder)
            _those_that_run(folder)
            file = stack.enter_context(path.open("w", encoding="ascii"))
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        try:
            yield
        finally:
            # A file that stays tells nothing without its lock, and goes with the next that looks.
            with suppress(OSError, Outside), _alone(folder):
                path.unlink(missing_ok=True)
                _leave(folder)


def pids(config: Path) -> list[int]:
    """Give the processes that are registered for a configuration and run."""
    folder = _folder(config)
    if not folder.is_dir():
        return []
    with _alone(folder):
        if not folder.is_dir():
            return []  # The last one has just gone.
        _require_own(folder)
        running = _those_that_run(folder)
        _leave(folder)
        return running


@contextmanager
def _alone(folder: Path) -> Iterator[None]:
    """Let nobody else come, go or look meanwhile."""
    parent = folder.parent
    parent.mkdir(mode=0o700, exist_ok=True)
    _require_own(parent)
    descriptor = os.open(parent, os.O_RDONLY | os.O_DIRECTORY)
    deadline = time.monotonic() + PATIENCE
    try:
        while True:
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError:
                if time.monotonic() > deadline:
                    raise Outside(
                        f"a process keeps {parent} locked",
                        hint=f"fuser {parent}   names it; it may have been stopped",
                    ) from None
            time.sleep(0.01)
        yield
    finally:
        os.close(descriptor)


def _those_that_run(folder: Path) -> list[int]:
    """Give them, and remove what others have left."""
    found = [path for path in folder.iterdir() if path.name.isdigit()]
    return sorted(int(path.name) for path in found if _is_held(path))


def _is_held(path: Path) -> bool:
    """Tell whether a process has the file; remove one that was left."""
    with path.open("r", encoding="ascii") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
    path.unlink()
    return False


def _leave(folder: Path) -> None:
    with suppress(OSError):
        folder.rmdir()  # Others that are in it keep it.


def _folder(config: Path) -> Path:
    name = hashlib.sha256(os.fsencode(config.resolve())).hexdigest()[:16]
    return Path(tempfile.gettempdir()) / f"chartfeed-{os.getuid()}" / name


def _require_own(folder: Path) -> None:
    found = folder.lstat()
    if not stat.S_ISDIR(found.st_mode) or found.st_uid != os.getuid() or found.st_mode & 0o022:
        raise Outside(f"{folder} is not ours alone", hint=f"look at {folder}, and remove it")
