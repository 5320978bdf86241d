"""The topic of dead letters, read to its end and from then on only what is new.

It belongs to no group and leaves no trace; an error forgets all, and the next look starts anew.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from threading import Lock
from typing import TYPE_CHECKING, Final

from confluent_kafka import (
    OFFSET_BEGINNING,
    Consumer,
    KafkaError,
    KafkaException,
    Message,
    TopicPartition,
)

from chartfeed.console.deadletters.ledger import MOST, Entry, Ledger
from producers.capture.ends import COMMITTED, Ends
from producers.capture.errors import KafkaDown
from schemas import topics
from schemas.codec import Decoder, UnknownSchema
from schemas.errors import Outside, SkipRecord
from schemas.records import DeadLetter

if TYPE_CHECKING:
    from chartfeed.settings import Settings

__all__ = ["Reader"]

NAME: Final = topics.DEAD_LETTERS.name
LOG: Final = logging.getLogger("chartfeed.kafka")
PATIENCE: Final = 10.0
OPTIONS: Final = {
    "log_level": 0,
    "group.id": "chartfeed-console",  # The client wants one; it is never joined.
    "enable.auto.commit": False,
    "enable.partition.eof": True,
    "isolation.level": "read_committed",
    "queued.max.messages.kbytes": 4096,
    "socket.connection.setup.timeout.ms": 5000,
}


class Reader:
    """Keeps the ledger of what stands; several threads may ask."""

    def __init__(self, settings: Settings, most: int = MOST) -> None:
        self._settings = settings
        self._most = most
        self._lock = Lock()
        self._consumer: Consumer | None = None
        self._ledger = Ledger(most)
        self._ends: dict[int, int] = {}
        self._goals = Ends(settings.kafka.client)
        self._decoder = Decoder(DeadLetter)

    def read(self, look: Callable[[Ledger], object]) -> bool:
        """Hand over the ledger as the topic is now; False where its end was not reached in time.

        The ledger must not be kept: it goes on with the next look.
        """
        with self._lock:
            try:
                done = self._to_the_end()
            except (KafkaDown, KafkaException) as error:
                self._forget()
                why = error.message if isinstance(error, KafkaDown) else error.args[0].str()
                raise Outside(f"Kafka does not answer: {why}", hint="chartfeed status") from error
            look(self._ledger)
            return done

    def close(self) -> None:
        """Leave the broker."""
        with self._lock:
            self._forget()

    def _forget(self) -> None:
        if self._consumer is not None:
            self._consumer.close()
        self._consumer, self._ledger, self._ends = None, Ledger(self._most), {}

    def _to_the_end(self) -> bool:
        deadline = time.monotonic() + PATIENCE
        consumer = self._consumer = self._consumer or self._opened()
        partitions = range(self._settings.kafka.topics.partitions)
        # Asked in one request beside the consumer's, whose connection may just wait for news.
        ends = self._goals.of([(NAME, one) for one in partitions], COMMITTED)
        goals = {one: ends[NAME, one] for one in partitions}
        while any(self._ends.get(one, 0) < goals[one] for one in partitions):
            if time.monotonic() > deadline:
                return False
            for message in consumer.consume(1000, timeout=0.1):
                self._take(message)
        return True

    def _opened(self) -> Consumer:
        consumer = Consumer({**OPTIONS, **self._settings.kafka.client}, logger=LOG)
        consumer.assign(
            [
                TopicPartition(NAME, one, OFFSET_BEGINNING)
                for one in range(self._settings.kafka.topics.partitions)
            ]
        )
        return consumer

    def _take(self, message: Message) -> None:
        partition, offset = message.partition() or 0, message.offset() or 0
        error = message.error()
        if error is not None:
            if error.code() != KafkaError._PARTITION_EOF:  # noqa: SLF001 - the client's own name
                raise KafkaException(error)
            self._ends[partition] = offset
            return
        self._ends[partition] = offset + 1
        key, value = message.key() or b"", message.value()
        if value is None:
            self._ledger.end(_bytes(key), _table(message))
            return
        try:
            letter = self._decoded(_bytes(value))
        except SkipRecord:
            self._ledger.unreadable += 1
        else:
            self._ledger.take(_bytes(key), Entry(letter, partition, offset))

    def _decoded(self, value: bytes) -> DeadLetter:
        try:
            return self._decoder.decode(value)
        except UnknownSchema as unknown:
            registry = self._settings.registry.client()
            self._decoder.learn(unknown.schema_id, registry.schema(unknown.schema_id))
        return self._decoder.decode(value)


def _bytes(given: str | bytes) -> bytes:
    """Give what a client may hand over as a text."""
    return given.encode() if isinstance(given, str) else given


def _table(message: Message) -> str:
    table = dict(message.headers() or []).get("table")
    return "" if table is None else _bytes(table).decode(errors="replace")
