"""One center's capture: poll, read, publish, and start over from what Kafka says."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from contextlib import ExitStack, closing
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final

import structlog

from producers import approval
from producers.capture import commands, position, reading, repairs, resync, snapshot
from producers.capture.checkpoint import Ground
from producers.capture.errors import Fenced, Leaving, NeedsConfirmation, NotTracked
from producers.capture.events import Events
from producers.capture.feed import Contract, Feed
from producers.capture.position import Changes, Continue, Idle, Initial, Resync, Untracked
from producers.capture.readback import Readback
from producers.capture.source import Source
from producers.capture.status import Situation, after_commit, after_failure
from producers.errors import Denied, Drift
from producers.rows import Rules
from schemas import topics
from schemas.errors import ChartfeedError

if TYPE_CHECKING:
    import threading

    import pyodbc

    from producers.capture.clock import Clock
    from producers.capture.events import Message
    from producers.capture.tally import Tally
    from producers.mapping import Mapping
    from schemas.records import Checkpoint, Command

__all__ = ["Center", "Job"]

REFRESH_SECONDS: Final = 5.0
CONFIRMATION_SECONDS: Final = 0.5

log = structlog.get_logger("chartfeed.capture")


@dataclass(frozen=True, slots=True)
class Job:
    """What the capture of one center needs.

    `mapping` is asked again and again, so it is cheap, and it gives the same object for as long as
    the approval stands as it is; a connection is asked for at each start.
    """

    center_id: str
    mapping: Callable[[], Mapping]
    connect: Callable[[], pyodbc.Connection]
    contract: Contract
    instance_id: str
    poll_interval: float
    guard: float
    update: Callable[[Callable[[Situation], Situation]], None]
    tally: Tally
    command: Callable[[], Command | None] = lambda: None


class Center:
    """Captures one center until it is told to stop, or something makes it start over."""

    def __init__(self, job: Job, stop: threading.Event) -> None:
        self._job = job
        self._stop = stop
        self._mapping: Mapping | None = None
        self._has_led = False
        self._trials = resync.Trials(job.center_id)

    def has_news(self) -> bool:
        """Tell whether the mapping or its approval is another one than in the last run."""
        try:
            return self._job.mapping() is not self._mapping
        except ChartfeedError:
            return self._mapping is not None

    def run(self, *, once: bool = False) -> None:
        """Capture until told to stop; with `once`, up to where the source stands now.

        Raises what ends it. After any of it, running again goes on from the last commit.
        """
        self._mapping = None
        self._mapping = mapping = self._job.mapping()
        mapping.require_approval()
        with closing(self._job.connect()) as connection:
            try:
                self._run(mapping, connection, once=once)
            except Denied as error:
                if repairs.lacks_a_right(error):
                    error.hint = repairs.rights(mapping, repairs.login_of(connection))
                raise

    def _run(self, mapping: Mapping, connection: pyodbc.Connection, *, once: bool) -> None:
        try:
            # Invariant 1: nothing is read without an approved mapping that fits the schema.
            approval.require_fit(connection, mapping)
        except Drift:
            self._tell_what_is_left(Source(connection, mapping))
            raise
        with closing(_Run(self._job, mapping, connection, self._stop, self._trials)) as run:
            try:
                run.capture(once=once, again=self._has_led)
            except (Leaving, _Moved):
                return
            except Drift:
                # The difference says more than the name that the statement stumbled on.
                approval.require_fit(connection, mapping)
                raise
            finally:
                self._has_led = self._has_led or run.leads

    def _tell_what_is_left(self, source: Source) -> None:
        """Tell where the center stands and until when, though nothing is read of it now."""
        contract = self._job.contract
        partition = topics.partition_of_center(self._job.center_id, contract.partitions)
        key = self._job.center_id.encode()
        value = Readback(contract.kafka, partition).last(topics.CHECKPOINTS, key)
        retention = source.retention()
        self._job.update(lambda found: replace(found, retention=retention))
        if value is not None:
            checkpoint = contract.checkpoints.decode(value)
            self._job.update(
                lambda found: replace(after_commit(found, checkpoint, 0), state=found.state)
            )


class _Moved(Exception):
    """The approval is another one than the run began with."""


class _Run:
    """From one connection to its end."""

    def __init__(
        self,
        job: Job,
        mapping: Mapping,
        connection: pyodbc.Connection,
        stop: threading.Event,
        trials: resync.Trials,
    ) -> None:
        self._job = job
        self._stop = stop
        self._trials = trials
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
        self._log = log.bind(center=job.center_id)

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
        """Raise what the files say against the mapping now, or _Moved if it is another one."""
        if self._job.mapping() is not self._mapping:
            raise _Moved

    def _has_reached(self, version: int) -> bool:
        checkpoint = self._feed.checkpoint
        return checkpoint is not None and self._feed.is_ours and checkpoint.version >= version

    def _step(self, *, once: bool) -> bool:
        """Do what comes next and tell whether there may be more to do at once."""
        clock = self._source.clock()
        self._job.update(lambda found: replace(found, source_version=clock.version))
        asked = self._asked()
        match self._next(clock):
            case Idle() | Changes() if asked is not None:
                self._resync(f"asked for by {asked.requested_by}", None, clock, once=once)
            case Idle():
                # A checkpoint now and then: an idle center's position must not expire.
                if time.monotonic() - self._feed.committed_at >= REFRESH_SECONDS:
                    self._feed.commit([], self._feed.at(clock))
                return False
            case Changes(since):
                self._changes(since)
            case Initial() if self._has_events():
                why = "its checkpoint is gone, but events of it are in the topics"
                self._resync(why, None, clock, once=once)
            case Initial():
                self._log.info("reading all rows", reason="initial")
                progress = snapshot.begin(self._source, self._feed, "initial", clock)
                snapshot.read(self._source, self._feed, self._events, progress)
            case Continue(progress):
                self._log.info("reading all rows goes on", reason=progress.reason)
                resyncing = progress.reason == "resync"
                gone = self._compare() if resyncing else None
                done = self._done(asked, clock) if resyncing else ()
                snapshot.read(self._source, self._feed, self._events, progress, gone, done=done)
            case Resync(why, table):
                self._resync(why, table, clock, once=once)
            case Untracked(tables):
                raise self._untracked(tables)
        return True

    def _next(self, clock: Clock) -> position.Step:
        ground = self._ground
        return position.next_step(
            self._feed.checkpoint, clock, ground.database_identity, ground.mapping_fingerprint
        )

    def _changes(self, since: int) -> None:
        with ExitStack() as stack:
            with self._source.snapshot():
                clock = self._source.clock()
                if self._next(clock) != Changes(since):
                    return  # It moved since the poll; the next one sees it whole.
                found = stack.enter_context(reading.changes(self._source, since, clock))
            # Invariant 3: the position moves to the version that this read covered, no further.
            self._feed.publish(
                (
                    message
                    for table, change in found
                    for message in self._events.of_change(table, change, clock.captured_at)
                ),
                lambda: self._feed.at(clock),
            )

    def _resync(self, why: str, table: str | None, clock: Clock, *, once: bool) -> None:
        self._trials.tell(why, table)
        gone = self._compare()
        beyond = gone.beyond(self._job.guard)
        if beyond is not None and not self._is_confirmed(why, beyond, once=once):
            return
        # The command stands until the end, so that being killed on the way takes nothing away.
        done = self._done(self._asked(), clock)
        progress = snapshot.begin(self._source, self._feed, "resync", clock)
        self._trials.begun()
        snapshot.read(self._source, self._feed, self._events, progress, gone, done=done)

    def _is_confirmed(self, why: str, beyond: str, *, once: bool) -> bool:
        """Tell whether a person has confirmed already; otherwise wait until one does.

        After the wait the source is another one: what is gone must be looked at again.
        """
        center = self._job.center_id
        asking = NeedsConfirmation(
            f"{center}: {why}; a resync would delete {beyond}",
            hint=f"chartfeed resync {center} --confirm",
            center=center,
        )
        if commands.is_confirmed(self._job.command()):
            return True
        if once:
            raise asking
        self._log.error("waiting for confirmation", detail=str(asking))
        self._job.update(lambda found: after_failure(found, asking))
        was_asked = self._asked()
        while self._asked() == was_asked:
            if self._stop.wait(CONFIRMATION_SECONDS):
                raise Leaving
            self._require_approval()
        return False

    def _asked(self) -> Command | None:
        """Give the resync that an operator asks for, None where nobody does."""
        command = self._job.command()
        return command if command is not None and command.action == "resync" else None

    def _done(self, asked: Command | None, clock: Clock) -> tuple[Message, ...]:
        return () if asked is None else (commands.done(asked, clock.version or 0),)

    def _compare(self) -> resync.Gone:
        return resync.compare(
            self._source, self._feed.readback, self._events, self._rules, self._feed.withdrawn
        )

    def _has_events(self) -> bool:
        census = self._job.contract.census
        return resync.has_events(census, self._feed.readback, self._job.center_id)

    def _untracked(self, tables: tuple[str, ...]) -> NotTracked:
        mapping = self._mapping
        return NotTracked(
            f"{mapping.center}: changes are not tracked, or may not be seen:"
            f" {', '.join(tables) or 'the whole database'}",
            hint=repairs.tracking(mapping, tables, repairs.login_of(self._connection)),
            center=mapping.center,
        )
