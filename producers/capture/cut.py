"""A cut through the topics: where everything ends now, so that no transaction is cut in two.

The checkpoint decides on which side a source transaction lies. A checkpoint below the cut has all
the events it covers below it: the checkpoints' ends are taken first, and the other topics' after
them, when no transaction is open any more below what was written by then. Events below the cut
whose checkpoint lies above it belong, like that checkpoint, to what comes after: a reader that
applies events when their checkpoint comes, as the join does, applies each source transaction on
one side of the cut as a whole. This holds for every center, whatever the others are doing.
"""

from __future__ import annotations

import time
from collections.abc import Iterable
from typing import TYPE_CHECKING, Final

from confluent_kafka import IsolationLevel, KafkaException, TopicPartition
from confluent_kafka.admin import AdminClient, OffsetSpec

from producers.capture.errors import KafkaDown
from schemas import topics

if TYPE_CHECKING:
    from producers.capture.publisher import Options

__all__ = ["Positions", "positions"]

Positions = dict[tuple[str, int], int]
"""By topic and partition the offset of the first record after the cut."""

# Another's open transaction is ended by the broker in this time.
WAITING_SECONDS: Final = 40.0
AGAIN_SECONDS: Final = 0.05
REQUEST_SECONDS: Final = 5.0
UNCOMMITTED: Final = IsolationLevel.READ_UNCOMMITTED
COMMITTED: Final = IsolationLevel.READ_COMMITTED


def positions(options: Options, partitions: int) -> Positions:
    """Give a cut of the source topics and the checkpoints, or raise KafkaDown."""
    admin = AdminClient({"log_level": 0, **options})
    checkpoints = _ends(admin, [topics.CHECKPOINTS.name], partitions, COMMITTED)
    names = [topic.name for topic in topics.SOURCE]
    written = _ends(admin, names, partitions, UNCOMMITTED)
    deadline = time.monotonic() + WAITING_SECONDS
    while any(end < written[at] for at, end in _ends(admin, names, partitions, COMMITTED).items()):
        if time.monotonic() > deadline:
            raise KafkaDown(
                "a transaction stays open in the source topics", hint="is the broker well?"
            )
        time.sleep(AGAIN_SECONDS)
    return written | checkpoints


def _ends(
    admin: AdminClient, names: Iterable[str], partitions: int, isolation: IsolationLevel
) -> Positions:
    latest = OffsetSpec.latest()  # type: ignore[no-untyped-call]  # it ships none
    asked = {TopicPartition(name, number): latest for name in names for number in range(partitions)}
    try:
        answers = admin.list_offsets(
            asked, isolation_level=isolation, request_timeout=REQUEST_SECONDS
        )
        return {(at.topic, at.partition): answer.result().offset for at, answer in answers.items()}
    except KafkaException as error:
        raise KafkaDown(f"Kafka: {error.args[0].str()}", hint="is the broker up?") from error
