"""Unified rows on their way to the daily files: the thread that feeds the sink."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import Future
from dataclasses import dataclass
from typing import Final, Protocol

import structlog

from schemas import topics
from schemas.errors import RetryLater
from stream_app.batches import Batch
from stream_app.sink.errors import StateFailed
from stream_app.sink.rows import Unusable
from stream_app.sink.sink import Taken
from stream_app.states import put_aside
from stream_app.tracing import Files
from stream_app.transport.fetched import Fetched
from stream_app.worker.errors import KafkaDown
from stream_app.worker.folder import Folder
from stream_app.worker.inbox import Inbox
from stream_app.worker.turn import Turn

__all__ = ["Counts", "Filing", "Sink"]

RECORDS_AT_ONCE: Final = 20_000
IDLE_SECONDS: Final = 60.0
# Less than the time that a worker gives itself to stop.
FLUSH_SECONDS: Final = 1.5
RETRY_SECONDS: Final = 1.0
# Dead letters that Kafka does not take are tried again after so long: rows go on meanwhile.
BURY_SECONDS: Final = 30.0

Stopped = Callable[[], bool]

log = structlog.get_logger("chartfeed.stream")


class Sink(Protocol):
    """What keeps days: the sink, or whatever else wants the unified rows."""

    def assign(self, partition: int, end: int) -> int | None: ...
    def behind(self, backlog: int) -> None: ...
    def take(self, batches: Iterable[Batch], backlog: int = 0) -> Taken: ...
    def unburied(self) -> Sequence[Unusable]: ...
    def buried(self, letters: Iterable[Unusable]) -> None: ...
    def flush(self, seconds: float) -> None: ...
    def revoke(self, partition: int) -> None: ...


@dataclass(slots=True)
class Counts:
    rows: int = 0
    unusable: int = 0


class Filing:
    """One assignment's unified partitions, from `start` until `stop`."""

    def __init__(
        self,
        sink: Sink,
        folder: Folder,
        backlog: Callable[[], int],
        bury: Callable[[Sequence[Unusable], Stopped], None],
        *,
        held: Callable[[], None],
        failed: Callable[[BaseException], None],
        cpu: Turn,
        counts: Counts,
        traces: Files | None = None,
    ) -> None:
        self.offsets: dict[int, int] = {}
        """Where the state is, by partition."""
        self.ready: Future[Mapping[int, int]] = Future()
        """Where each partition is to be read on, once the state is open."""
        self.held = False
        self._holding = threading.Lock()
        self.inbox = Inbox(RECORDS_AT_ONCE)
        self._sink = sink
        self._folder = folder
        self._backlog = backlog
        self._bury = bury
        self._tell = held
        self._failed = failed
        self._cpu = cpu
        self._counts = counts
        self._traces = traces
        self._bounds: Mapping[int, tuple[int, int]] = {}
        self._bury_at = float("-inf")
        self._flush = False
        self._thread = threading.Thread(target=self._run, name="filing", daemon=True)

    def start(self, bounds: Mapping[int, tuple[int, int]]) -> None:
        """Open the state of these partitions, with where each begins and ends, and go on."""
        self._bounds = bounds
        self._thread.start()

    def stop(self, *, flush: bool = False) -> None:
        """Have it end after the step that it is at, with `flush` when days are written."""
        self._flush = flush
        self.inbox.close()

    def join(self) -> None:
        """Wait for the end, when the partitions are given away."""
        self._thread.join()

    def put(self, batch: Fetched) -> None:
        self.inbox.put(batch)
        self._hold()

    def _hold(self) -> None:
        with self._holding:
            if self.inbox.full == self.held:
                return
            self.held = not self.held
        self._tell()

    def _run(self) -> None:
        try:
            self._work()
        except BaseException as error:  # noqa: BLE001 - any error ends the process, by its owner
            if not self.ready.done():
                self.ready.set_exception(error)
            self._failed(error)

    def _work(self) -> None:
        try:
            for partition, bounds in self._bounds.items():
                self.offsets[partition] = self._assign(partition, *bounds)
            self.ready.set_result(dict(self.offsets))
            while not self.inbox.closed:
                self._bury_all()
                if fetched := self.inbox.take(IDLE_SECONDS):
                    self._hold()
                    self._take(fetched)
            if self._flush:
                self._sink.flush(FLUSH_SECONDS)
        finally:
            for partition in self.offsets:
                self._sink.revoke(partition)

    def _assign(self, partition: int, first: int, end: int) -> int:
        """Open a partition's state, anew where the topic was cut off or lost its end."""
        found = self._sink.assign(partition, end)
        if found is None or first <= found <= end:
            return first if found is None else found
        log.warning("days put aside", partition=partition, offset=found, first=first, end=end)
        self._sink.revoke(partition)
        put_aside(self._folder.days(partition))
        found = self._sink.assign(partition, end)
        return first if found is None else found

    def _take(self, fetched: list[Fetched]) -> None:
        batches = [
            Batch(topics.UNIFIED_ENTRIES.name, one.partition, one.records, one.position)
            for one in fetched
        ]
        if self._traces is not None:
            self._traces.read(fetched)
        told = False
        while not self.inbox.closed:
            try:
                with self._cpu:
                    taken = self._sink.take(batches, self._backlog())
            except (RetryLater, StateFailed) as error:
                if not told:
                    log.warning("files wait", why=error.message)
                    told = True
                self.inbox.wait_closed(RETRY_SECONDS)
                continue
            self._counts.rows += taken.rows
            self._counts.unusable += len(taken.unusable)
            for one in fetched:
                self.offsets[one.partition] = one.position
            return

    def _bury_all(self) -> None:
        """Have the dead letters sent that are due, also those of before a restart."""
        if time.monotonic() < self._bury_at:
            return
        try:
            while not self.inbox.closed and (letters := self._sink.unburied()):
                self._bury(letters, lambda: self.inbox.closed)
                self._sink.buried(letters)
        except (KafkaDown, StateFailed) as error:
            self._bury_at = time.monotonic() + BURY_SECONDS
            log.warning("dead letters wait", why=error.message)
