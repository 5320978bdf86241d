"""A worker's folder of state, for one process at a time."""

from __future__ import annotations

import fcntl
import os
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final

import structlog

from schemas.errors import Outside
from stream_app.worker.errors import StateLocked

__all__ = ["ASIDE_KEPT", "Folder", "locked"]

BOOT: Final = Path("/proc/sys/kernel/random/boot_id")
ASIDE_KEPT: Final = timedelta(days=7)

log = structlog.get_logger("chartfeed.stream")


@dataclass(frozen=True, slots=True)
class Folder:
    """Where a worker's state is, and what names it to Kafka.

    `identity` is the folder's own, made with it, and the machine's boot: a machine that went down
    without a word may have lost the last commits to the disk, whose rows are published already.
    """

    path: Path
    identity: str

    def join(self, partition: int) -> Path:
        return self.path / f"join-{partition}.sqlite"

    def days(self, partition: int) -> Path:
        return self.path / f"days-{partition}.sqlite"

    def spool(self, partition: int) -> Path:
        return self.path / f"published-{partition}.spool"


@contextmanager
def locked(path: Path, boot: Path = BOOT, now: datetime | None = None) -> Iterator[Folder]:
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
        _drop_asides(path, now or datetime.now(UTC))
        yield Folder(path, "/".join([_own(path / "identity"), *_boots(boot)]))
    finally:
        os.close(handle)


def _drop_asides(path: Path, now: datetime) -> None:
    """Remove what was put aside long ago: it has rows as the state has, and nobody looked."""
    for aside in (*path.glob("*.aside*"), *path.glob("*.damaged")):
        put = datetime.fromtimestamp(aside.stat().st_ctime, UTC)  # A rename changes it.
        if now - put > ASIDE_KEPT:
            aside.unlink()
            log.info("what was put aside is removed", file=aside.name)


def _own(path: Path) -> str:
    """Give the folder's own name; one that a power cut left empty is made anew."""
    found = path.read_text(encoding="ascii").strip() if path.exists() else ""
    if not found:
        found = uuid.uuid4().hex
        temporary = path.with_suffix(".new")
        with temporary.open("w", encoding="ascii") as file:
            file.write(found)
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)
    return found


def _boots(path: Path) -> list[str]:
    """Give the id of the machine's boot, or nothing where that can't be seen."""
    try:
        return path.read_text(encoding="ascii").split()
    except OSError:
        return []
