"""The Faust app: its settings, and the owner who is told of partitions and batches."""

from __future__ import annotations

import asyncio
import logging
import os
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, NoReturn, Protocol, cast

import faust
from faust.app.base import BootStrategy
from faust.types import TP
from mode.supervisors import CrashingSupervisor

from stream_app.transport import versions
from stream_app.transport.consumer import BatchConsumer, BatchTransport
from stream_app.transport.fetched import BatchSchema, Fetched

__all__ = ["SESSION_SECONDS", "Membership", "Owner", "StreamApp", "leave"]

SESSION_SECONDS: Final = 10.0
BUFFERED_FETCHES: Final = 1
STOP_SECONDS: Final = 2.0
# For as long as opening a state may take, while Faust waits for where to seek to.
OPENING_SECONDS: Final = 3600.0
REBALANCE_SECONDS: Final = 120.0


class Owner(Protocol):
    """Who holds the state of the partitions that this worker has."""

    async def take_over(self, bounds: Mapping[TP, tuple[int, int]]) -> Mapping[TP, int]:
        """Open the state of these partitions; say from which offset each is to be read."""

    async def let_go(self) -> None:
        """Finish what is in hand and close the state: the partitions are somebody else's now."""

    def accept(self, batch: Fetched) -> None:
        """Take a batch in; it must not wait."""

    def offsets(self) -> Mapping[TP, int]:
        """Say where the state is, for tools that show lag."""


@dataclass(frozen=True, slots=True)
class Membership:
    """This worker in its group; the name is its static membership's."""

    group: str
    name: str
    keep: bool = False


class _Boot(BootStrategy):
    enable_kafka_producer = False
    enable_web = False


class StreamApp(faust.App):
    """A Faust app whose one agent hands batches to an owner; building it touches no network."""

    BootStrategy = _Boot

    def __init__(
        self,
        bootstrap: str,
        membership: Membership,
        topics: Sequence[str],
        owner: Owner,
        *,
        folder: Path,
        credentials: Any = None,
    ) -> None:
        versions.check()
        self.owner = owner
        self.keep_membership = membership.keep
        self.held: frozenset[TP] = frozenset()
        """Partitions that are not fetched from for now; replaced as a whole, by any thread."""
        self.failure: asyncio.Future[BaseException] = asyncio.get_running_loop().create_future()
        super().__init__(
            membership.group,
            broker=[f"kafka://{address.strip()}" for address in bootstrap.split(",")],
            broker_credentials=credentials,
            broker_session_timeout=SESSION_SECONDS,
            broker_heartbeat_interval=SESSION_SECONDS / 4,
            broker_request_timeout=OPENING_SECONDS,
            broker_rebalance_timeout=REBALANCE_SECONDS,
            consumer_group_instance_id=membership.name,
            datadir=folder / "faust",
            store="memory://",
            autodiscover=False,
            web_enabled=False,
            topic_allow_declare=False,
            topic_disable_leader=True,
            stream_buffer_maxsize=BUFFERED_FETCHES,
            stream_wait_empty=False,
        )
        self.transport = BatchTransport(self.conf.broker_consumer, self)
        channel = self.topic(*topics, schema=BatchSchema(), acks=False)
        self.agent(channel, name="batches", supervisor_strategy=CrashingSupervisor)(self._hand_over)
        self.on_partitions_revoked.connect(cast("Any", self._let_go))

    async def _hand_over(self, stream: Any) -> None:
        async for batches in stream:
            for batch in batches:
                self.owner.accept(batch)

    async def _let_go(self, app: Any, revoked: Any, **_options: Any) -> None:
        del app, revoked
        self.held = frozenset()
        await self.owner.let_go()

    def _crash(self, reason: BaseException) -> None:
        super()._crash(reason)
        self.fail(reason)

    def fail(self, reason: BaseException) -> None:
        """End the run with this error; the first counts."""
        if not self.failure.done():
            self.failure.set_result(reason)

    @property
    def _batches(self) -> BatchConsumer:
        return cast("BatchConsumer", self.consumer)

    async def still_member(self) -> bool:
        """Ask the group whether this worker still has its partitions."""
        return await self._batches.tell_group()

    def lag(self, offsets: Mapping[TP, int]) -> dict[TP, int]:
        """Give how far each partition is behind its end, of those whose end has been seen."""
        ends = {tp: self._batches.end(tp) for tp in offsets}
        return {tp: max(0, end - offsets[tp]) for tp, end in ends.items() if end is not None}

    async def run(self, stop: asyncio.Event) -> None:
        """Work until told to stop, or raise what went wrong; call `leave` soon afterwards."""
        starting = asyncio.ensure_future(self.start())
        stopping = asyncio.ensure_future(stop.wait())
        ends: set[asyncio.Future[Any]] = {stopping, self.failure}
        await asyncio.wait(ends, return_when=asyncio.FIRST_COMPLETED)
        stopping.cancel()
        if self.failure.done():
            raise self.failure.result()
        await asyncio.wait({asyncio.ensure_future(self.owner.let_go())}, timeout=STOP_SECONDS)
        await asyncio.wait({asyncio.ensure_future(self.stop())}, timeout=STOP_SECONDS)
        starting.cancel()


def leave(code: int) -> NoReturn:
    """End the process at once: Faust's threads may outlive a failure, and hold nothing of worth.

    State and output are whole at every moment, so there is nothing to finish.
    """
    logging.shutdown()
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)
