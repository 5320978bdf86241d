"""Through which version a running stream's files are complete, beyond what old manifests say.

A day's manifest is written when the day changes. That an old day did not change since is told by
the join's Progress and the sink's position: where the position has passed the end of a center's
rows, every file of that partition shows what Progress covers, or waits to be written (`unwritten`).
"""

from __future__ import annotations

from contextlib import closing
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from confluent_kafka import Consumer, KafkaException, TopicPartition

from chartfeed.stream_group import GROUP
from producers.capture.errors import KafkaDown
from producers.capture.tails import Tail
from producers.registry import Registry
from schemas import broker, topics
from schemas.codec import Decoder, UnknownSchema
from schemas.records import Progress

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import date

    from chartfeed.settings import Settings

__all__ = ["Live", "look"]

PATIENCE: Final = 10.0
QUIET: Final = {"log_level": 0, "enable.auto.commit": False}


@dataclass(frozen=True, slots=True)
class Live:
    """The newest whole Progress of each center, and the sink's position in each partition."""

    partitions: int
    progress: Mapping[str, Progress]
    positions: Mapping[int, int]

    def through(self, center_id: str, day: date) -> int | None:
        """Give the version that a center's rows of a day show at least, None where it is open."""
        progress = self.progress.get(center_id)
        if progress is None or progress.partial:
            return None
        partition = topics.partition_of_day(day, self.partitions)
        ends = [
            offset.offset
            for offset in progress.offsets
            if offset.topic == topics.UNIFIED_ENTRIES.name and offset.partition == partition
        ]
        passed = self.positions.get(partition, 0) > max(ends, default=-1)
        return progress.version if passed else None


def look(settings: Settings, centers: Sequence[str]) -> Live:
    """Ask Kafka once, or raise what kept it from telling."""
    options = settings.kafka.client
    partitions = settings.kafka.topics.partitions
    keys = {center: topics.partition_of_center(center, partitions) for center in centers}
    registry, decoder = settings.registry.client(), Decoder(Progress)
    with Tail(options, topics.PROGRESS, keys) as tail:
        found = {center: message.value() for center, message in tail.refresh(PATIENCE).items()}
    progress = {}
    for center, value in found.items():
        if value is not None and center in keys:
            progress[center] = _decoded(decoder, registry, value)
    return Live(partitions, progress, _positions(options, partitions))


def _decoded(decoder: Decoder[Progress], registry: Registry, value: bytes) -> Progress:
    try:
        return decoder.decode(value)
    except UnknownSchema as unknown:
        decoder.learn(unknown.schema_id, registry.schema(unknown.schema_id))
        return decoder.decode(value)


def _positions(options: Mapping[str, str | int | float | bool], partitions: int) -> dict[int, int]:
    asked = [TopicPartition(topics.UNIFIED_ENTRIES.name, at) for at in range(partitions)]
    settings = {**QUIET, **options, "group.id": GROUP}
    try:
        with closing(Consumer(settings)) as consumer:
            found = consumer.committed(asked, timeout=PATIENCE)
    except KafkaException as error:
        raise broker.failure(KafkaDown, options, error) from error
    return {at.partition: at.offset for at in found if at.offset >= 0}
