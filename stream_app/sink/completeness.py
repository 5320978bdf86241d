"""What a manifest may claim of each center: never more than is true.

A center is complete through a checkpoint when the join says that it has applied it (Progress) and
the state behind the files has passed the offset at which the center's rows then ended in the day's
partition. So a claim needs the position that the files show, not the moment at which they are
written. A partial checkpoint covers a slice of a read and claims nothing.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Final

from schemas import topics
from schemas.records import CenterStatus, Progress
from stream_app.files.manifest import CenterLine, CompleteThrough, Manifest, Position

__all__ = ["Claims", "KnownCenter", "Share"]

# A center's state (interfaces: center-status) as the manifest's word; the others say nothing.
WORDS: Final[Mapping[str, str]] = {
    "snapshot": "snapshot",
    "retrying": "down",
    "unreviewed": "unreviewed",
    "drift": "drift",
    "resync": "resync",
    "needs-confirmation": "needs-confirmation",
    "fenced": "fenced",
    "denied": "denied",
    "stopped": "stopped",
}
# An idle center's checkpoint is refreshed every 5 s, and its rows follow within a second or two.
PATIENCE: Final = timedelta(seconds=10)
SILENCE: Final = timedelta(seconds=60)
# Progress of each center; dropping some of it claims less, never more.
KEPT: Final = 32


@dataclass(frozen=True, slots=True)
class KnownCenter:
    """A center that the configuration lists."""

    id: str
    name: str
    enabled: bool = True


@dataclass(frozen=True, slots=True)
class Share:
    """A center's part in a day."""

    rows: int = 0
    unusable: int = 0
    name: str | None = None


@dataclass(frozen=True, slots=True)
class _Applied:
    """A Progress with where the center's rows end by then, in every partition."""

    progress: Progress
    """Without its offsets: `ends` has them, and those of before."""
    number: int
    """How many came before it."""
    ends: Mapping[int, int]
    seen_at: datetime

    def passed(self, partition: int, position: int) -> bool:
        return position > self.ends.get(partition, -1)


@dataclass(slots=True)
class _Center:
    applied: list[_Applied] = field(default_factory=list)
    status: CenterStatus | None = None
    # Since when the source's side has been known to be further than the join, else None.
    awaited_since: datetime | None = None

    def add(self, progress: Progress, ends: Mapping[int, int], now: datetime) -> None:
        """Take a Progress in, and let go of the one that is missed least."""
        applied = self.applied
        number = applied[-1].number + 1 if applied else 0
        if progress.partial and applied and applied[-1].progress.partial:
            applied.pop()  # Of one read's slices, each says what the one before said.
        applied.append(_Applied(replace(progress, offsets=()), number, ends, now))
        if len(applied) > KEPT:
            # The longer ago, the further apart: so a claim lags by a share of what the files lag.
            del applied[min(range(1, KEPT), key=self._missed)]

    def _missed(self, at: int) -> float:
        """Give the gap that one leaves, beside how long ago that was."""
        before = self.applied[at - 1].number
        gap = self.applied[at + 1].number - before
        return gap / (self.applied[-1].number - before)

    def through(self, partition: int, position: int) -> _Applied | None:
        """Give the newest whole checkpoint that a state at the position shows."""
        return next(
            (
                applied
                for applied in reversed(self.applied)
                if not applied.progress.partial and applied.passed(partition, position)
            ),
            None,
        )

    def waiting_since(self, partition: int, position: int) -> datetime | None:
        """Give since when something applied has not been passed."""
        return min(
            (one.seen_at for one in self.applied if not one.passed(partition, position)),
            default=None,
        )

    def said(self, through: _Applied | None, now: datetime) -> str | None:
        """Give the word that its producer has for it, or else the join."""
        if self.status is None or self.status.expires_at < now:
            return "down"
        word = WORDS.get(self.status.state) or self._read(through)
        return word or (self.applied[-1].progress.behind if self.applied else None)

    def _read(self, through: _Applied | None) -> str | None:
        """Give the word for a large read of which the files may show a part.

        A producer that is done says nothing of it any more, and may have said it for a moment only.
        """
        for applied in reversed(self.applied):
            if applied is through:
                break
            if applied.progress.partial:
                return "snapshot" if through is None else "resync"
        return None


class Claims:
    """What is known of all centers; times are handed in, and nothing is asked."""

    def __init__(self, centers: Iterable[KnownCenter]) -> None:
        self._configured = {center.id: center for center in centers}
        self._centers: dict[str, _Center] = {}

    def applied(self, progress: Progress, now: datetime) -> None:
        """Take in that the join has applied a checkpoint."""
        center = self._centers.setdefault(progress.center_id, _Center())
        # Rows never end before where they ended, whatever a Progress leaves out.
        before = center.applied[-1].ends if center.applied else {}
        later = dict[int, int]()
        for offset in progress.offsets:
            end = later.get(offset.partition, before.get(offset.partition, -1))
            if offset.topic == topics.UNIFIED_ENTRIES.name and offset.offset > end:
                later[offset.partition] = offset.offset
        center.add(progress, {**before, **later} if later else before, now)
        if center.status is not None and _reached(center.status, progress):
            center.awaited_since = None

    def told(self, status: CenterStatus, now: datetime) -> None:
        """Take in what a producer says of its center."""
        center = self._centers.setdefault(status.center_id, _Center())
        center.status = status
        newest = center.applied[-1].progress if center.applied else None
        if newest is not None and _reached(status, newest):
            center.awaited_since = None
        elif center.awaited_since is None:
            center.awaited_since = now

    @property
    def configured(self) -> tuple[str, ...]:
        """Give the ids of the centers that the configuration lists."""
        return tuple(self._configured)

    def lines(
        self, shares: Mapping[str, Share], partition: int, position: int, now: datetime
    ) -> list[CenterLine]:
        """Give a manifest's lines, in the order of files.

        They are those of the configured centers and of all that have a part in the day; the files
        show what the day's partition holds before the position.
        """
        ids = {*self._configured, *shares}
        return [
            self.line(center, shares.get(center, Share()), partition, position, now)
            for center in sorted(ids, key=str.encode)
        ]

    def renewed(self, manifest: Manifest, now: datetime, shown: int = 0) -> tuple[CenterLine, ...]:
        """Give a manifest's lines as they would be now, for files that have not changed since.

        So a day that nobody writes any more stays complete through what has been applied since.
        `shown` says how much of the day's partition the files of any day show: rows that have
        reached others' files are not on their way to this one. What is claimed rests on this
        day's alone.
        """
        position = manifest.position
        if position is None:
            return manifest.centers
        return tuple(self._renewed(line, position, shown, now) for line in manifest.centers)

    def _renewed(
        self, line: CenterLine, position: Position, shown: int, now: datetime
    ) -> CenterLine:
        share = Share(line.record_count, name=line.center_name)
        found = self.line(line.center_id, share, position.partition, position.offset, now)
        if shown > position.offset:
            told = self.line(line.center_id, share, position.partition, shown, now)
            found = replace(found, behind=told.behind)
        through = found.complete_through
        if line.behind == "dead-letter" and found.behind is None:
            found = replace(found, behind="dead-letter", dead_letters=line.dead_letters)
        # What the files showed once, they show still.
        claimed = line.complete_through
        if claimed is not None and (through is None or claimed.captured_at > through.captured_at):
            found = replace(found, complete_through=claimed)
        return found

    def line(
        self, center_id: str, share: Share, partition: int, position: int, now: datetime
    ) -> CenterLine:
        """Give one center's line."""
        center = self._centers.get(center_id, _Center())
        through = center.through(partition, position)
        latest = through or (center.applied[-1] if center.applied else None)
        configured = self._configured.get(center_id)
        behind: str | None = "stopped"
        if configured is not None and configured.enabled:
            waiting = (center.awaited_since, center.waiting_since(partition, position))
            behind = (
                center.said(through, now)
                or ("dead-letter" if share.unusable else None)
                or _lag(through, waiting, now)
            )
        return CenterLine(
            center_id=center_id,
            center_name=configured.name if configured else share.name or center_id,
            record_count=share.rows,
            dead_letters=(latest.progress.dead_letters if latest else 0) + share.unusable,
            complete_through=None if through is None else _claimed(through.progress),
            behind=behind,
        )


def _claimed(progress: Progress) -> CompleteThrough:
    """Give what a checkpoint claims: no moment that had not come when it was applied.

    A source whose clock is ahead would end its days before they are over.
    """
    return CompleteThrough(min(progress.captured_at, progress.applied_at), progress.version)


def _lag(through: _Applied | None, waiting: Iterable[datetime | None], now: datetime) -> str | None:
    """Give the word for a center whose rows come late, None where all came in time."""
    late = through is None or now - through.progress.applied_at > SILENCE
    late = late or any(since is not None and now - since > PATIENCE for since in waiting)
    return "lagging" if late else None


def _reached(status: CenterStatus, progress: Progress) -> bool:
    return status.version is None or progress.version >= status.version
