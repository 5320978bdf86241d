"""The stream app as its consumer group shows it: how many workers, and how far behind."""

from __future__ import annotations

import time
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
from schemas import broker, topics

if TYPE_CHECKING:
    from collections.abc import Iterable

    from producers.capture.publisher import Options

__all__ = ["GROUP", "Stream", "look"]

GROUP: Final = "chartfeed-stream"
READ: Final = (*topics.SOURCE, topics.CHECKPOINTS, topics.UNIFIED_ENTRIES)
REQUEST_SECONDS: Final = 5.0
COORDINATOR_SECONDS: Final = 0.1
# A broker that has just started first makes or reads the topic of groups.
COORDINATOR_COMES: Final = frozenset(
    {
        KafkaError.COORDINATOR_LOAD_IN_PROGRESS,
        KafkaError.COORDINATOR_NOT_AVAILABLE,
        KafkaError.NOT_COORDINATOR,
    }
)


@dataclass(frozen=True, slots=True)
class Stream:
    """`lag_events` counts what the group has not read, transactions' markers included."""

    workers: int
    lag_events: int


def look(options: Options, group: str = GROUP) -> Stream:
    """Give the group's members, and how much of what the stream reads they have not read yet."""
    admin = AdminClient({"log_level": 0, **options})
    workers = _workers(admin, group, options)
    try:
        asked = [ConsumerGroupTopicPartitions(group)]
        listed = admin.list_consumer_group_offsets(asked, request_timeout=REQUEST_SECONDS)
        found = listed[group].result().topic_partitions or []
        read = {(at.topic, at.partition): at.offset for at in found if at.offset >= 0}
        there = admin.list_topics(timeout=REQUEST_SECONDS).topics
        partitions = {
            (topic.name, number)
            for topic in READ
            if topic.name in there
            for number in there[topic.name].partitions
        }
        begins = _offsets(admin, partitions - read.keys(), OffsetSpec.earliest())  # type: ignore[no-untyped-call]  # it ships none
        ends = _offsets(admin, partitions | read.keys(), OffsetSpec.latest())  # type: ignore[no-untyped-call]  # same
    except KafkaException as error:
        raise broker.failure(KafkaDown, options, error) from error
    return Stream(workers, sum(max(0, end - (begins | read)[at]) for at, end in ends.items()))


def _workers(admin: AdminClient, group: str, options: Options) -> int:
    """Give how many members it has, none if nobody knows it."""
    deadline = time.monotonic() + REQUEST_SECONDS
    while True:
        described = admin.describe_consumer_groups([group], request_timeout=REQUEST_SECONDS)
        try:
            return len(described[group].result().members)
        except KafkaException as error:
            code = error.args[0].code()
            if code == KafkaError.GROUP_ID_NOT_FOUND:
                return 0
            if code not in COORDINATOR_COMES or time.monotonic() > deadline:
                raise broker.failure(KafkaDown, options, error) from error
        time.sleep(COORDINATOR_SECONDS)


def _offsets(
    admin: AdminClient, partitions: Iterable[tuple[str, int]], spec: OffsetSpec
) -> dict[tuple[str, int], int]:
    asked = {TopicPartition(*at): spec for at in partitions}
    if not asked:
        return {}
    answers = admin.list_offsets(
        asked,
        isolation_level=IsolationLevel.READ_COMMITTED,
        request_timeout=REQUEST_SECONDS,
    )
    return {(at.topic, at.partition): answer.result().offset for at, answer in answers.items()}
