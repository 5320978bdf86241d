"""What is told of each center: its state in words, to the center-status topic.

Every record is a heartbeat that expires; so a producer that is gone shows as gone.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Final, Self

import structlog
from confluent_kafka import Producer

from producers.capture.errors import NeedsConfirmation, NotTracked, TakenOver
from producers.capture.others import AT_WORK
from producers.capture.publisher import LOG, SETTINGS, Options
from producers.errors import Denied, Drift, MappingDamaged, Unapproved
from schemas import topics
from schemas.errors import BadInput, ChartfeedError, RetryLater
from schemas.records import CenterStatus

if TYPE_CHECKING:
    from producers.capture.others import Others
    from schemas.records import Checkpoint, SnapshotProgress

__all__ = [
    "EXPIRY",
    "NEEDING_SOMEBODY",
    "Board",
    "Situation",
    "after_commit",
    "after_failure",
    "state_of",
    "told_before",
]

HEARTBEAT_SECONDS: Final = 5.0
EXPIRY: Final = timedelta(seconds=20)
CLOSING_SECONDS: Final = 1.0
# What ended a center, first match wins; anything else has stopped it.
WORDS: Final[tuple[tuple[tuple[type[ChartfeedError], ...], str], ...]] = (
    ((RetryLater,), "retrying"),
    ((Drift,), "drift"),
    ((Unapproved, MappingDamaged), "unreviewed"),
    ((TakenOver,), "fenced"),
    ((NeedsConfirmation,), "needs-confirmation"),
    ((Denied, NotTracked, BadInput), "denied"),
)

# The states that don't pass without a person.
NEEDING_SOMEBODY: Final = frozenset(
    {"unreviewed", "drift", "needs-confirmation", "fenced", "denied", "stopped"}
)

log = structlog.get_logger("chartfeed.capture")


@dataclass(frozen=True, slots=True)
class Situation:
    """What is known of a center now; `position_at` is its checkpoint's time at the source."""

    state: str = "starting"
    detail: str | None = None
    next_command: str | None = None
    version: int | None = None
    source_version: int | None = None
    position_at: datetime | None = None
    last_event_at: datetime | None = None
    events_total: int = 0
    dead_letters: int = 0
    snapshot: SnapshotProgress | None = None
    retention: timedelta | None = None
    restarts: int = 0

    def record(self, center_id: str, instance_id: str, now: datetime) -> CenterStatus:
        """Give what the topic says at a moment."""
        age = None if self.position_at is None else now - self.position_at
        behind = self.version != self.source_version or self.snapshot is not None
        headroom = None if age is None or self.retention is None else self.retention - age
        return CenterStatus(
            center_id=center_id,
            state=self.state,
            detail=self.detail,
            next_command=self.next_command,
            instance_id=instance_id,
            version=self.version,
            source_version=self.source_version,
            lag_seconds=None if age is None else max(0.0, age.total_seconds()) * behind,
            last_event_at=self.last_event_at,
            events_total=self.events_total,
            dead_letters=self.dead_letters,
            snapshot=self.snapshot,
            retention_headroom_seconds=(
                None if headroom is None else max(0, int(headroom.total_seconds()))
            ),
            restarts=self.restarts,
            heartbeat_at=now,
            expires_at=now + EXPIRY,
        )


def after_commit(found: Situation, checkpoint: Checkpoint, events: int) -> Situation:
    """Give the situation when a transaction with that many events has committed."""
    progress = checkpoint.snapshot
    state = "streaming"
    if progress is not None:
        state = "snapshot" if progress.reason == "initial" else "resync"
    return replace(
        found,
        state=state,
        detail=None,
        next_command=None,
        version=checkpoint.version,
        source_version=max(checkpoint.version, found.source_version or 0),
        position_at=checkpoint.captured_at,
        last_event_at=datetime.now(UTC) if events else found.last_event_at,
        events_total=found.events_total + events,
        dead_letters=checkpoint.dead_letters,
        snapshot=progress,
    )


def after_failure(found: Situation, error: ChartfeedError) -> Situation:
    """Give the situation when a center ended with an error."""
    return replace(
        found,
        state=state_of(error),
        detail=error.message,
        next_command=error.hint,
        restarts=found.restarts + isinstance(error, RetryLater),
    )


def state_of(error: ChartfeedError) -> str:
    """Give the word that `chartfeed status` has for what ended a center."""
    return next((word for types, word in WORDS if isinstance(error, types)), "stopped")


def told_before(status: CenterStatus | None, checkpoint: Checkpoint | None) -> Situation:
    """Give what is known of a center before it runs: where it stands, and until when.

    How long the source keeps changes follows from the headroom that was told.
    """
    found = Situation()
    if status is not None:
        found = replace(found, last_event_at=status.last_event_at)
    if checkpoint is None:
        return found
    found = replace(
        found,
        version=checkpoint.version,
        position_at=checkpoint.captured_at,
        dead_letters=checkpoint.dead_letters,
        snapshot=checkpoint.snapshot,
    )
    if status is None or not status.retention_headroom_seconds or status.version is None:
        return found
    # The status may be of an older position than the checkpoint, so this is at least that long.
    told = timedelta(seconds=status.retention_headroom_seconds)
    age = max(timedelta(), status.heartbeat_at - checkpoint.captured_at)
    return replace(found, retention=told + age)


class Board:
    """Holds every center's situation and tells them to Kafka, at once when a state changes."""

    def __init__(
        self,
        options: Options,
        partitions: int,
        encode: Callable[[CenterStatus], bytes],
        instance_id: str,
        others: Others,
    ) -> None:
        """Tell nothing yet; a center that one of the `others` captures is told of by that one."""
        self._others = others
        self._situations: dict[str, Situation] = {}
        self._ending: dict[str, Situation] = {}
        self._news: set[str] = set()
        self._partitions = partitions
        self._encode = encode
        self._instance = instance_id
        self._options = {**SETTINGS, **options, "enable.idempotence": True}
        self._lock = threading.Lock()
        self._changed = threading.Event()
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._tell, name="status", daemon=True)

    def update(self, center_id: str, change: Callable[[Situation], Situation]) -> None:
        """Take in what is new of a center; a state's change is told at once."""
        with self._lock:
            before = self._situations.get(center_id)
            if before is None:
                return  # It has left; what it did last no longer matters.
            now = self._situations[center_id] = change(before)
            if (now.state, now.detail) != (before.state, before.detail):
                self._news.add(center_id)
                self._changed.set()
        # What went wrong is logged by the supervisor.
        if now.state != before.state and now.detail is None:
            log.info("state", center=center_id, state=now.state)

    def join(self, center_id: str, known: Situation) -> None:
        """Tell of one more center from now on."""
        with self._lock:
            self._situations.setdefault(center_id, known)
            self._news.add(center_id)
        self._changed.set()

    def leave(self, center_id: str, why: str) -> None:
        """Tell of a center for the last time: that it is stopped, and why."""
        with self._lock:
            found = self._situations.pop(center_id, None)
            if found is not None:
                self._ending[center_id] = replace(
                    found, state="stopped", detail=why, next_command=None
                )
        log.info("state", center=center_id, state="stopped", detail=why)
        self._changed.set()

    def situations(self) -> dict[str, Situation]:
        """Give what is known of every center now."""
        with self._lock:
            return dict(self._situations)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        """Tell of every center that runs no more, and end."""
        with self._lock:
            for center, found in self._situations.items():
                if found.state in {"starting", "snapshot", "streaming", "resync", "retrying"}:
                    self._situations[center] = replace(
                        found,
                        state="stopped",
                        detail="the producer was stopped",
                        next_command=f"chartfeed produce --center {center}",
                    )
        self._ended.set()
        self._changed.set()
        self._thread.join(2 * CLOSING_SECONDS)

    def _tell(self) -> None:
        with self._others:
            self._tell_all()

    def _tell_all(self) -> None:
        producer = Producer(self._options, logger=LOG)
        beats_at = time.monotonic()
        while True:
            self._changed.wait(max(0.0, beats_at - time.monotonic()))
            self._changed.clear()
            ending = self._ended.is_set()
            with self._lock:
                if ending or time.monotonic() >= beats_at:
                    beats_at = time.monotonic() + HEARTBEAT_SECONDS
                    self._news = set(self._situations)
                told = self._ending | {
                    center: self._situations[center]
                    for center in self._news
                    if center in self._situations
                }
                self._ending, self._news = {}, set()
            now = datetime.now(UTC)
            idle = {center for center, found in told.items() if found.state not in AT_WORK}
            self._others.leave_to_us(told.keys() - idle)
            if not ending:  # There is no time for it in the end.
                self._others.look(idle, now)
            for center, found in told.items():
                # A center that another instance has taken over is that instance's to tell of.
                if found.state != "fenced" and not (
                    center in idle and self._others.speak_for(center)
                ):
                    producer.produce(
                        topics.CENTER_STATUS.name,
                        key=center.encode(),
                        value=self._encode(found.record(center, self._instance, now)),
                        partition=topics.partition_of_center(center, self._partitions),
                    )
            producer.poll(0)
            if ending:
                producer.flush(CLOSING_SECONDS)
                return
