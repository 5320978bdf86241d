"""One run at a time closes the days of an output; the next waits until it has ended."""

from __future__ import annotations

import fcntl
import hashlib
import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import click

from schemas.errors import Outside
from stream_app.closing.closer import REPORTS

__all__ = ["alone"]


@contextmanager
def alone(output: str) -> Iterator[None]:
    """Hold the lock of an output; for an object store it is this machine's alone."""
    path = _path(output)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        handle = os.open(path, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW, 0o640)
    except OSError as error:
        raise Outside(
            f"{path} can't be opened: {error.strerror}", hint=f"let this user write {path.parent}"
        ) from error
    try:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            click.echo("another run is closing days; waiting for it", err=True)
            fcntl.flock(handle, fcntl.LOCK_EX)
        yield
    finally:
        os.close(handle)


def _path(output: str) -> Path:
    if "://" not in output:
        return Path(output) / REPORTS / ".lock"
    name = hashlib.sha256(output.encode()).hexdigest()[:16]
    return Path(tempfile.gettempdir()) / f"chartfeed-{os.getuid()}-close-{name}.lock"
