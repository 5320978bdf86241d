"""Made-up events into the topics, in transactions, as the producers of the centers would."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager
from typing import Final

from confluent_kafka import Consumer, Producer, TopicPartition

from bench._events import Topics, Transaction
from producers.capture.publisher import Options

__all__ = ["Loader"]

PATIENCE: Final = 60.0
HELD_MS: Final = 600_000
AT_ONCE: Final = 10_000


class Loader:
    """Puts what is written into Kafka; the only writer, so that every offset is known before."""

    def __init__(self, kafka: Options, sources: Sequence[Topics]) -> None:
        self._kafka = dict(kafka)
        self.sources = [source for source in sources if source.centers]
        self._producers: dict[int, Producer] = {}

    def fill(self) -> int:
        """Put the rows in that are there at the start, and count the events."""
        return self._all(self._fill)

    def live(self, events: int) -> int:
        """Put about so many live events in, and count them."""
        centers = sum(len(source.centers) for source in self.sources)
        return self._all(lambda source: self._live(source, events * len(source.centers) // centers))

    @contextmanager
    def held(self) -> Iterator[None]:
        """Let nobody read what is put in meanwhile; at the end all of it can be read at once.

        A record that is not committed is before it, and is taken back at the end.
        """
        options = {"transactional.id": "bench-hold", "transaction.timeout.ms": HELD_MS}
        producer = Producer(self._kafka | options)
        producer.init_transactions(PATIENCE)
        producer.begin_transaction()
        for source in self.sources:
            for topic in source.ends:
                producer.produce(topic, b"", b"bench-hold", partition=source.partition)
        producer.flush(PATIENCE)
        self._one_more()
        try:
            yield
        finally:
            producer.abort_transaction(PATIENCE)
            self._one_more()

    def _one_more(self) -> None:
        """Count what `held` puts into each partition: its record, and the marker that ends it."""
        for source in self.sources:
            for topic in source.ends:
                source.ends[topic] += 1

    def close(self) -> None:
        """Let go of the producers, before the broker is gone."""
        self._producers.clear()

    def _all(self, put: Callable[[Topics], int]) -> int:
        with ThreadPoolExecutor(4) as pool:
            count = sum(pool.map(put, self.sources))
        self._check()
        return count

    def _fill(self, source: Topics) -> int:
        return sum(self._put(source, source.transactions()) for _ in source.fill())

    def _live(self, source: Topics, events: int) -> int:
        count = 0
        while count < events:
            source.live(min(AT_ONCE, events - count))
            count += self._put(source, source.transactions())
        return count

    def _put(self, source: Topics, transactions: Iterable[Transaction]) -> int:
        producer = self._producer(source.partition)
        count = 0
        for transaction in transactions:
            producer.begin_transaction()
            for topic, record in transaction:
                while True:
                    try:
                        producer.produce(
                            topic, record.value, record.key, partition=source.partition
                        )
                        break
                    except BufferError:
                        producer.poll(0.1)
            producer.commit_transaction(PATIENCE)
            count += len(transaction) - 1
        return count

    def _producer(self, partition: int) -> Producer:
        found = self._producers.get(partition)
        if found is None:
            found = self._producers[partition] = Producer(
                self._kafka
                | {
                    "transactional.id": f"bench-{partition}",
                    "compression.type": "lz4",
                    "linger.ms": 2,
                }
            )
            found.init_transactions(PATIENCE)
        return found

    def _check(self) -> None:
        options = {"group.id": "bench-check", "isolation.level": "read_uncommitted"}
        with closing(Consumer(self._kafka | options)) as consumer:
            for source in self.sources:
                for topic, end in source.ends.items():
                    at = TopicPartition(topic, source.partition)
                    _, high = consumer.get_watermark_offsets(at, timeout=PATIENCE)
                    if high != end:
                        raise RuntimeError(f"{topic}/{source.partition} ends at {high}, not {end}")
