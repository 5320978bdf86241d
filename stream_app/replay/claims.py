"""What a replay's manifests say of each center: through which checkpoint its rows go."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from stream_app.files.manifest import CenterLine, CompleteThrough
from stream_app.sink.completeness import Share

if TYPE_CHECKING:
    from stream_app.join.outbox import Applied

__all__ = ["Claims"]


@dataclass(frozen=True, slots=True)
class Claims:
    """The centers that the configuration names, and the checkpoints that were applied."""

    names: Mapping[str, str]
    applied: Mapping[str, tuple[Applied, int]]
    wanted: Collection[str] = ()
    """The centers that are replayed; none named means all."""

    def lines(self, shares: Mapping[str, Share]) -> list[CenterLine]:
        """Give a manifest's lines, in the order of files."""
        ids = {*self.names, *shares}
        return [
            self._line(center, shares.get(center, Share()))
            for center in sorted(ids, key=str.encode)
            if not self.wanted or center in self.wanted
        ]

    def _line(self, center: str, share: Share) -> CenterLine:
        found = self.applied.get(center)
        checkpoint, withdrawn = found or (None, 0)
        # A partial checkpoint covers a slice of a read, and claims nothing.
        whole = None if checkpoint is None or checkpoint.partial else checkpoint
        behind = None
        if center not in self.names:
            behind = "stopped"
        elif checkpoint is not None and checkpoint.snapshot:
            behind = "snapshot"
        elif withdrawn:
            behind = "dead-letter"
        elif whole is None:
            behind = "lagging"
        return CenterLine(
            center_id=center,
            center_name=self.names.get(center) or share.name or center,
            record_count=share.rows,
            dead_letters=withdrawn + (0 if checkpoint is None else checkpoint.dead_letters),
            complete_through=None
            if whole is None
            else CompleteThrough(whole.captured_at, whole.version),
            behind=behind,
        )
