"""The consumer: whole batches, committed records only, from where the state is.

Invariant 5 is enforced here by `isolation_level`, the consumer's side of invariant 6 by
`seek_to_committed`.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from typing import Any, Final, cast

import aiokafka
from aiokafka.consumer import fetcher
from aiokafka.coordinator.assignors.range import RangePartitionAssignor
from aiokafka.errors import KafkaError
from aiokafka.structs import OffsetAndMetadata
from faust.transport.drivers import aiokafka as driver
from faust.types import TP, ConsumerMessage

from stream_app.transport.fetched import Fetched

__all__ = ["BatchConsumer", "BatchTransport"]

LOG: Final = logging.getLogger("chartfeed.stream")
# A fetch waits so long for so much: each costs the same, whether it brings one record or thousands.
FETCH_WAIT_MS: Final = 50
FETCH_LEAST_BYTES: Final = 2**18
REQUEST_MS: Final = 40_000
# What one answer of a broker may hold, and of one partition: memory follows these two.
FETCH_BYTES: Final = 2**22
PARTITION_BYTES: Final = 2**17
# How long a fetch waits while a partition is held back, which may be let go at any time.
HELD_SECONDS: Final = 0.05


@dataclass(frozen=True, slots=True)
class _Found:
    """Batches, and the seek that they follow: after another one they would be read twice."""

    batches: tuple[Fetched, ...]
    beginning: object


class PlainRecords(fetcher.PartitionRecords):  # type: ignore[misc] # aiokafka has no types
    """Fetched records as they are unpacked, without a second object for each."""

    def _consumer_record(self, tp: Any, record: Any) -> Any:
        del tp
        return record


class BatchThread(driver.AIOKafkaConsumerThread):
    """aiokafka's consumer, in its own thread: heartbeats go on whatever the main loop does."""

    app: Any

    def __post_init__(self) -> None:
        super().__post_init__()
        self.beginning: object = None
        """Another object for each time that all positions were set."""
        self._handed: dict[TP, int] = {}
        self._sought: object = None

    def _create_worker_consumer(self, transport: Any) -> aiokafka.AIOKafkaConsumer:
        conf = self.app.conf
        fetcher.PartitionRecords = PlainRecords
        return aiokafka.AIOKafkaConsumer(
            client_id=conf.broker_client_id,
            group_id=conf.id,
            group_instance_id=conf.consumer_group_instance_id,
            bootstrap_servers=driver.server_list(transport.url, transport.default_port),
            partition_assignment_strategy=[RangePartitionAssignor],
            isolation_level="read_committed",
            enable_auto_commit=False,
            auto_offset_reset="none",
            fetch_max_wait_ms=FETCH_WAIT_MS,
            fetch_min_bytes=FETCH_LEAST_BYTES,
            fetch_max_bytes=FETCH_BYTES,
            max_partition_fetch_bytes=PARTITION_BYTES,
            max_poll_interval_ms=int(conf.broker_max_poll_interval * 1000),
            request_timeout_ms=REQUEST_MS,
            session_timeout_ms=int(conf.broker_session_timeout * 1000),
            rebalance_timeout_ms=int(conf.broker_rebalance_timeout * 1000),
            heartbeat_interval_ms=int(conf.broker_heartbeat_interval * 1000),
            **driver.credentials_to_aiokafka_auth(conf.broker_credentials, conf.ssl_context),
        )

    async def on_thread_stop(self) -> None:
        if self._consumer is not None and not self.app.keep_membership:
            # aiokafka leaves a group only if it has no instance id.
            self._consumer._coordinator._group_instance_id = None  # noqa: SLF001 - see the package
        await super().on_thread_stop()

    async def bounds(self, partitions: set[TP]) -> Mapping[TP, tuple[int, int]]:
        """Give the first offset of each partition and the end of what is committed."""
        return await self.call_thread(self._bounds, partitions)  # type: ignore[no-any-return]

    async def _bounds(self, partitions: set[TP]) -> Mapping[TP, tuple[int, int]]:
        consumer = self._ensure_consumer()
        asked = [driver.ensure_aiokafka_TP(tp) for tp in partitions]
        first = await consumer.beginning_offsets(asked)
        end = await consumer.end_offsets(asked)
        return {TP(*tp): (first[tp], end[tp]) for tp in asked}

    async def seek_all(self, offsets: Mapping[TP, int]) -> None:
        """Go to these offsets, in the consumer's own thread."""
        await self.call_thread(self._seek_all, offsets)

    async def _seek_all(self, offsets: Mapping[TP, int]) -> None:
        consumer = self._ensure_consumer()
        for tp, offset in offsets.items():
            consumer.seek(driver.ensure_aiokafka_TP(tp), offset)
        self._handed = dict(offsets)
        self._sought, self.beginning = self._assigned(), object()

    def _assigned(self) -> Any:
        """Give aiokafka's assignment as it is now: a new object after each rebalance."""
        subscription = self._ensure_consumer()._subscription.subscription  # noqa: SLF001 - see the package
        return None if subscription is None else subscription.assignment

    def _positioned(self) -> Any:
        """Give aiokafka's assignment as it is now, None until its positions are the state's."""
        found = self._assigned()
        return found if found is self._sought else None

    def end(self, tp: TP) -> int | None:
        consumer = self._consumer
        at = driver.ensure_aiokafka_TP(tp)
        if consumer is None or at not in consumer.assignment():
            return None
        found: int | None = consumer.last_stable_offset(at)
        return found

    async def _fetch_records(
        self,
        consumer: aiokafka.AIOKafkaConsumer,
        active_partitions: set[TP],
        timeout: float | None = None,  # noqa: ASYNC109 - Faust's own parameter
        max_records: int | None = None,
    ) -> Any:
        """Fetch, and say of each partition where its records began and where it is now.

        A fetch may last over a rebalance. What it finds then is of the new assignment, and is
        read by nobody else if it was found after the seek; what was found before is read again.
        """
        if self._positioned() is None:
            await asyncio.sleep(HELD_SECONDS)
            return None
        held = self.app.held
        wanted = active_partitions - held
        if held:
            timeout = min(timeout or HELD_SECONDS, HELD_SECONDS)
        records: Mapping[Any, Any] = {}
        try:
            if wanted:
                records = await super()._fetch_records(consumer, wanted, timeout, max_records)
            else:
                await asyncio.sleep(HELD_SECONDS)
        except KafkaError:
            if self._positioned() is not None:
                raise
        # Nothing is awaited between aiokafka's taking of the records and here.
        assignment = self._positioned()
        if assignment is None:
            return None
        found: list[Fetched] = []
        for tp, start in self._handed.items():
            state = assignment.state_value(tp)
            if not state.has_valid_position or state.position == start:
                continue
            position = self._handed[tp] = state.position
            found.append(Fetched(tp.topic, tp.partition, records.get(tp, ()), start, position))
        return _Found(tuple(found), self.beginning) if found else None

    async def _commit(self, offsets: Mapping[TP, int]) -> bool:
        """Tell the group where the state is; nothing here rests on it."""
        assigned = self.assignment()
        told = {
            driver.ensure_aiokafka_TP(tp): OffsetAndMetadata(offset, "")
            for tp, offset in offsets.items()
            if tp in assigned
        }
        try:
            if told:
                await self._ensure_consumer().commit(told)
        except KafkaError as error:
            LOG.warning("group offsets not committed (%s)", type(error).__name__)
            return False
        return True


class BatchConsumer(driver.Consumer):
    """Faust's consumer, whose messages are batches."""

    app: Any
    _thread: BatchThread

    def _new_consumer_thread(self) -> BatchThread:
        return BatchThread(self, loop=self.loop, beacon=self.beacon)

    async def getmany(self, timeout: float) -> AsyncIterator[tuple[TP, Any]]:  # noqa: ASYNC109 - Faust's
        """Give a fetch's batches as one; what a rebalance cuts off is read again, after a seek."""
        fetched, _ = await self._wait_next_records(timeout)
        if not fetched:
            return
        found = cast("_Found", fetched)
        if not self.flow_active:
            # Either a rebalance has begun, or one ends: the seek is done, and this follows it.
            await self.wait(self.can_resume_flow.wait())
        if self.should_stop or found.beginning is not self._thread.beginning:
            return
        first = found.batches[0]
        tp = TP(first.topic, first.partition)
        yield tp, self._to_message(tp, found.batches)

    def _to_message(self, tp: TP, record: Any) -> ConsumerMessage:
        """Make Faust's message of all batches; it looks as if it were the first."""
        first: Fetched = record[0]
        return ConsumerMessage(
            first.topic,
            first.partition,
            first.position - 1,
            first.timestamp / 1000,
            0,
            None,
            None,
            record,
            None,
            0,
            0,
            tp,
            generation_id=self.app.consumer_generation_id,
        )

    def on_buffer_full(self, tp: TP) -> None:
        """Leave the partition as it is: the next fetch waits for the agents anyway."""

    def on_buffer_drop(self, tp: TP) -> None:
        """Do nothing, as nothing was done when the buffer was full."""

    async def seek_to_committed(self) -> Mapping[TP, int]:
        """Go where the state is (invariant 6)."""
        assigned = self.assignment()
        bounds = await self._thread.bounds(assigned)
        offsets: Mapping[TP, int] = await self.app.owner.take_over(bounds)
        await self._thread.seek_all(offsets)
        return offsets

    async def tell_group(self) -> bool:
        """Commit where the state is; tell whether the group takes it from this member."""
        return await self._thread.commit(self.app.owner.offsets())

    def end(self, tp: TP) -> int | None:
        """Give the end of what is committed as the last fetch saw it."""
        return self._thread.end(tp)

    def _filter_committable_offsets(self, _tps: Any) -> dict[TP, int]:
        """Give what the group has not been told of where the state is."""
        return {
            tp: offset
            for tp, offset in self.app.owner.offsets().items()
            if self._committed_offset[tp] != offset
        }


class BatchTransport(driver.Transport):
    Consumer = BatchConsumer
