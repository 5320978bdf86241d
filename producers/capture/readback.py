"""What Kafka holds of a center, read committed and up to the very end (invariant 5).

Another center's open transaction may hide a newer record of ours: so the end is the high
watermark as read_uncommitted sees it, and a reader waits until it has passed it, never
settling for the last stable offset.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from typing import Final

from confluent_kafka import Consumer, KafkaError, KafkaException, Message, TopicPartition

from producers.capture.errors import KafkaDown
from producers.capture.publisher import LOG, Options
from schemas import broker
from schemas.topics import Topic

__all__ = ["READING", "Readback"]

# Others' transactions are aborted by the broker after 10 s, which it looks at every 10 s.
PATIENCE: Final = 40.0
REQUEST_PATIENCE: Final = 10.0
FIRST_WINDOW: Final = 500
GROWTH: Final = 10
BATCH: Final = 1000
READING: Final[Options] = {
    "log_level": 0,
    "socket.connection.setup.timeout.ms": 5000,
    "fetch.wait.max.ms": 50,
    # Many centers may read back at once: what is fetched ahead is small for each.
    "queued.max.messages.kbytes": 2048,
    "fetch.message.max.bytes": 524_288,
    "group.id": "chartfeed-readback",
    "enable.auto.commit": False,
}


class Readback:
    """Reads one partition, a center's, of any topic; belongs to no group and commits nothing."""

    def __init__(self, options: Options, partition: int) -> None:
        self.partition = partition
        self._settings = {
            **READING,
            **options,
            "enable.auto.commit": False,
            "enable.partition.eof": True,
        }

    def last(self, topic: Topic, key: bytes, before: int | None = None) -> bytes | None:
        """Return the newest value under a key, None where there is none or a tombstone.

        Reads from the tail in growing windows: what is looked for is written often. Only what is
        `before` an offset counts, where one is given.
        """
        low, high = self.bounds(topic)
        high = high if before is None else before
        window = FIRST_WINDOW
        start = high
        while start > low:
            end, start = start, max(low, high - window)
            found = [
                message for message in self.messages(topic, start, end) if message.key() == key
            ]
            if found:
                value: bytes | None = found[-1].value()
                return value
            window *= GROWTH
        return None

    def keys(self, topic: Topic, prefix: bytes) -> dict[tuple[bytes, bytes], bool]:
        """Return the keys with a prefix, each with its header `table`, and whether a value stands.

        Where messages have no such header it is empty.
        """
        low, high = self.bounds(topic)
        found: dict[tuple[bytes, bytes], bool] = {}
        for message in self.messages(topic, low, high):
            key: bytes = message.key() or b""
            if key.startswith(prefix):
                table = dict(message.headers() or ()).get("table") or b""
                found[table if isinstance(table, bytes) else table.encode(), key] = (
                    message.value() is not None
                )
        return found

    def uncommitted(self, topic: Topic, start: int, end: int) -> list[Message]:
        """Return the messages between two offsets, committed or not."""
        return list(self.messages(topic, start, end, "read_uncommitted"))

    def is_there(self, topic: Topic, offset: int) -> bool:
        """Tell whether the message at an offset is committed."""
        return any(at.offset() == offset for at in self.messages(topic, offset, offset + 1))

    def bounds(self, topic: Topic) -> tuple[int, int]:
        """Return the first offset, and the end with what is not committed yet."""
        with self._consumer("read_uncommitted") as consumer:
            at = TopicPartition(topic.name, self.partition)
            low, high = consumer.get_watermark_offsets(at, timeout=REQUEST_PATIENCE)
            return int(low), int(high)

    def messages(
        self, topic: Topic, start: int, end: int, isolation: str = "read_committed"
    ) -> Iterator[Message]:
        """Give what is there from one offset up to another, waiting for who holds it up."""
        if start >= end:
            return
        deadline = time.monotonic() + PATIENCE
        with self._consumer(isolation) as consumer:
            consumer.assign([TopicPartition(topic.name, self.partition, start)])
            while True:
                for message in consumer.consume(BATCH, timeout=0.05):
                    error = message.error()
                    if error is not None and error.code() != KafkaError._PARTITION_EOF:  # noqa: SLF001 - the client names it so
                        raise KafkaException(error)
                    offset = message.offset()
                    if offset is not None and offset >= end:
                        return
                    if error is None:
                        yield message
                        deadline = time.monotonic() + PATIENCE
                if consumer.position(consumer.assignment())[0].offset >= end:
                    return
                if time.monotonic() > deadline:
                    raise KafkaDown(
                        f"{topic.name}/{self.partition} can't be read to its end ({end}): "
                        "a transaction is open there, or the broker is slow"
                    )

    @contextmanager
    def _consumer(self, isolation: str) -> Iterator[Consumer]:
        settings = {**self._settings, "isolation.level": isolation}
        try:
            with closing(Consumer(settings, logger=LOG)) as consumer:
                yield consumer
        except KafkaException as error:
            raise broker.failure(KafkaDown, self._settings, error) from error
