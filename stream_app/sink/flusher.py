"""The thread that writes files: what changed, when it is due, and nothing else."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import TYPE_CHECKING, Final, Protocol

import structlog

from schemas import topics
from schemas.errors import ChartfeedError
from stream_app.files.day import NewerOwner
from stream_app.sink import survey
from stream_app.sink.errors import StateDamaged
from stream_app.sink.flushing import Interrupted, Writer
from stream_app.sink.pace import FAR_BEHIND, Pace, Past
from stream_app.sink.schedule import Act, Job, Schedule, Share

if TYPE_CHECKING:
    from stream_app.files.manifest import CenterLine
    from stream_app.files.targets import Seen, Target
    from stream_app.sink.completeness import Share as CenterShare

__all__ = ["Flusher", "Knowledge", "Plan"]

FIRST_BACKOFF: Final = 1.0
LONGEST_BACKOFF: Final = 30.0
ENDING: Final = 30.0
LOADING: Final = 0.1
# A backlog is told again and again; when that ends, it is over.
BELIEVED: Final = 3.0
# After an assignment it takes a moment until it is known how much waits.
SETTLING: Final = 3.0
# What shows that the output can be written to.
PROOF: Final = frozenset({Act.WRITE, Act.REFRESH, Act.CHECK})

log = structlog.get_logger("chartfeed.sink")


@dataclass(frozen=True, slots=True)
class Plan:
    """What is written, and how often."""

    formats: tuple[str, ...]
    partitions: int
    interval: float
    open_days: Callable[[datetime], Iterable[date]]
    refresh_every: float = 10.0
    audit_every: float = 30.0


class Knowledge(Protocol):
    """What is known of the centers; nothing is written before it is `loaded`."""

    @property
    def loaded(self) -> threading.Event: ...
    def lines(
        self, shares: Mapping[str, CenterShare], partition: int, position: int
    ) -> Sequence[CenterLine]: ...


class Flusher:
    """Writes the days of all partitions that a worker has, one after the other.

    A trouble with the output leaves the marks where they are: it is logged once, tried again with
    growing pauses, and when it is over all files are looked at.
    """

    def __init__(
        self,
        target: Target,
        plan: Plan,
        watcher: Knowledge,
        written: Callable[[date], None] = lambda _: None,
    ) -> None:
        """Do nothing yet; `written` hears of each day whose files have changed."""
        self._written = written
        self._target = target
        self._plan = plan
        self._watcher = watcher
        self._schedule = Schedule(Pace(plan.interval), plan.refresh_every, plan.audit_every)
        self._changed = threading.Condition()
        # Held from the choice of a job to its end.
        self._working = threading.Lock()
        self._ended = False
        self._look_at = 0.0
        self._backoff = 0.0
        self.trouble: str | None = None
        self._troubled: Act | None = None
        self.failure: BaseException | None = None
        """What ended the thread, though nobody asked it to end."""
        self.writes = 0
        self._thread = threading.Thread(target=self._run, name="flusher", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def add(self, share: Share) -> None:
        """Write a partition's days from now on; those that are marked already wait since now."""
        share.since = dict.fromkeys(share.store.dirty(), time.monotonic())
        with self._changed:
            self._schedule.shares[share.store.identity.partition] = share
            self._schedule.check_from = time.monotonic() + SETTLING
            self._look_by(0.0)

    def remove(self, partition: int) -> Share:
        """Write a partition's days no more; a write under way is broken off."""
        with self._changed:
            share = self._schedule.shares.pop(partition)
            share.closing = True
        with self._working:
            return share

    def changed(self, partition: int, days: Iterable[date], backlog: int) -> None:
        """Hear that days have changed, and how many records wait in all topics."""
        now = time.monotonic()
        with self._changed:
            self._note_backlog(backlog, now)
            share = self._schedule.shares.get(partition)
            if share is None:
                return
            behind = self._schedule.behind(now)
            for day in days:
                if day not in share.since:
                    share.since[day] = now
                    self._look_by(self._schedule.due(share, day, behind))

    def behind(self, backlog: int) -> None:
        """Hear how many records wait in all topics."""
        with self._changed:
            before = self._schedule.backlog
            self._note_backlog(backlog, time.monotonic())
            if before >= FAR_BEHIND > backlog:
                self._look_by(0.0)

    def _look_by(self, at: float) -> None:
        """Have the thread look at the schedule by then, should it mean to sleep for longer."""
        if at < self._look_at:
            self._look_at = at
            self._changed.notify_all()

    def _note_backlog(self, backlog: int, now: float) -> None:
        self._schedule.backlog = backlog
        self._schedule.backlog_until = now + BELIEVED

    def shares(self) -> dict[int, Share]:
        """Give the partitions that are written here."""
        with self._changed:
            return dict(self._schedule.shares)

    def flush(self, seconds: float) -> None:
        """Write what waits at once, as far as that takes no longer."""
        deadline = time.monotonic() + seconds
        with self._changed:
            self._schedule.backlog = 0
            self._schedule.not_before = 0.0
            while self._schedule.waiting() and self._thread.is_alive():
                left = deadline - time.monotonic()
                if self.trouble is not None or left <= 0:
                    return
                self._look_by(0.0)
                self._changed.wait(min(0.2, left))

    def close(self, *, flush: bool) -> None:
        """End the thread; with `flush` only when nothing waits, or half a minute is over."""
        if flush:
            self.flush(ENDING)
        with self._changed:
            self._ended = True
            for share in self._schedule.shares.values():
                share.closing = True
            self._changed.notify_all()
        if self._thread.is_alive():
            self._thread.join()

    def _run(self) -> None:
        try:
            while not self._ended:
                self._step()
        except BaseException as error:
            # Whoever hands in records next is told, and ends the process.
            self.failure = error
            raise

    def _step(self) -> None:
        with self._working:
            with self._changed:
                loaded = self._watcher.loaded.is_set()
                now = time.monotonic()
                chosen = self._schedule.next(now) if loaded else LOADING
                if not isinstance(chosen, Job):
                    self._look_at = now + chosen
            if isinstance(chosen, Job):
                self._attempt(chosen)
                return
        with self._changed:
            # What was heard since then has moved it.
            while not self._ended and (left := self._look_at - time.monotonic()) > 0:
                self._changed.wait(left)

    def _attempt(self, job: Job) -> None:
        try:
            self._do(job)
        except Interrupted:
            return
        except StateDamaged:
            raise  # No other try can help.
        except NewerOwner as error:
            if job.share is not None:
                job.share.lost = error.message
            log.warning("a newer owner writes", why=error.message)
        except ChartfeedError as error:
            self._backoff = min(LONGEST_BACKOFF, max(FIRST_BACKOFF, self._backoff * 2))
            self._schedule.not_before = time.monotonic() + self._backoff
            if self.trouble is None:
                log.warning("files can't be written", why=error.message, next=error.hint)
            self.trouble = str(error)
            self._troubled = job.act
        else:
            if self.trouble is not None and (job.act in PROOF or job.act is self._troubled):
                log.info("files can be written again")
                self.trouble = None
                self._backoff = 0.0
                self._schedule.audit_at = 0.0

    def _do(self, job: Job) -> None:
        match job:
            case Job(act=Act.SURVEY, share=Share() as share):
                self._survey(share)
            case Job(act=Act.WRITE, share=Share() as share, day=date() as day):
                self._write(share, day)
            case Job(act=Act.CHECK, share=Share() as share, day=date() as day):
                self._check(share, day)
            case Job(act=Act.REFRESH):
                self._refresh()
            case _:
                self._audit()

    def _survey(self, share: Share) -> None:
        partition = share.store.identity.partition
        listing, days = self._target.listing(), share.store.days()
        found = survey.survey(
            self._target,
            listing,
            days,
            partition=partition,
            partitions=self._plan.partitions,
            formats=self._plan.formats,
            now_ms=int(time.time() * 1000),
        )
        self._mark(share, found.stale)
        with self._changed:
            names = {day.day: survey.names_of(day) for day in days}
            share.unchecked = {day: names[day] for day in found.fitting}
            share.seen = _of(names.values(), listing)
            share.generation = found.generation

    def _mark(self, share: Share, days: Iterable[date]) -> None:
        stale = list(days)
        if not stale:
            return
        share.store.stale(stale)
        now = time.monotonic()
        with self._changed:
            for day in stale:
                share.since.setdefault(day, now)

    def _writer(self, share: Share) -> Writer:
        return Writer(
            target=self._target,
            formats=self._plan.formats,
            lines=self._watcher.lines,
            generation=share.generation,
            stop=lambda: share.closing,
        )

    def _write(self, share: Share, day: date) -> None:
        began = time.monotonic()
        with self._changed:
            since = share.since.pop(day)
        try:
            self._writer(share).write(share.store, share.view, day)
        except BaseException:
            with self._changed:
                share.since[day] = min(since, share.since.get(day, since))
            raise
        took = time.monotonic() - began
        self.writes += 1
        self._written(day)
        with self._changed:
            share.past[day] = Past(began, took)
            now = time.monotonic()
            pause = self._schedule.pace.pause(took, backlog=self._schedule.behind(now))
            self._schedule.not_before = now + pause
            self._changed.notify_all()

    def _refresh(self) -> None:
        """Bring the manifests of open days up to now, also of days without a row."""
        shares = self.shares()
        for day in sorted(self._plan.open_days(datetime.now(UTC)), reverse=True):
            share = shares.get(topics.partition_of_day(day, self._plan.partitions))
            if share is None or not share.ready or day in share.since:
                continue
            try:
                fitting = self._writer(share).refresh(share.store, share.view, day)
            except NewerOwner as error:
                share.lost = error.message
                log.warning("a newer owner writes", why=error.message)
                continue
            if not fitting:
                self._mark(share, [day])

    def _audit(self) -> None:
        """Find files that are gone, as may be a whole folder, and see which are others now.

        Those are read: an older owner that woke between its last check and its rename has put
        something old there, which may have the same size.
        """
        listing = self._target.listing()
        for share in self.shares().values():
            if share.ready:
                days = share.store.days()
                self._mark(share, survey.missing(listing, days))
                for day, names in survey.touched(listing, days, share.seen).items():
                    share.unchecked[day] = names | share.unchecked.get(day, frozenset())
                share.seen = _of(map(survey.names_of, days), listing)

    def _check(self, share: Share, day: date) -> None:
        """Take a day over from an older owner, and read what was not read of its files."""
        names = share.unchecked[day]
        if day not in share.since and not self._writer(share).check(
            share.store, share.view, day, names
        ):
            self._mark(share, [day])
        del share.unchecked[day]


def _of(names: Iterable[Iterable[str]], listing: Mapping[str, Seen]) -> dict[str, Seen]:
    return {name: listing[name] for some in names for name in some if name in listing}
