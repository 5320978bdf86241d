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
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from schemas.errors import Outside

__all__ = ["pids", "registered"]


@contextmanager
def registered(config: Path) -> Iterator[None]:
    """Be found by `pids` inside."""
    folder = _folder(config)
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    _require_own(folder)
    path = folder / str(os.getpid())
    with path.open("w", encoding="ascii") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        try:
            yield
        finally:
            path.unlink(missing_ok=True)


def pids(config: Path) -> list[int]:
    """Give the processes that are registered for a configuration and run."""
    folder = _folder(config)
    if not folder.is_dir():
        return []
    _require_own(folder)
    found = [path for path in folder.iterdir() if path.name.isdigit()]
    return sorted(int(path.name) for path in found if _is_held(path))


def _is_held(path: Path) -> bool:
    with suppress(FileNotFoundError), path.open("r", encoding="ascii") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
        path.unlink(missing_ok=True)
    return False


def _folder(config: Path) -> Path:
    name = hashlib.sha256(os.fsencode(config.resolve())).hexdigest()[:16]
    return Path(tempfile.gettempdir()) / f"chartfeed-{os.getuid()}" / name


def _require_own(folder: Path) -> None:
    for path in (folder.parent, folder):
        found = path.lstat()
        if not stat.S_ISDIR(found.st_mode) or found.st_uid != os.getuid() or found.st_mode & 0o022:
            raise Outside(f"{path} is not ours alone", hint=f"look at {path}, and remove it")
