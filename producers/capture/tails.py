"""The newest value under each key of a compacted topic, found from its end.

Reads what is committed now and waits for nobody's transaction: good for showing, not for a
position (readback.py is for that).
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING, Final, Self

from confluent_kafka import Consumer, KafkaError, KafkaException, TopicPartition

from producers.capture.errors import KafkaDown
from producers.capture.publisher import LOG
from producers.capture.readback import READING
from schemas import broker

if TYPE_CHECKING:
    from confluent_kafka import Message

    from producers.capture.publisher import Options
    from schemas.topics import Topic

__all__ = ["Tail"]

FIRST_WINDOW: Final = 300
GROWTH: Final = 20
REQUEST_SECONDS: Final = 5.0


class Tail:
    """Knows a topic's newest message under each key; asked again, it reads only what is new."""

    def __init__(self, options: Options, topic: Topic, keys: Mapping[str, int]) -> None:
        """Know nothing yet; `keys` says in which partition each key is."""
        self._options = options
        self._topic = topic
        self._keys = dict(keys)
        self._partitions = sorted(set(keys.values()))
        self._ends: dict[int, int] = {}
        self._found: dict[str, Message] = {}
        self._consumer = Consumer(
            {
                **READING,
                **options,
                "isolation.level": "read_committed",
                "enable.partition.eof": True,
            },
            logger=LOG,
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._consumer.close()

    def refresh(self, seconds: float = 30.0) -> Mapping[str, Message]:
        """Give the newest message of each key that has one, as far as that time allows.

        Where many keys share a partition with one that was never written, all of the partition is
        read once; the time is for that.
        """
        deadline = time.monotonic() + seconds
        with self._translated():
            bounds = {partition: self._bounds(partition) for partition in self._partitions}
            if self._ends:
                spans = {at: (self._ends[at], high) for at, (_, high) in bounds.items()}
                for message in self._read(spans, deadline):
                    self._found[_key(message)] = message
            else:
                self._from_the_end(bounds, deadline)
            self._ends = {partition: high for partition, (_, high) in bounds.items()}
        return dict(self._found)

    def _from_the_end(self, bounds: Mapping[int, tuple[int, int]], deadline: float) -> None:
        starts = {partition: high for partition, (_, high) in bounds.items()}
        window = FIRST_WINDOW
        while spans := {
            partition: (max(bounds[partition][0], end - window), end)
            for partition, end in starts.items()
            if end > bounds[partition][0] and self._is_wanting(partition)
        }:
            # What was found nearer to the end is newer.
            older = {_key(message): message for message in self._read(spans, deadline)}
            self._found = older | self._found
            starts |= {partition: start for partition, (start, _) in spans.items()}
            window *= GROWTH
            if time.monotonic() > deadline:
                return

    def _is_wanting(self, partition: int) -> bool:
        return any(at == partition and key not in self._found for key, at in self._keys.items())

    def _bounds(self, partition: int) -> tuple[int, int]:
        at = TopicPartition(self._topic.name, partition)
        low, high = self._consumer.get_watermark_offsets(at, timeout=REQUEST_SECONDS)
        return int(low), int(high)

    def _read(self, spans: Mapping[int, tuple[int, int]], deadline: float) -> Iterator[Message]:
        ends = {partition: end for partition, (start, end) in spans.items() if start < end}
        name = self._topic.name
        self._consumer.assign([TopicPartition(name, at, spans[at][0]) for at in ends])
        while ends and time.monotonic() < deadline:
            for message in self._consumer.consume(1000, timeout=0.05):
                error, partition = message.error(), message.partition()
                if error is not None and error.code() != KafkaError._PARTITION_EOF:  # noqa: SLF001 - the client names it so
                    raise KafkaException(error)
                if partition not in ends:
                    continue
                if (message.offset() or 0) >= ends[partition]:
                    del ends[partition]
                    self._consumer.incremental_unassign([TopicPartition(name, partition)])
                elif error is None:
                    if message.offset() == ends[partition] - 1:
                        del ends[partition]
                        self._consumer.incremental_unassign([TopicPartition(name, partition)])
                    yield message

    @contextmanager
    def _translated(self) -> Iterator[None]:
        try:
            yield
        except KafkaException as error:
            raise broker.failure(KafkaDown, self._options, error) from error


def _key(message: Message) -> str:
    return (message.key() or b"").decode("utf-8", "replace")
