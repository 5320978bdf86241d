"""The owner of what is assigned to this process: a lane for each source partition, one filing."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Callable, Mapping
from concurrent.futures import Future
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import Final, TypeVar

import structlog
from faust.types import TP

from schemas import topics
from schemas.errors import Failed
from schemas.records import DeadLetter
from stream_app.join import TOPICS, Contract
from stream_app.tracing import Traces
from stream_app.transport.app import StreamApp
from stream_app.transport.fetched import Fetched
from stream_app.worker import filing
from stream_app.worker.burial import Burial
from stream_app.worker.counts import Counts
from stream_app.worker.errors import Gap, LetGo
from stream_app.worker.filing import Filing, Sink
from stream_app.worker.folder import Folder
from stream_app.worker.lane import Lane, Shared
from stream_app.worker.published import Published
from stream_app.worker.sender import Options, Sender
from stream_app.worker.turn import Turn

__all__ = ["READ", "Report", "Worker"]

UNIFIED: Final = topics.UNIFIED_ENTRIES.name
READ: Final = (*TOPICS, UNIFIED)
"""What a worker reads."""
LAG_SECONDS: Final = 0.5
# Records that wait to be taken: a kilobyte each, in all lanes together, and in one.
MOST_WAITING: Final = 60_000
MOST_IN_ONE: Final = 20_000
MEMBER_SECONDS: Final = 15.0

R = TypeVar("R")

log = structlog.get_logger("chartfeed.stream")


@dataclass(frozen=True, slots=True)
class Report:
    """What an operator wants to know of a worker; counts are since the process began."""

    lanes: Mapping[int, Counts]
    filed: filing.Counts
    lag: Mapping[str, int]
    """Records that wait, by topic."""


class Worker:
    """Holds the state of the partitions that this process has, and does the work on them."""

    def __init__(
        self,
        folder: Folder,
        contract: Contract,
        kafka: Options,
        sink: Sink,
        traces: Traces | None = None,
        *,
        cpu: Turn | None = None,
    ) -> None:
        """Open nothing yet; with `cpu`, what waits outside of it holds up no lane."""
        self._traces = traces
        self._folder = folder
        self._contract = contract
        self._kafka = kafka
        self._sink = sink
        self._published = Published(kafka, contract.partitions, folder)
        self._burial = Burial(kafka, contract.schema_ids[DeadLetter], contract.now)
        self._cpu = cpu or Turn()
        self._ending = False
        self._lanes: dict[int, Lane] = {}
        self._filing: Filing | None = None
        self._next: dict[TP, int] = {}
        self._counts: dict[int, Counts] = defaultdict(Counts)
        self._filed = filing.Counts()
        self._lag: dict[TP, int] = {}
        self._app: StreamApp | None = None
        self._loop: asyncio.AbstractEventLoop | None = None

    async def run(self, app: StreamApp, stop: asyncio.Event) -> None:
        """Work until told to stop, or raise what went wrong."""
        self._app, self._loop = app, asyncio.get_running_loop()
        ending = asyncio.Event()
        beside = [
            asyncio.ensure_future(self._watch_lag(app)),
            asyncio.ensure_future(self._end(stop, ending)),
        ]
        try:
            await app.run(ending)
        finally:
            for one in beside:
                one.cancel()
                with suppress(asyncio.CancelledError):
                    await one
            self._burial.close()

    async def _end(self, stop: asyncio.Event, ending: asyncio.Event) -> None:
        await stop.wait()
        self._ending = True
        ending.set()

    async def take_over(self, bounds: Mapping[TP, tuple[int, int]]) -> Mapping[TP, int]:
        """Open the state of these partitions; say from which offset each is to be read."""
        await self.let_go()
        numbers = sorted({tp.partition for tp in bounds if tp.topic in TOPICS})
        lanes = {number: self._lane(number, bounds, len(numbers)) for number in numbers}
        filing_ = self._new_filing()
        unified = {tp.partition: at for tp, at in bounds.items() if tp.topic == UNIFIED}
        self._lanes, self._filing = lanes, filing_
        for number in lanes:
            self._published.register(number)
        for one in lanes.values():
            one.start()
        filing_.start(unified)
        offsets: dict[TP, int] = {}
        try:
            for partition, offset in (await _told(filing_.ready)).items():
                offsets[TP(UNIFIED, partition)] = offset
            for number, one in lanes.items():
                ready = await _told(one.ready)
                offsets |= {TP(topic, number): offset for topic, offset in ready.items()}
        except LetGo:
            if self._lanes is lanes:
                raise
        if self._lanes is not lanes:
            return {}  # The partitions were let go meanwhile; taking over begins anew.
        self._next = dict(offsets)
        self._lag = {tp: bounds[tp][1] - offset for tp, offset in offsets.items()}
        self._sink.behind(self._backlog())
        log.info("assigned", partitions=numbers, unified=sorted(unified))
        return offsets

    async def let_go(self) -> None:
        """Finish the step in hand and close the state: others may have the partitions now."""
        lanes, self._lanes = self._lanes, {}
        filing_, self._filing = self._filing, None
        self._next = {}
        for one in lanes.values():
            one.stop()
        if filing_ is not None:
            filing_.stop(flush=self._ending)
        for one in lanes.values():
            await asyncio.to_thread(one.join)
        if filing_ is not None:
            await asyncio.to_thread(filing_.join)

    def accept(self, batch: Fetched) -> None:
        """Hand a batch to who works on its partition; one that leaves a gap ends the process."""
        tp = TP(batch.topic, batch.partition)
        due = self._next.get(tp)
        if due is None:
            return  # Let go meanwhile; whoever takes over reads it.
        if due != batch.start:
            raise Gap(
                f"{tp.topic}/{tp.partition}: a batch begins at {batch.start}, due is {due}",
                hint="restart the worker; it reads on from its state",
            )
        self._next[tp] = batch.position
        if batch.topic == UNIFIED:
            if self._filing is not None:
                self._filing.put(batch)
        else:
            self._lanes[batch.partition].put(batch)

    def offsets(self) -> Mapping[TP, int]:
        """Say where the state is, for tools that show lag."""
        found = {
            TP(topic, number): offset
            for number, one in self._lanes.items()
            for topic, offset in one.offsets.items()
        }
        if self._filing is not None:
            found |= {TP(UNIFIED, number): at for number, at in self._filing.offsets.items()}
        return found

    def report(self) -> Report:
        """Say how the work stands."""
        lag: dict[str, int] = dict.fromkeys(READ, 0)
        for tp, count in self._lag.items():
            lag[tp.topic] += count
        lanes = {number: replace(self._counts[number]) for number in list(self._lanes)}
        return Report(lanes, replace(self._filed), lag)

    def _lane(self, number: int, bounds: Mapping[TP, tuple[int, int]], lanes: int) -> Lane:
        found = {topic: bounds.get(TP(topic, number)) for topic in TOPICS}
        whole = {topic: at for topic, at in found.items() if at is not None}
        if len(whole) < len(found):
            raise Failed(
                f"partition {number} of {', '.join(sorted(set(found) - set(whole)))} is elsewhere",
                hint="do all workers run this version, and have all topics the same partitions?",
            )
        return Lane(
            self._folder.join(number),
            replace(self._contract, partition=number),
            Sender(self._kafka, number, self._folder.identity),
            Shared(
                published=self._published,
                still_member=self._still_member,
                held=self._hold,
                failed=self._fail,
                records=min(MOST_IN_ONE, MOST_WAITING // lanes),
                tracer=None if self._traces is None else self._traces.tracer,
                cpu=self._cpu,
            ),
            whole,
            counts=self._counts[number],
        )

    def _new_filing(self) -> Filing:
        return Filing(
            self._sink,
            self._folder,
            self._backlog,
            self._burial.bury,
            held=self._hold,
            failed=self._fail,
            cpu=self._cpu,
            counts=self._filed,
            traces=None if self._traces is None else self._traces.files,
        )

    def _hold(self) -> None:
        """Have the fetch leave out what had better wait; any thread may call."""
        self._soon(self._hold_now)

    def _hold_now(self) -> None:
        if self._app is None:
            return
        held = {TP(topic, number) for number, one in self._lanes.items() for topic in one.held}
        if self._filing is not None and self._filing.held:
            held |= {TP(UNIFIED, number) for number in self._filing.offsets}
        self._app.held = frozenset(held)

    def _fail(self, error: BaseException) -> None:
        self._soon(lambda: None if self._app is None else self._app.fail(error))

    def _soon(self, call: Callable[[], None]) -> None:
        if self._loop is not None and not self._loop.is_closed():
            self._loop.call_soon_threadsafe(call)

    def _still_member(self) -> bool:
        """Ask the group; called by lanes' threads."""
        if self._app is None or self._loop is None:
            return False
        asked = asyncio.run_coroutine_threadsafe(self._app.still_member(), self._loop)
        try:
            return asked.result(MEMBER_SECONDS)
        except TimeoutError:
            asked.cancel()
            return False

    def _backlog(self) -> int:
        return sum(self._lag.values())

    async def _watch_lag(self, app: StreamApp) -> None:
        while True:
            offsets = self.offsets()
            seen = app.lag(offsets)
            self._lag = {tp: seen.get(tp, self._lag.get(tp, 0)) for tp in offsets}
            if offsets:
                self._sink.behind(self._backlog())
            await asyncio.sleep(LAG_SECONDS)


async def _told(future: Future[R]) -> R:
    """Wait for what a thread will tell. Who gives up waiting doesn't keep it from telling."""
    return await asyncio.shield(asyncio.wrap_future(future))
