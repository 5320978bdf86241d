"""The stream app as its consumer group shows it: how many workers, and how far behind."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from confluent_kafka import (
    ConsumerGroupTopicPartitions,
    IsolationLevel,
    KafkaError,
    KafkaException,
    TopicPartition,
)
from confluent_kafka.admin import AdminClient, OffsetSpec

from producers.capture.errors import KafkaDown

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["GROUP", "Stream", "look"]

GROUP: Final = "chartfeed-stream"
REQUEST_SECONDS: Final = 5.0


@dataclass(frozen=True, slots=True)
class Stream:
    """`lag_events` is None where the group has never read anything."""

    workers: int
    lag_events: int | None


def look(options: Mapping[str, str | int | float | bool], group: str = GROUP) -> Stream:
    """Give the group's members, and how many records they have not read yet, markers included."""
    admin = AdminClient({"log_level": 0, **options})
    try:
        described = admin.describe_consumer_groups([group], request_timeout=REQUEST_SECONDS)
        workers = len(described[group].result().members)
        asked = [ConsumerGroupTopicPartitions(group)]
        listed = admin.list_consumer_group_offsets(asked, request_timeout=REQUEST_SECONDS)
        found = listed[group].result().topic_partitions or []
        read = {(at.topic, at.partition): at.offset for at in found if at.offset >= 0}
        if not read:
            return Stream(workers, None)
        latest = OffsetSpec.latest()  # type: ignore[no-untyped-call]  # it ships none
        answers = admin.list_offsets(
            {TopicPartition(*at): latest for at in read},
            isolation_level=IsolationLevel.READ_COMMITTED,
            request_timeout=REQUEST_SECONDS,
        )
        ends = {(at.topic, at.partition): answer.result().offset for at, answer in answers.items()}
    except KafkaException as error:
        fault = error.args[0]
        if fault.code() == KafkaError.GROUP_ID_NOT_FOUND:
            return Stream(0, None)
        raise KafkaDown(f"Kafka: {fault.str()}", hint="is the broker up?") from error
    return Stream(workers, sum(max(0, end - read[at]) for at, end in ends.items()))
