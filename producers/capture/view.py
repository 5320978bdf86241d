"""What is said of a center to a person or a script, from what the topics say of it. No I/O."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, Final

from producers.capture.commands import is_confirmed, paused
from producers.capture.status import NEEDING_SOMEBODY, told_before

if TYPE_CHECKING:
    from producers.capture.overview import Known
    from schemas.errors import ChartfeedError
    from schemas.records import CenterStatus, SnapshotProgress

__all__ = ["View", "view"]

# A center that could not be reached for so long is somebody's business.
RETRYING: Final = timedelta(minutes=5)


@dataclass(frozen=True, slots=True)
class View:
    center_id: str
    state: str
    detail: str | None = None
    next_command: str | None = None
    version: int | None = None
    source_version: int | None = None
    lag_seconds: float | None = None
    last_event_at: datetime | None = None
    events_total: int = 0
    dead_letters: int = 0
    snapshot: SnapshotProgress | None = None
    retention_headroom_seconds: int | None = None
    restarts: int = 0
    needs_somebody: bool = False

    @property
    def lag_versions(self) -> int | None:
        """Return how many of the source's transactions are not published yet, as last heard."""
        if self.version is None or self.source_version is None:
            return None
        return max(0, self.source_version - self.version)

    def as_json(self) -> dict[str, Any]:
        """Give what scripts read; the names are fixed."""
        lag = None if self.lag_seconds is None else round(self.lag_seconds, 3)
        progress = self.snapshot
        return {
            "center_id": self.center_id,
            "state": self.state,
            "detail": self.detail,
            "next_command": self.next_command,
            "version": self.version,
            "source_version": self.source_version,
            "lag_seconds": lag,
            "last_event_at": None if self.last_event_at is None else _iso(self.last_event_at),
            "events_total": self.events_total,
            "dead_letters": self.dead_letters,
            "snapshot": None
            if progress is None
            else {
                "reason": progress.reason,
                "table": progress.table,
                "rows_done": progress.rows_done,
                "rows_total": progress.rows_total,
                "started_at": _iso(progress.started_at),
            },
            "retention_headroom_seconds": self.retention_headroom_seconds,
            "restarts": self.restarts,
        }


def view(
    center_id: str,
    known: Known,
    now: datetime,
    *,
    enabled: bool,
    problem: Callable[[], ChartfeedError | None],
) -> View:
    """Give what is said of a center; a status that has expired is believed no more.

    `problem` says why there is no approved mapping here; it is asked only where nobody speaks of
    the center any more.
    """
    status = known.told(now)
    if status is None:
        return _silent(center_id, known, now, enabled=enabled, problem=problem)
    age = None if known.checkpoint is None else now - known.checkpoint.captured_at
    lasting = status.state == "retrying" and age is not None and age > RETRYING
    return replace(
        _told(status),
        version=status.version if known.checkpoint is None else known.checkpoint.version,
        needs_somebody=enabled and (lasting or status.state in NEEDING_SOMEBODY),
    )


def _told(status: CenterStatus) -> View:
    return View(
        center_id=status.center_id,
        state=status.state,
        detail=status.detail,
        next_command=status.next_command,
        version=status.version,
        source_version=status.source_version,
        lag_seconds=status.lag_seconds,
        last_event_at=status.last_event_at,
        events_total=status.events_total,
        dead_letters=status.dead_letters,
        snapshot=status.snapshot,
        retention_headroom_seconds=status.retention_headroom_seconds,
        restarts=status.restarts,
    )


def _silent(
    center_id: str,
    known: Known,
    now: datetime,
    *,
    enabled: bool,
    problem: Callable[[], ChartfeedError | None],
) -> View:
    """Give what the last words and the checkpoint leave of a center that runs nowhere."""
    status, checkpoint = known.status, known.checkpoint
    before = told_before(status, checkpoint)
    age = None if before.position_at is None else now - before.position_at
    left = None if age is None or before.retention is None else before.retention - age
    found = replace(
        View(center_id, "stopped") if status is None else _told(status),
        state="stopped",
        version=before.version,
        lag_seconds=None if age is None else max(0.0, age.total_seconds()),
        dead_letters=before.dead_letters,
        snapshot=before.snapshot,
        retention_headroom_seconds=None if left is None else max(0, int(left.total_seconds())),
        needs_somebody=enabled,
    )
    waiting = paused(known.command)
    produce = f"chartfeed produce --center {center_id}"
    if not enabled:
        return replace(found, detail="disabled in the centers file", next_command=None)
    if waiting is not None:
        return replace(found, detail=waiting.message, next_command=waiting.hint)
    unapproved = problem()
    if unapproved is not None:
        return replace(
            found,
            state="unreviewed",
            detail=unapproved.message.removeprefix(f"{center_id}: "),
            next_command=unapproved.hint,
        )
    if status is not None:
        return replace(
            found, detail=_last_word(status), next_command=_after(status, known, produce)
        )
    detail = "nobody has captured it yet" if checkpoint is None else "no producer runs for it"
    return replace(found, detail=detail, next_command=produce)


def _after(status: CenterStatus, known: Known, produce: str) -> str:
    """Give what comes before a producer would only end as the last one did, and then it."""
    hint = status.next_command
    if hint is None:
        return produce
    if status.state == "drift":
        return f"{hint}, then {produce}"
    if status.state == "needs-confirmation" and not is_confirmed(known.command):
        return hint
    return produce


def _last_word(status: CenterStatus) -> str:
    at = _iso(status.heartbeat_at.replace(microsecond=0))
    if status.state == "stopped":
        return f"{status.detail or 'stopped'} (at {at})"
    detail = f": {status.detail}" if status.detail else ""
    return f"no word from its producer since {at}, when it was {status.state}{detail}"


def _iso(at: datetime) -> str:
    return at.isoformat().replace("+00:00", "Z")
