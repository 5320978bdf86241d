"""A center's whole story in the log of approvals, the newest act first."""

from __future__ import annotations

import fcntl
import json
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from producers import audit
from producers.errors import MappingDamaged

__all__ = ["Act", "Move", "of"]


@dataclass(frozen=True, slots=True)
class Move:
    """A point whose name became another one; None where there was none."""

    point: str
    before: str | None
    after: str | None


@dataclass(frozen=True, slots=True)
class Act:
    """One line of the log: who did what, and which names it changed."""

    act: str
    who: str
    at: datetime
    reason: str | None
    moves: tuple[Move, ...]


def of(folder: Path, center: str) -> list[Act]:
    """Give what the log has on a center, or raise MappingDamaged where a line can't be read."""
    path = folder / audit.NAME
    try:
        with path.open("rb") as file:
            # A line that is just being written is waited for.
            fcntl.flock(file, fcntl.LOCK_SH)
            lines = file.readlines()
    except FileNotFoundError:
        return []
    mark = json.dumps(center).encode()
    found = []
    for number, line in enumerate(lines, 1):
        if mark not in line:
            continue
        try:
            data = json.loads(line.decode("utf-8", "surrogatepass"))
            if data["center"] == center:
                found.append(_act(data))
        except (ValueError, KeyError, TypeError) as error:
            raise MappingDamaged(
                f"{path}:{number}: not a line of the audit log",
                hint=f"put line {number} of {path} back as it was",
            ) from error
    return found[::-1]


def _act(data: dict[str, Any]) -> Act:
    return Act(
        act=str(data["act"]),
        who=str(data["who"]),
        at=datetime.fromisoformat(str(data["at"])),
        reason=data.get("reason"),
        moves=tuple(Move(point, said(old), said(new)) for point, old, new in data["changes"]),
    )


def said(value: object) -> str | None:
    """Give a name, or the live values of a flag, as one text."""
    if isinstance(value, list):
        return ", ".join("NULL" if one is None else str(one) for one in value)
    return None if value is None else str(value)
