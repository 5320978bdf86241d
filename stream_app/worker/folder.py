"""A worker's folder of state, for one process at a time."""

from __future__ import annotations

import fcntl
import os
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from schemas.errors import Outside
from stream_app.worker.errors import StateLocked

__all__ = ["Folder", "locked", "put_aside"]


@dataclass(frozen=True, slots=True)
class Folder:
    """Where a worker's state is; `identity` is made with the folder and goes with it."""

    path: Path
    identity: str

    def join(self, partition: int) -> Path:
        return self.path / f"join-{partition}.sqlite"

    def days(self, partition: int) -> Path:
        return self.path / f"days-{partition}.sqlite"

    def spool(self, partition: int) -> Path:
        return self.path / f"published-{partition}.spool"


def put_aside(path: Path) -> None:
    """Keep a state that can't be trusted beside the one that is made anew, instead of the last."""
    for end in ("", "-wal", "-shm"):
        file, aside = path.with_name(path.name + end), path.with_name(f"{path.name}.aside{end}")
        aside.unlink(missing_ok=True)
        if file.exists():
            file.rename(aside)


@contextmanager
def locked(path: Path) -> Iterator[Folder]:
    """Hold a worker's folder, or say that another process does.

    The lock is the process's: it goes with it, however that ends.
    """
    try:
        path.mkdir(parents=True, exist_ok=True)
        handle = os.open(path / "lock", os.O_RDWR | os.O_CREAT, 0o600)
    except OSError as error:
        raise Outside(
            f"the state can't be kept in {path}: {error.strerror}",
            hint="look at stream.state in the configuration",
        ) from error
    try:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise StateLocked(
                f"another worker works with {path}",
                hint="give this one a name of its own: chartfeed stream --worker NAME",
            ) from None
        for left in path.glob("published-*.spool"):
            left.unlink()
        yield Folder(path, _identity(path / "identity"))
    finally:
        os.close(handle)


def _identity(path: Path) -> str:
    if not path.exists():
        temporary = path.with_suffix(".new")
        temporary.write_text(uuid.uuid4().hex, encoding="ascii")
        temporary.replace(path)
    return path.read_text(encoding="ascii").strip()
