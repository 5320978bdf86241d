"""One run of a center: poll, read and publish, from one connection to its end."""

from __future__ import annotations

import time
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import replace
from typing import TYPE_CHECKING, Final

import structlog

from producers.capture import gone, position, reading, repairs, snapshot, tracing
from producers.capture.checkpoint import Ground
from producers.capture.errors import Fenced, NotTracked
from producers.capture.events import Events
from producers.capture.feed import Feed
from producers.capture.position import Changes, Continue, Idle, Initial, Untracked
from producers.capture.resync import Resync
from producers.capture.source import Source
from producers.capture.status import after_commit
from producers.rows import Rules

if TYPE_CHECKING:
    import threading

    import pyodbc

    from producers.capture.clock import Clock
    from producers.capture.events import Message
    from producers.capture.job import Job
    from producers.capture.resync import Trials
    from producers.mapping import Mapping
    from schemas.records import Checkpoint

__all__ = ["Moved", "Run", "refresh_after"]

# How old the checkpoint of an idle center may get. Where nothing has happened for long, as at
# night, few are enough: each is a record that is kept for a week.
REFRESH_SECONDS: Final = 5.0
QUIET_AFTER_SECONDS: Final = 600.0
QUIET_REFRESH_SECONDS: Final = 20.0

log = structlog.get_logger("chartfeed.capture")


class Moved(Exception):
    """The approval is another one than the run began with."""


def refresh_after(idle_seconds: float) -> float:
    """Give how old the checkpoint of a center that is idle for so long may get, in seconds."""
    return REFRESH_SECONDS if idle_seconds < QUIET_AFTER_SECONDS else QUIET_REFRESH_SECONDS


class Run:
    """From one connection to its end."""

    def __init__(
        self,
        job: Job,
        mapping: Mapping,
        connection: pyodbc.Connection,
        stop: threading.Event,
        trials: Trials,
    ) -> None:
        self._job = job
        self._stop = stop
        self._mapping = mapping
        self._source = Source(connection, mapping)
        self._connection = connection
        self._rules = Rules.of(mapping)
        self._events = Events(self._rules, job.contract.encoders)
        self._ground = Ground(
            center_id=job.center_id,
            database_identity=self._source.identity(),
            mapping_fingerprint=mapping.current_fingerprint(),
            instance_id=job.instance_id,
        )
        retention = self._source.retention()
        job.update(lambda found: replace(found, retention=retention))
        self._feed = Feed(job.contract, self._ground, stop, self._committed)
        self._resync = Resync(
            job=job,
            source=self._source,
            feed=self._feed,
            events=self._events,
            rules=self._rules,
            trials=trials,
            stop=stop,
            require_approval=self._require_approval,
        )
        self._log = log.bind(center=job.center_id)
        self._worked_at = time.monotonic()

    def close(self) -> None:
        self._feed.close()

    def _committed(
        self, before: Checkpoint | None, now: Checkpoint, messages: Sequence[Message]
    ) -> None:
        self._job.tally.committed(before, now, messages)
        self._job.update(lambda found: after_commit(found, now, len(messages)))
        # A long read ends here; what was approved when it was read may still be published.
        self._require_approval()

    @property
    def leads(self) -> bool:
        return self._feed.leads

    @property
    def last_commit(self) -> float:
        return self._feed.committed_at

    def capture(self, *, once: bool, again: bool) -> None:
        """Capture from where Kafka says; `again` if this instance has held the center before."""
        try:
            self._feed.open()
            if again:
                # We slept, or were cut off, and another has moved on: it must not be fought.
                self._feed.refuse_anothers()
            until = (self._source.clock().version or 0) if once else None
            while not self._stop.is_set():
                self._require_approval()
                began = time.monotonic()
                worked = self._step(once=once)
                if worked:
                    self._worked_at = time.monotonic()
                if until is not None and self._has_reached(until):
                    return
                if not worked:
                    # Poll at a rate, but leave a source in peace that is slow to answer.
                    due = self._job.poll_interval - (time.monotonic() - began)
                    self._stop.wait(max(due, self._job.poll_interval / 4))
        except Fenced:
            self._feed.leave_it_to_another()
            raise

    def _require_approval(self) -> None:
        """Raise what the files say against the mapping now, or Moved if it is another one."""
        if self._job.mapping() is not self._mapping:
            raise Moved

    def _has_reached(self, version: int) -> bool:
        checkpoint = self._feed.checkpoint
        return checkpoint is not None and self._feed.is_ours and checkpoint.version >= version

    def _step(self, *, once: bool) -> bool:
        """Do what comes next and tell whether there may be more to do at once."""
        clock = self._source.clock()
        self._job.update(lambda found: replace(found, source_version=clock.version))
        asked = self._resync.asked()
        match self._next(clock):
            case Idle() | Changes() if asked is not None:
                self._resync.begin(f"asked for by {asked.requested_by}", None, clock, once=once)
            case Idle():
                # A checkpoint now and then: an idle center's position must not expire.
                now = time.monotonic()
                if now - self._feed.committed_at >= refresh_after(now - self._worked_at):
                    self._feed.commit([], self._feed.at(clock))
                return False
            case Changes(since):
                self._changes(since)
            case Initial():
                self._begin(clock, once=once)
            case Continue(progress):
                self._log.info("reading all rows goes on", reason=progress.reason)
                if progress.reason == "resync":
                    self._resync.go_on(progress, clock, once=once)
                else:
                    snapshot.read(self._source, self._feed, self._events, progress)
            case position.Resync(why, table):
                self._resync.begin(why, table, clock, once=once)
            case Untracked(tables):
                raise self._untracked(tables)
        return True

    def _begin(self, clock: Clock, *, once: bool) -> None:
        census, readback = self._job.contract.census, self._feed.readback
        if gone.has_events(census, readback, self._job.center_id):
            why = "its checkpoint is gone, but events of it are in the topics"
            self._resync.begin(why, None, clock, once=once)
            return
        self._log.info("reading all rows", reason="initial")
        progress = snapshot.begin(self._source, self._feed, "initial", clock)
        snapshot.read(self._source, self._feed, self._events, progress)

    def _next(self, clock: Clock) -> position.Step:
        ground = self._ground
        return position.next_step(
            self._feed.checkpoint, clock, ground.database_identity, ground.mapping_fingerprint
        )

    def _changes(self, since: int) -> None:
        with ExitStack() as stack:
            mark = stack.enter_context(
                tracing.polled(self._job.contract.tracer, self._job.center_id)
            )
            clock, found = stack.enter_context(reading.changes(self._source, since))
            if self._next(clock) != Changes(since):
                return  # It moved since the poll; the next one sees it whole.
            # Invariant 3: the position moves to the version that this read covered, no further.
            messages = (
                message
                for table, change in found
                for message in self._events.of_change(table, change, clock.captured_at)
            )
            self._feed.publish(
                messages if mark is None else mark(messages), lambda: self._feed.at(clock)
            )

    def _untracked(self, tables: tuple[str, ...]) -> NotTracked:
        mapping = self._mapping
        return NotTracked(
            f"{mapping.center}: changes are not tracked, or may not be seen:"
            f" {', '.join(tables) or 'the whole database'}",
            hint=repairs.tracking(mapping, tables, repairs.login_of(self._connection)),
            center=mapping.center,
        )
