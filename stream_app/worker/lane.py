"""A source partition at work: its join and its sender, in one thread.

Taking, sending and noting that it was sent follow each other, so a transaction is never open
while the join computes. What arrives meanwhile waits in the inbox.
"""

from __future__ import annotations

import sqlite3
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import Future
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Final

import structlog

from schemas.errors import RetryLater
from stream_app.batches import Batch
from stream_app.join import TOPICS, Contract, Partition, Taken
from stream_app.states import put_aside
from stream_app.tracing import Join
from stream_app.worker.errors import KafkaDown, LetGo, StateDamaged, StateStuck
from stream_app.worker.inbox import Inbox
from stream_app.worker.output import Output
from stream_app.worker.turn import Turn

if TYPE_CHECKING:
    from schemas.tracing import Tracer
    from stream_app.transport.fetched import Fetched
    from stream_app.worker.counts import Counts
    from stream_app.worker.published import Published
    from stream_app.worker.sender import Sender

__all__ = ["Bounds", "Lane", "Shared"]

Bounds = Mapping[str, tuple[int, int]]
"""By topic, its first offset and the end of what is committed."""

IDLE_SECONDS: Final = 60.0
RETRY_SECONDS: Final = 1.0
TOLD_EVERY: Final = 5.0
# Counting reads all insurers, of which a center may have 30,000.
COUNTED_EVERY: Final = 300.0

log = structlog.get_logger("chartfeed.stream")


@dataclass(frozen=True, slots=True)
class Shared:
    """What all lanes of a process have in common."""

    published: Published
    """What unified-entries holds, for those that rebuild."""
    still_member: Callable[[], bool]
    """Asks the group whether this worker still has its partitions."""
    held: Callable[[], None]
    """Is told that a lane wants other topics held back than before."""
    failed: Callable[[BaseException], None]
    records: int
    """How many may wait in a lane, and are taken at once; memory follows from it."""
    tracer: Tracer | None = None
    cpu: Turn = field(default_factory=Turn)
    """Who has it computes; what the contract waits for is waited for outside of it."""


class Lane:
    """Works on one source partition from `start` until `stop`."""

    def __init__(
        self,
        path: Path,
        contract: Contract,
        sender: Sender,
        shared: Shared,
        bounds: Bounds,
        *,
        counts: Counts,
    ) -> None:
        self.number = contract.partition
        self.offsets: Mapping[str, int] = {}
        """Where the state is, by topic."""
        self.held: frozenset[str] = frozenset()
        """Topics that had better not be fetched for now."""
        self.ready: Future[Mapping[str, int]] = Future()
        """The offsets to read on from, once the state is open."""
        self.counts = counts
        self.inbox = Inbox(shared.records)
        self._path = path
        self._contract = contract
        self._shared = shared
        self._traces = None if shared.tracer is None else Join(shared.tracer, self.number)
        self._output = Output(
            self.number, sender, self.inbox, counts, shared.still_member, traces=self._traces
        )
        self._bounds = bounds
        self._ahead: frozenset[str] = frozenset()
        self._holding = threading.Lock()
        self._told_at = time.monotonic()
        self._counted_at = float("-inf")
        self._thread = threading.Thread(target=self._run, name=f"join-{self.number}", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        """Have it end after the step that it is at."""
        self.inbox.close()

    def join(self, seconds: float | None = None) -> bool:
        """Wait for the end; tell whether it came."""
        self._thread.join(seconds)
        return not self._thread.is_alive()

    def put(self, batch: Fetched) -> None:
        self.inbox.put(batch)
        self._hold()

    def _hold(self) -> None:
        """Say which topics are to be held back: all where much waits, else those ahead."""
        with self._holding:
            wanted = frozenset(TOPICS) if self.inbox.full else self._ahead
            if wanted == self.held:
                return
            self.held = wanted
        self._shared.held()

    def _run(self) -> None:
        try:
            with _explained(self._path):
                self._work()
        except BaseException as error:  # noqa: BLE001 - any error ends the process, by its owner
            if not self.ready.done():
                self.ready.set_exception(error)
            self._shared.failed(error)
        finally:
            self._shared.published.forget(self.number)
            self._output.close()

    def _work(self) -> None:
        ours = self._output.open()
        if self.inbox.closed:
            self.ready.set_exception(LetGo(f"partition {self.number} was let go"))
            return
        partition = self._open_partition()
        try:
            if partition.rebuilding is not None or not ours:
                partition.begin_rebuild({topic: end for topic, (_, end) in self._bounds.items()})
                self.counts.rebuilding = True
                log.info("rebuilding", partition=self.number, why=partition.rebuilding)
            else:
                self._shared.published.forget(self.number)
            self._keep_offsets(partition)
            self.ready.set_result(self.offsets)
            self._take(partition, [])
            while not self.inbox.closed:
                if partition.rebuilding is not None and partition.read_to_ends:
                    self._finish_rebuild(partition)
                self._output.send(partition)
                self._count_kinds(partition)
                if batches := self.inbox.take(IDLE_SECONDS):
                    self._take(partition, batches)
        finally:
            partition.close()

    def _open_partition(self) -> Partition:
        partition = Partition.open(self._path, self._contract)
        for topic, offset in partition.offsets().items():
            first, end = self._bounds[topic]
            if not first <= offset <= end:
                # The topic was cut off or lost its end: what the state says can't be trusted.
                log.warning(
                    "state put aside", partition=self.number, topic=topic, offset=offset, end=end
                )
                partition.close()
                put_aside(self._path)
                return Partition.open(self._path, self._contract)
        return partition

    def _take(self, partition: Partition, fetched: list[Fetched]) -> None:
        """Take batches in; where the registry can't be asked, wait for it."""
        batches = [
            Batch(batch.topic, batch.partition, batch.records, batch.position) for batch in fetched
        ]
        if self._traces is not None:
            self._traces.read(batches)
        told = False
        while not self.inbox.closed:
            began = time.time_ns()
            try:
                with self._shared.cpu:
                    taken = partition.take(batches)
            except RetryLater as error:
                if not told:
                    log.warning("waiting", partition=self.number, why=error.message)
                    told = True
                self.inbox.wait_closed(RETRY_SECONDS)
            else:
                if self._traces is not None:
                    self._traces.took(taken.checkpoints, began)
                self._count(partition, taken)
                return

    def _count(self, partition: Partition, taken: Taken) -> None:
        counts = self.counts
        counts.events += taken.events
        counts.checkpoints += taken.checkpoints
        counts.dead_letters += taken.dead_letters
        counts.waiting = taken.waiting
        counts.unsent += taken.rows
        self._keep_offsets(partition)
        self._ahead = taken.ahead
        self._hold()
        if counts.rebuilding:
            self._show_progress()

    def _keep_offsets(self, partition: Partition) -> None:
        known = partition.offsets()
        self.offsets = {topic: known.get(topic, self._bounds[topic][0]) for topic in TOPICS}

    def _show_progress(self) -> None:
        total = sum(end - first for first, end in self._bounds.values())
        done = sum(
            min(self.offsets[topic], end) - first for topic, (first, end) in self._bounds.items()
        )
        self.counts.rebuilt_share = share = done / total if total else 1.0
        if time.monotonic() - self._told_at > TOLD_EVERY:
            self._told_at = time.monotonic()
            log.info("rebuilding", partition=self.number, percent=round(100 * share, 1))

    def _finish_rebuild(self, partition: Partition) -> None:
        while not self.inbox.closed:
            try:
                spool = self._shared.published.ask(self.number, lambda: self.inbox.closed)
            except KafkaDown as error:
                log.warning("can't read what is published", why=error.message)
                self.inbox.wait_closed(RETRY_SECONDS)
                continue
            if spool is None:
                return
            published = spool.records(
                self._contract.schema_of, self._shared.cpu.outside(self.inbox.wait_closed)
            )
            try:
                with self._shared.cpu:
                    rows = partition.finish_rebuild(published, spool.ends)
            except LetGo:
                return
            self._shared.published.forget(self.number)
            self.counts.rebuilding = False
            self.counts.rebuilt_share = 1.0
            self.counts.unsent = rows
            log.info("rebuilt", partition=self.number, differences=rows)
            return

    def _count_kinds(self, partition: Partition) -> None:
        """Count now and then, and tell of a kind when it is met first."""
        now = time.monotonic()
        if partition.rebuilding is not None or now - self._counted_at < COUNTED_EVERY:
            return
        self._counted_at = now
        found = partition.unknown_kinds()
        new = found.keys() - self.counts.unknown_kinds.keys()
        strange = self._contract.statuses.strange(kind for _, kind in new)
        for center, kind in sorted(at for at in new if at[1] in strange):
            log.warning(
                "a kind of insurer that insurance_status does not name",
                center=center,
                kind=kind,
                insurers=found[center, kind],
            )
        self.counts.unknown_kinds = dict(found)


@contextmanager
def _explained(path: Path) -> Iterator[None]:
    """Say what is wrong with a state, and put one aside that is no use any more."""
    try:
        yield
    except sqlite3.DatabaseError as error:
        if isinstance(error, sqlite3.OperationalError):
            raise StateStuck(
                f"the state {path} can't be used: {error}",
                hint=f"make room on the disk of {path.parent}, and let this user write there",
            ) from error
        if type(error) is not sqlite3.DatabaseError:
            raise
        put_aside(path)
        raise StateDamaged(
            f"the state {path} is damaged: {error}",
            hint="start again: it is made anew from the topics",
        ) from error
