"""The audit log: who proposed, approved or revoked which mapping, and what changed; append only."""

from __future__ import annotations

import json
import os
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Literal

from producers import canonical
from producers.mapping import Mapping

__all__ = ["NAME", "Act", "append", "changes"]

NAME = "audit.jsonl"
Act = Literal["proposal", "approval", "revocation"]


@dataclass(frozen=True, slots=True)
class Change:
    """One name that became another; None where there was none."""

    point: str
    before: object
    after: object


def changes(before: Mapping | None, after: Mapping) -> list[Change]:
    """Give what two mappings name differently, in the domain's order."""
    old, new = ({} if one is None else _names(one) for one in (before, after))
    return [
        Change(point, old.get(point), new.get(point))
        for point in dict.fromkeys([*new, *old])
        if old.get(point) != new.get(point)
    ]


def _names(mapping: Mapping) -> dict[str, object]:
    names: dict[str, object] = {"schema": mapping.schema}
    for role in canonical.TABLES:
        table = mapping.tables[role]
        names[role] = table.name
        for key in canonical.TABLES[role]:
            column = table.columns[key]
            names[f"{role}.{key}"] = column.name
            if column.live is not None:
                names[f"{role}.{key}.live"] = list(column.live)
    return names


def append(  # noqa: PLR0917 - the facts of one line
    folder: Path,
    act: Act,
    who: str,
    at: datetime,
    mapping: Mapping,
    changed: Sequence[Change],
    reason: str | None = None,
) -> None:
    """Add a line to the log, on disk before this returns."""
    line = {
        "at": at.isoformat().replace("+00:00", "Z"),
        "act": act,
        "who": who,
        "center": mapping.center,
        "fingerprint": mapping.fingerprint,
        "changes": [[change.point, change.before, change.after] for change in changed],
    }
    if reason is not None:
        line["reason"] = reason
    data = (json.dumps(line, ensure_ascii=False) + "\n").encode("utf-8", "surrogatepass")
    folder.mkdir(parents=True, exist_ok=True)
    # One write of one line: appending processes don't mix theirs.
    handle = os.open(folder / NAME, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o644)
    try:
        os.write(handle, data)
        os.fsync(handle)
    finally:
        os.close(handle)
