"""One source partition's topics, read from given offsets to given ends; no group, no commits."""

from __future__ import annotations

import logging
import time
from collections.abc import Collection, Iterator, Mapping
from contextlib import ExitStack, closing, contextmanager
from typing import Final, NamedTuple

from confluent_kafka import Consumer, KafkaError, KafkaException, TopicPartition

from schemas.errors import Failed, Outside
from stream_app.batches import Batch
from stream_app.join import TOPICS

__all__ = ["Options", "Source", "opened"]

Options = Mapping[str, str | int | float | bool]

AT_ONCE: Final = 10_000
WAIT_SECONDS: Final = 0.05
SILENT_SECONDS: Final = 60.0
SETTINGS: Final[Options] = {
    "log_level": 0,
    "socket.connection.setup.timeout.ms": 5000,
    "fetch.wait.max.ms": 20,
    "queued.max.messages.kbytes": 16384,
}
FIXED: Final[Options] = {
    # The client wants a name; the group is never joined and nothing is committed.
    "group.id": "chartfeed-replay",
    "enable.auto.commit": False,
    "enable.auto.offset.store": False,
    "enable.partition.eof": True,
    "isolation.level": "read_committed",
    "auto.offset.reset": "earliest",
}
LOG: Final = logging.getLogger("chartfeed.kafka")


class Record(NamedTuple):
    """A record as the join wants it. (A tuple: there are many.)"""

    offset: int
    key: bytes | None
    value: bytes | None
    timestamp: int = 0


@contextmanager
def opened(options: Options) -> Iterator[Source]:
    """Give a source that is closed afterwards."""
    with ExitStack() as stack:
        consumers = {
            topic: stack.enter_context(
                closing(Consumer({**SETTINGS, **options, **FIXED}, logger=LOG))
            )
            for topic in TOPICS
        }
        yield Source(consumers)


class Source:
    """Reads one partition at a time: each topic has a consumer of its own, so one can wait."""

    def __init__(self, consumers: Mapping[str, Consumer]) -> None:
        self._consumers = consumers
        self._partition = 0
        self._ends: Mapping[str, int] = {}
        self.positions: dict[str, int] = {}
        self._heard = 0.0

    def begin(self, partition: int, starts: Mapping[str, int], ends: Mapping[str, int]) -> None:
        """Read these topics of a partition from `starts` (else the beginning) up to `ends`."""
        self._partition, self._ends = partition, ends
        self.positions = {topic: starts.get(topic, 0) for topic in ends}
        self._heard = time.monotonic()
        for topic in self._left():
            self._consumers[topic].assign([TopicPartition(topic, partition, self.positions[topic])])

    @property
    def ended(self) -> bool:
        """Tell whether all topics are read to their ends."""
        return not self._left()

    def read(self, ahead: Collection[str] = ()) -> list[Batch]:
        """Give what came next; topics that are ahead wait, unless there is nothing else."""
        left = self._left()
        wanted = [topic for topic in left if topic not in ahead] or left
        found = [batch for topic in wanted if (batch := self._next(topic, 0.0)) is not None]
        if not found and wanted and (batch := self._next(wanted[0], WAIT_SECONDS)) is not None:
            found.append(batch)
        if found:
            self._heard = time.monotonic()
        elif time.monotonic() - self._heard > SILENT_SECONDS:
            raise Outside(f"Kafka sends nothing of {wanted[0]}", hint="is the broker up?")
        return found

    def _left(self) -> list[str]:
        return [topic for topic, end in self._ends.items() if self.positions[topic] < end]

    def _next(self, topic: str, wait: float) -> Batch | None:
        try:
            messages = self._consumers[topic].consume(AT_ONCE, wait)
        except KafkaException as error:
            raise Outside(f"Kafka: {error.args[0].str()}", hint="is the broker up?") from error
        end, position = self._ends[topic], self.positions[topic]
        records: list[Record] = []
        for message in messages:
            offset: int = message.offset()  # type: ignore[assignment]  # a record has one
            failed = message.error()
            if failed is not None:
                self._refuse(topic, failed, offset)
            if offset >= end:
                position = end
                break
            if failed is None:
                # A key or value is bytes, whatever the client's types say.
                records.append(Record(offset, message.key(), message.value()))
                position = offset + 1
        if position == self.positions[topic]:
            return None
        self.positions[topic] = position
        if position >= end:
            self._consumers[topic].unassign()
        return Batch(topic, self._partition, records, position)

    def _refuse(self, topic: str, error: KafkaError, offset: int) -> None:
        """Let an end of the partition pass, but not one before the end that is expected."""
        if error.code() != KafkaError._PARTITION_EOF:  # noqa: SLF001 - the client names it so
            raise Outside(f"Kafka: {error}", hint="is the broker up?")
        if offset < self._ends[topic]:
            raise Failed(
                f"{topic}:{self._partition} ends at {offset} now, and went on to "
                f"{self._ends[topic]} before",
                hint="the topic has lost records; replay again from what it holds",
            )
