"""The SQLite file behind a partition's days, and what is said when it can't be used."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Final

from stream_app.sink import statements
from stream_app.sink.errors import StateDamaged, StateFailed

__all__ = ["connect", "explained"]

CACHE: Final = 2000
"""Pages kept by a connection, in KiB; the rest is the operating system's."""


def connect(path: Path, cache: int = CACHE) -> sqlite3.Connection:
    """Open the file, which is made where there is none."""
    connection = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
    connection.executescript(statements.PREPARE)
    connection.execute(f"PRAGMA cache_size = -{cache}")
    return connection


@contextmanager
def explained(path: Path) -> Iterator[None]:
    """Tell what SQLite raises as what the caller does next."""
    try:
        yield
    except sqlite3.DatabaseError as error:
        if type(error) is sqlite3.DatabaseError:
            # It is no use any more; the next start finds none, and reads the topic again.
            with suppress(FileNotFoundError):
                path.replace(path.with_name(f"{path.name}.damaged"))
            raise StateDamaged(
                f"the state {path} is damaged: {error}",
                hint="start again: the state is made anew from the topic",
            ) from error
        raise _failed(path, error) from error
    except OSError as error:
        raise _failed(path, error) from error


def _failed(path: Path, error: Exception) -> StateFailed:
    return StateFailed(
        f"the state {path} can't be used: {error}",
        hint=f"make room on the disk of {path.parent}, and let this user write there",
    )
