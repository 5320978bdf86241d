"""Sends a partition's outbox: rows, dead letters and Progress in one Kafka transaction.

The producer's id is the source partition's: opening one fences an older (invariants 4 and 6), so
a worker that lost the partition can't send an old row late. After any failure the transaction's
outcome is taken for unknown, and the same is sent again; readers take the last under a key.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from typing import Any, Final

from confluent_kafka import (
    Consumer,
    KafkaError,
    KafkaException,
    Message,
    Producer,
    TopicPartition,
)

from schemas import topics
from stream_app.join import Outgoing, Parcel
from stream_app.tracing import Marks
from stream_app.worker.errors import Fenced, KafkaDown

__all__ = ["Options", "Sender"]

Options = Mapping[str, str | int | float | bool]

ANY: Final = -1
"""librdkafka's word for: by the key."""
PATIENCE: Final = 10.0
SETTINGS: Final[Options] = {
    "acks": "all",
    "compression.type": "lz4",
    "linger.ms": 2,
    "log_level": 0,
    "partitioner": "murmur2_random",
    "queue.buffering.max.kbytes": 65536,
    "socket.connection.setup.timeout.ms": 5000,
}
FIXED: Final[Options] = {"enable.idempotence": True, "transaction.timeout.ms": 10_000}
PUBLISHERS: Final = "chartfeed-stream-publishers"
"""The group whose offsets say, in their metadata, who published last from a partition."""
# A group without members forgets its offsets after a week.
REMEMBERED_SECONDS: Final = 3600.0
LOG: Final = logging.getLogger("chartfeed.kafka")
FENCING: Final = frozenset(
    {KafkaError._FENCED, KafkaError.PRODUCER_FENCED, KafkaError.INVALID_PRODUCER_EPOCH}  # noqa: SLF001 - the client names its own errors so
)
TOO_LARGE: Final = "let kafka.options and the broker take larger messages: message.max.bytes"


class Sender:
    """The one writer of a source partition's output; `identity` names the state behind it."""

    def __init__(self, options: Options, partition: int, identity: str) -> None:
        self._partition = partition
        self._identity = identity
        self._settings = {
            **SETTINGS,
            **options,
            **FIXED,
            "transactional.id": f"chartfeed-join-{partition}",
        }
        self._reading = {
            "log_level": 0,
            "socket.connection.setup.timeout.ms": 5000,
            **options,
            "group.id": PUBLISHERS,
            "enable.auto.commit": False,
            "isolation.level": "read_committed",
        }
        self._producer: Producer | None = None
        self._group: Any = None
        self._named_at = float("-inf")

    def open(self) -> bool:
        """Take the partition's output over; tell whether this very state published last."""
        self.close()
        at = TopicPartition(topics.CHECKPOINTS.name, self._partition)
        with self._translated():
            self._producer = Producer(self._settings, logger=LOG)
            self._producer.init_transactions(PATIENCE)
            consumer = Consumer(self._reading, logger=LOG)
            try:
                self._group = consumer.consumer_group_metadata()
                (found,) = consumer.committed([at], timeout=PATIENCE)
            finally:
                consumer.close()
            if found.error is not None:
                raise KafkaException(found.error)
        return bool(found.metadata == self._identity)

    def close(self) -> None:
        """Let go of the producer; a transaction that is open is aborted."""
        producer, self._producer = self._producer, None
        self._named_at = float("-inf")
        if producer is not None:
            producer.purge()
            with suppress(KafkaException):
                # There may be none, or nobody to tell: the next producer ends it then.
                producer.abort_transaction(1.0)

    def send(
        self,
        parcel: Parcel,
        progress: Callable[[Mapping[int, int]], Sequence[Outgoing]],
        marks: Marks | None = None,
    ) -> Mapping[int, int]:
        """Commit a parcel and what it makes true; give where each unified partition ends.

        Rows of a center that has `marks` carry them as headers.
        """
        producer = self._producer
        if producer is None:
            raise KafkaDown(f"the output of partition {self._partition} is not open")
        with self._translated():
            producer.begin_transaction()
            ends = self._produce(producer if not marks else _Marking(producer, marks), parcel.rows)
            self._produce(producer, progress(ends))
            now = time.monotonic()
            name = now - self._named_at > REMEMBERED_SECONDS
            if name:
                at = TopicPartition(
                    topics.CHECKPOINTS.name, self._partition, 0, metadata=self._identity
                )
                producer.send_offsets_to_transaction([at], self._group, PATIENCE)
            producer.commit_transaction(PATIENCE)
            if name:
                self._named_at = now
        return ends

    def _produce(
        self, producer: Producer | _Marking, messages: Sequence[Outgoing]
    ) -> dict[int, int]:
        """Produce messages and give the last offset in each unified partition.

        Order and completeness are the idempotent producer's: if any message fails, so does the
        commit. So the last of each partition tells.
        """
        unified = topics.UNIFIED_ENTRIES.name
        last = {
            message.partition: at for at, message in enumerate(messages) if message.topic == unified
        }
        ends: dict[int, int] = {}

        def report(error: KafkaError | None, message: Message) -> None:
            offset, partition = message.offset(), message.partition()
            if error is None and offset is not None and partition is not None:
                ends[partition] = offset

        for at, message in enumerate(messages):
            there = ANY if message.partition is None else message.partition
            tells = message.topic == unified and last[message.partition] == at
            while True:
                try:
                    # By position, for there are many.
                    producer.produce(
                        message.topic,
                        message.value,
                        message.key,
                        there,
                        report if tells else None,
                    )
                    break
                except BufferError:
                    if producer.flush(PATIENCE):
                        raise KafkaDown("Kafka is too slow") from None
        if producer.flush(PATIENCE):
            raise KafkaDown("Kafka is too slow")
        if set(ends) != set(last) or min(ends.values(), default=0) < 0:
            raise KafkaDown("Kafka did not say where the rows are")
        return ends

    @contextmanager
    def _translated(self) -> Iterator[None]:
        try:
            yield
        except KafkaException as error:
            fault: KafkaError = error.args[0]
            fields: dict[str, Any] = {"partition": self._partition, "code": fault.name()}
            if fault.code() in FENCING:
                raise Fenced(
                    f"partition {self._partition}: fenced ({fault.name()})", **fields
                ) from error
            # The join makes none for the usual limit, which somebody may have lowered.
            too_large = fault.code() == KafkaError.MSG_SIZE_TOO_LARGE
            raise KafkaDown(
                f"partition {self._partition}: Kafka: {fault.str()}",
                hint=TOO_LARGE if too_large else "is the broker up?",
                **fields,
            ) from error


class _Marking:
    """A producer whose unified rows carry their center's marks."""

    def __init__(self, producer: Producer, marks: Marks) -> None:
        self._producer = producer
        self._marks = marks
        self.flush = producer.flush

    def produce(
        self, topic: str, value: Any, key: bytes | None, partition: int, on_delivery: Any
    ) -> None:
        center = (key or b"").split(b"/", 2)[1:2]
        headers = self._marks.get(center[0], []) if center else []
        self._producer.produce(topic, value, key, partition, on_delivery, headers=headers)
