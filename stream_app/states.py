"""What the files of both kinds of state, the join's and the days', have in common."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Final

__all__ = ["AHEAD", "LOG_BYTES", "put_aside"]

# By how much a clock may have been set back since a state was used.
AHEAD: Final = timedelta(hours=1)
# What the log keeps of the room that one large change took, such as all rows of a rebuild.
LOG_BYTES: Final = 64 * 1024 * 1024


def put_aside(path: Path) -> None:
    """Keep a state that can't be trusted beside the one that is made anew, instead of the last."""
    for end in ("", "-wal", "-shm"):
        file, aside = path.with_name(path.name + end), path.with_name(f"{path.name}.aside{end}")
        aside.unlink(missing_ok=True)
        if file.exists():
            file.rename(aside)
