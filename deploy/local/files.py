"""The one way the stack's own files are written: whole, or not at all."""

from __future__ import annotations

import os
from pathlib import Path

__all__ = ["put"]


def put(path: Path, text: str) -> None:
    """Replace a file's text; a reader, or a crash, finds the old or the new one."""
    fresh = path.with_name(path.name + ".new")
    with fresh.open("w", encoding="utf-8") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    fresh.rename(path)
