"""What to do next, from where a center's checkpoint and its source stand. No I/O."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, TypeAlias

if TYPE_CHECKING:
    from producers.capture.clock import Clock, TableClock
    from schemas.records import Checkpoint, SnapshotProgress, TablePosition

__all__ = [
    "Changes",
    "Continue",
    "Idle",
    "Initial",
    "Resync",
    "Step",
    "Untracked",
    "Why",
    "next_step",
    "same_database",
]


class Why(StrEnum):
    """Why a position is void."""

    RESTORED = "the database is another one than before, or was restored"
    REMAPPED = "the mapping was approved anew with other names or types"
    RECREATED = "a table was dropped and created anew"
    TRUNCATED = "a table was emptied by TRUNCATE, or its tracking was switched off and on"
    EXPIRED = "changes were cleaned up that had not been read yet"
    BACKWARDS = "the source's version went backwards, as after a restore or a failover"


@dataclass(frozen=True, slots=True)
class Idle:
    """Nothing has been committed since the checkpoint."""


@dataclass(frozen=True, slots=True)
class Changes:
    """Read what changed above `since`."""

    since: int


@dataclass(frozen=True, slots=True)
class Initial:
    """This center was never read: read all rows, then what changed meanwhile."""


@dataclass(frozen=True, slots=True)
class Continue:
    """Reading all rows was interrupted: go on after the last one that is published."""

    progress: SnapshotProgress


@dataclass(frozen=True, slots=True)
class Resync:
    """The position says nothing any more: publish all rows, and delete what is gone."""

    why: Why
    table: str | None = None


@dataclass(frozen=True, slots=True)
class Untracked:
    """Changes can't be read: tracking is off, or the login may not see it."""

    tables: tuple[str, ...]


Step: TypeAlias = Idle | Changes | Initial | Continue | Resync | Untracked


def next_step(checkpoint: Checkpoint | None, clock: Clock, identity: str, fingerprint: str) -> Step:
    """Give what to do next; a position is used only where nothing speaks against it."""
    untracked = tuple(
        table.table
        for table in clock.tables
        if table.object_id is None or table.begin_version is None or table.min_valid is None
    )
    if clock.version is None or untracked:
        return Untracked(untracked)
    if checkpoint is None:
        return Initial()
    void = _void(checkpoint, clock, identity, fingerprint)
    if void is not None:
        return void
    if checkpoint.snapshot is not None:
        return Continue(checkpoint.snapshot)
    if clock.version == checkpoint.version:
        return Idle()
    return Changes(checkpoint.version)


def _void(checkpoint: Checkpoint, clock: Clock, identity: str, fingerprint: str) -> Resync | None:
    if not same_database(checkpoint.database_identity, identity):
        return Resync(Why.RESTORED)
    if checkpoint.mapping_fingerprint != fingerprint:
        return Resync(Why.REMAPPED)
    known = {table.table: table for table in checkpoint.tables}
    for table in clock.tables:
        why = _moved(known.get(table.table), table, checkpoint.version)
        if why is not None:
            return Resync(why, table.table)
    if clock.version is not None and clock.version < checkpoint.version:
        return Resync(Why.BACKWARDS)
    return None


def _moved(before: TablePosition | None, now: TableClock, version: int) -> Why | None:
    if before is None or before.object_id != now.object_id:
        return Why.RECREATED
    if before.begin_version != now.begin_version:
        return Why.TRUNCATED
    if now.min_valid is not None and now.min_valid > version:
        return Why.EXPIRED
    return None


def same_database(before: str, now: str) -> bool:
    """Tell whether two identities can be the same database's.

    An identity is words of the form kind:value; only kinds that both have are compared, so a
    grant that shows more of it than before is no restore.
    """
    known = dict(word.split(":", 1) for word in before.split())
    found = dict(word.split(":", 1) for word in now.split())
    return all(found[kind] == value for kind, value in known.items() if kind in found)
