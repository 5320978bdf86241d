"""Checkpoints as the capture writes them: a position, and what it was found on."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from schemas.records import Checkpoint, Offset

if TYPE_CHECKING:
    from producers.capture.clock import Clock
    from schemas.records import SnapshotProgress

__all__ = ["Ground", "advanced"]


@dataclass(frozen=True, slots=True)
class Ground:
    """What all checkpoints of one run of a center have in common."""

    center_id: str
    database_identity: str
    mapping_fingerprint: str
    instance_id: str

    def at(
        self,
        clock: Clock,
        *,
        before: Checkpoint | None,
        dead_letters: int,
        snapshot: SnapshotProgress | None = None,
    ) -> Checkpoint:
        """Give the checkpoint of all that the source held when its clock was read."""
        if clock.version is None:
            raise ValueError("a source without a version has no position")
        return Checkpoint(
            center_id=self.center_id,
            version=clock.version,
            captured_at=clock.captured_at,
            partial=False,
            database_identity=self.database_identity,
            tables=clock.positions(),
            mapping_fingerprint=self.mapping_fingerprint,
            snapshot=snapshot,
            instance_id=self.instance_id,
            offsets=() if before is None else before.offsets,
            dead_letters=dead_letters,
        )

    def kept(
        self, before: Checkpoint, *, dead_letters: int, snapshot: SnapshotProgress | None = None
    ) -> Checkpoint:
        """Give the checkpoint of a slice: the old position, with more events behind it."""
        return replace(
            before,
            partial=True,
            snapshot=snapshot,
            instance_id=self.instance_id,
            dead_letters=dead_letters,
        )


def advanced(offsets: tuple[Offset, ...], found: dict[str, Offset]) -> tuple[Offset, ...]:
    """Give where the center's events end per topic, after more of them."""
    known = {offset.topic: offset for offset in offsets} | found
    return tuple(known[topic] for topic in sorted(known))
