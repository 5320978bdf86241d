"""A database's files: removed, and copied whole."""

from __future__ import annotations

from pathlib import Path

import apsw


def remove(path: Path) -> None:
    """Remove a database's file and what SQLite keeps beside it."""
    for suffix in ("", "-wal", "-shm", "-journal"):
        Path(f"{path}{suffix}").unlink(missing_ok=True)


def copy(source: Path, target: Path) -> None:
    """Make a whole, consistent copy of a database file that may be in use."""
    remove(target)
    read, write = apsw.Connection(str(source)), apsw.Connection(str(target))
    try:
        with write.backup("main", read, "main") as backup:
            backup.step()
    finally:
        read.close()
        write.close()
