"""Approving and revoking: the mapping, its validation, the log, and what others learn from it."""

from __future__ import annotations

import fcntl
import hashlib
import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

from chartfeed import answers, learning, mappings
from chartfeed.answers import Answers
from producers import approval, audit, discover, mapping_file, merging, validation
from schemas.errors import Failed
from schemas.insurance import StatusTable

if TYPE_CHECKING:
    import pyodbc

    from chartfeed.settings import Center, Settings
    from producers.choices import Choices
    from producers.mapping import Mapping
    from producers.validation import Report

__all__ = [
    "Changed",
    "answered",
    "approve",
    "chosen",
    "examine",
    "present",
    "require_version",
    "revoke",
    "seal",
    "validated",
    "version",
]


class Changed(Failed):
    """Somebody else wrote, approved or revoked the mapping meanwhile; nothing was done."""


def version(settings: Settings, center: Center) -> str:
    """Give what tells one state of a center's mapping, and of its approval, from another."""
    path = mapping_file.path_of(settings.mappings, center.id)
    try:
        content = path.read_bytes()
    except FileNotFoundError:
        content = b""
    said = audit.of_center(settings.mappings, center.id).said
    log = "" if said is None else f"{said.act} {said.at} {said.seal}"
    return hashlib.sha256(content + b"\n" + log.encode()).hexdigest()[:32]


def present(settings: Settings, center: Center) -> Mapping:
    """Give the mapping to review: the file's, or a fresh proposal where there is no file."""
    if mapping_file.path_of(settings.mappings, center.id).exists():
        return mappings.load(settings, center)
    return mappings.propose(settings, center, learning.bank(settings))


def chosen(
    settings: Settings,
    center: Center,
    connection: pyodbc.Connection,
    mapping: Mapping,
    choices: Choices,
) -> Mapping:
    """Give the mapping with what was chosen, and what follows from it at the source."""
    if not choices.names and not choices.live:
        return mapping
    fresh = discover.propose(
        connection,
        center=center.id,
        database=center.database,
        learned=learning.bank(settings).learned,
        chosen=merging.chosen_names(mapping, choices),
    )
    return merging.merged(mapping, fresh, choices)


def answered(
    settings: Settings,
    center: Center,
    connection: pyodbc.Connection,
    mapping: Mapping,
    given: Answers,
) -> Mapping:
    """Give the mapping with all that a reviewer answered."""
    named = chosen(settings, center, connection, mapping, given.choices())
    return answers.unmapped(named, given.unset)


def validated(
    settings: Settings, center: Center, connection: pyodbc.Connection, mapping: Mapping
) -> Report:
    """Give what the validation says of a mapping."""
    return validation.validate(
        connection,
        mapping,
        center_name=center.name,
        table=StatusTable.of(settings.insurance_status),
    )


def examine(
    settings: Settings,
    center: Center,
    mapping: Mapping,
    choices: Choices,
    unset: Sequence[str] = (),
) -> Report:
    """Give the mapping with what was chosen, and what the validation says of it."""
    with mappings.opened(settings, center) as connection:
        named = chosen(settings, center, connection, mapping, choices)
        mapping = answers.unmapped(named, unset)
        return validated(settings, center, connection, mapping)


def approve(
    settings: Settings, center: Center, given: Answers, *, reviewer: str, at: datetime
) -> tuple[Mapping, Report]:
    """Validate and approve a center's mapping; the value bank learns from it."""
    seen = version(settings, center)
    before = mappings.load(settings, center)
    report = examine(settings, center, before, given.choices(), given.unset)
    return seal(settings, report, before, reviewer=reviewer, at=at, seen=seen), report


def seal(
    settings: Settings,
    report: Report,
    before: Mapping,
    *,
    reviewer: str,
    at: datetime,
    seen: str | None = None,
) -> Mapping:
    """Write the approval of what was examined, and let the value bank learn from it.

    Raise Changed where the mapping is no longer in the version that was `seen`. A bank that is
    damaged stops this before anything is approved; one that can't be written afterwards is a
    warning, for the approval holds.
    """

    def approved() -> Mapping:
        return approval.approve(settings.mappings, report, before, reviewer=reviewer, at=at)

    with _alone(settings.mappings):
        require_version(settings, settings.center(before.center), seen)
        return learning.from_approval(settings, approved)


def revoke(
    settings: Settings,
    center: Center,
    present: Mapping,
    *,
    reviewer: str,
    reason: str,
    at: datetime,
    seen: str | None = None,
) -> Mapping:
    """Write the mapping as an open proposal again, and forget what it taught.

    Raise Changed where the mapping is no longer in the version that was `seen`.
    """
    with _alone(settings.mappings):
        require_version(settings, center, seen)
        revoked = approval.revoke(
            settings.mappings, present, reviewer=reviewer, reason=reason, at=at
        )
        learning.forget(settings, center.id)
    return revoked


@contextmanager
def _alone(folder: Path) -> Iterator[None]:
    """Hold the folder of mappings, so that what was looked at is what is replaced."""
    folder.mkdir(parents=True, exist_ok=True)
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield
    finally:
        os.close(handle)


def require_version(settings: Settings, center: Center, seen: str | None) -> None:
    """Raise Changed where a center's mapping is no longer in the version that was seen."""
    if seen is None or version(settings, center) == seen:
        return
    said = audit.of_center(settings.mappings, center.id).said
    last = f"; the last word is the {said.act} by {said.who} at {said.at}" if said else ""
    raise Changed(
        f"{center.id}: the mapping was changed meanwhile, nothing is written{last}",
        hint=f"chartfeed show-mapping {center.id}, then chartfeed review {center.id}",
        center=center.id,
        act=said.act if said else None,
        who=said.who if said else None,
    )
