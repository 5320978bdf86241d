"""Events and the checkpoint that covers them, in one Kafka transaction (invariant 2).

A transaction begins when everything is at hand, because an open one holds back every
read_committed reader of its partition. After any failure its outcome is taken for unknown:
the caller closes this publisher, opens another with the same id, and reads back.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import replace
from typing import TYPE_CHECKING, Final

from confluent_kafka import KafkaError, KafkaException, Message, Producer

from producers.capture.checkpoint import advanced
from producers.capture.errors import Fenced, KafkaDown, Unpublished
from schemas import topics
from schemas.records import Checkpoint, Offset

if TYPE_CHECKING:
    from collections.abc import Callable

    from producers.capture.events import Headers
    from producers.capture.events import Message as Outgoing

__all__ = ["Options", "Publisher", "transactional_id"]

Options = Mapping[str, str | int | float | bool]
"""What librdkafka is told, `bootstrap.servers` included."""

TRANSACTION_SECONDS: Final = 10
PATIENCE: Final = 10.0
SETTINGS: Final[Options] = {
    "acks": "all",
    "compression.type": "lz4",
    # A transaction is at hand as a whole and flushed: to linger only makes a poll's events later.
    "linger.ms": 0,
    "log_level": 0,
    "queue.buffering.max.kbytes": 65536,
    "socket.connection.setup.timeout.ms": 5000,
    "socket.nagle.disable": True,
}
# What every delivery guarantee rests on: no configuration may change it.
FIXED: Final[Options] = {
    "enable.idempotence": True,
    "transaction.timeout.ms": TRANSACTION_SECONDS * 1000,
}
SOURCE: Final = frozenset(topic.name for topic in topics.SOURCE)
LOG: Final = logging.getLogger("chartfeed.kafka")
FENCING: Final = frozenset(
    {KafkaError._FENCED, KafkaError.PRODUCER_FENCED, KafkaError.INVALID_PRODUCER_EPOCH}  # noqa: SLF001 - the client names its own errors so
)


def transactional_id(center_id: str) -> str:
    """Return the id that is the center's alone, on whatever machine it is captured."""
    return f"chartfeed-capture-{center_id}"


class Publisher:
    """The one writer of a center's events (invariant 4); opening it fences an older one."""

    def __init__(
        self,
        options: Options,
        center_id: str,
        partition: int,
        encode: Callable[[Checkpoint], bytes],
    ) -> None:
        self._center = center_id
        self._partition = partition
        self._encode = encode
        self._settings = {
            **SETTINGS,
            **options,
            **FIXED,
            "transactional.id": transactional_id(center_id),
        }
        self._producer: Producer | None = None

    def open(self) -> None:
        """Take the center over: what an older producer left open is ended, itself fenced."""
        self.close()
        self._producer = Producer(self._settings, logger=LOG)
        with self._translated(KafkaDown):
            self._producer.init_transactions(PATIENCE)

    def close(self) -> None:
        """Let go of the producer; a transaction that is open is aborted."""
        producer, self._producer = self._producer, None
        if producer is not None:
            producer.purge()
            with suppress(KafkaException):
                # There may be none, or nobody to tell: the next producer ends it then.
                producer.abort_transaction(1.0)

    def commit(
        self, messages: Sequence[Outgoing], checkpoint: Checkpoint, marks: Headers = ()
    ) -> Checkpoint:
        """Publish messages and the checkpoint, and return it as it was written, with offsets."""
        producer = self._producer
        if producer is None:
            raise Unpublished(f"{self._center}: the publisher is not open")
        with self._translated(Unpublished):
            producer.begin_transaction()
            ends = self._produce(producer, messages)
            written = replace(checkpoint, offsets=advanced(checkpoint.offsets, ends))
            producer.produce(
                topics.CHECKPOINTS.name,
                key=self._center.encode(),
                value=self._encode(written),
                headers=list(marks),
                partition=self._partition,
            )
            producer.commit_transaction(PATIENCE)
        return written

    def settle(self, messages: Sequence[Outgoing], *, commit: bool) -> None:
        """Publish messages in a transaction without a checkpoint, or produce and abort them.

        What ends the transaction in their partitions ends an older one there just so.
        """
        producer = self._producer
        if producer is None:
            raise Unpublished(f"{self._center}: the publisher is not open")
        with self._translated(Unpublished):
            producer.begin_transaction()
            self._produce(producer, messages)
            if commit:
                producer.commit_transaction(PATIENCE)
            else:
                producer.abort_transaction(PATIENCE)

    def _produce(self, producer: Producer, messages: Sequence[Outgoing]) -> dict[str, Offset]:
        """Produce messages and return where each source topic ends.

        Order and completeness are the idempotent producer's: if any message fails, so does the
        commit. So the last of each topic tells the offset.
        """
        last = {message.topic: at for at, message in enumerate(messages)}
        reported: dict[str, int] = {}

        def report(error: KafkaError | None, message: Message) -> None:
            if error is None:
                offset = message.offset()
                reported[str(message.topic())] = -1 if offset is None else offset

        for at, message in enumerate(messages):
            while True:
                try:
                    producer.produce(
                        message.topic,
                        key=message.key,
                        value=message.value,
                        headers=list(message.headers),
                        partition=self._partition,
                        on_delivery=report if last[message.topic] == at else None,
                    )
                    break
                except BufferError:
                    if producer.flush(PATIENCE):
                        raise self._given_up(producer, "Kafka is too slow") from None
        producer.flush(PATIENCE)
        if set(reported) != set(last) or min(reported.values(), default=0) < 0:
            raise self._given_up(producer, "Kafka did not say where the events are")
        return {
            topic: Offset(topic, self._partition, offset)
            for topic, offset in reported.items()
            if topic in SOURCE
        }

    def _given_up(self, producer: Producer, why: str) -> Unpublished:
        """End the transaction and give the error, unless we are fenced: an abort tells so."""
        producer.purge()
        producer.abort_transaction(PATIENCE)
        return Unpublished(f"{self._center}: {why}")

    @contextmanager
    def _translated(self, otherwise: type[KafkaDown | Unpublished]) -> Iterator[None]:
        try:
            yield
        except KafkaException as error:
            fault: KafkaError = error.args[0]
            fields = {"center": self._center, "code": fault.name()}
            if fault.code() in FENCING:
                raise Fenced(f"{self._center}: fenced ({fault.name()})", **fields) from error
            raise otherwise(
                f"{self._center}: Kafka: {fault.str()}", hint="is the broker up?", **fields
            ) from error
