"""Feeds a sink from Kafka without Faust: a plain consumer, its batches, and their positions."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from contextlib import closing
from dataclasses import dataclass, field
from typing import Any, Self

from confluent_kafka import OFFSET_BEGINNING, Consumer, KafkaError, TopicPartition

from schemas import topics
from stream_app.batches import Batch, Rec
from stream_app.sink.sink import Sink
from tests.unified import Record

__all__ = ["Driver"]

UNIFIED = topics.UNIFIED_ENTRIES.name
READING = {
    "group.id": "tests",
    "enable.auto.commit": False,
    "enable.partition.eof": True,
    "isolation.level": "read_committed",
    "fetch.wait.max.ms": 10,
}


@dataclass
class Driver:
    """Owns partitions of the unified topic as a worker does, and hands on what it reads."""

    kafka: Mapping[str, Any]
    sink: Sink
    partitions: tuple[int, ...]
    ended: set[int] = field(default_factory=set)
    """Partitions that have been read to their end."""

    def __enter__(self) -> Self:
        at = []
        self._consumer = Consumer({**READING, **self.kafka})
        for one in self.partitions:
            _, end = self._consumer.get_watermark_offsets(TopicPartition(UNIFIED, one), timeout=20)
            offset = self.sink.assign(one, end)
            at.append(TopicPartition(UNIFIED, one, OFFSET_BEGINNING if offset is None else offset))
        self._consumer.assign(at)
        return self

    def __exit__(self, *_: object) -> None:
        with closing(self._consumer):
            for one in self.partitions:
                self.sink.revoke(one)

    def step(self, seconds: float = 0.1) -> int:
        """Take what there is; gives how many rows that changed."""
        records: dict[int, list[Rec]] = defaultdict(list)
        positions: dict[int, int] = {}
        for message in self._consumer.consume(5000, timeout=seconds):
            one, offset = message.partition() or 0, message.offset() or 0
            error = message.error()
            if error is not None:
                assert error.code() == KafkaError._PARTITION_EOF, error
                # The end lies behind the markers of transactions, which nobody is handed.
                positions[one] = max(offset, positions.get(one, 0))
                self.ended.add(one)
                continue
            timestamp = message.timestamp()[1]
            records[one].append(Record(offset, message.key(), message.value(), timestamp))
            positions[one] = max(offset + 1, positions.get(one, 0))
        if not positions:
            return 0
        batches = [Batch(UNIFIED, one, records[one], at) for one, at in positions.items()]
        return self.sink.take(batches).rows

    def to_the_end(self) -> int:
        """Read until every partition has been at its end once from now on."""
        self.ended.clear()
        taken = self.step()
        while self.ended != set(self.partitions):
            taken += self.step()
        return taken
