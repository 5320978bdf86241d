"""Where partitions end, for readers of everything and for readers of what is committed."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Final

from confluent_kafka import IsolationLevel, KafkaException, TopicPartition
from confluent_kafka.admin import AdminClient, OffsetSpec

from producers.capture.errors import KafkaDown
from schemas import broker

if TYPE_CHECKING:
    from producers.capture.publisher import Options

__all__ = ["COMMITTED", "UNCOMMITTED", "Ends", "Positions"]

Positions = dict[tuple[str, int], int]
"""An offset by topic and partition."""

REQUEST_SECONDS: Final = 5.0
UNCOMMITTED: Final = IsolationLevel.READ_UNCOMMITTED
COMMITTED: Final = IsolationLevel.READ_COMMITTED


class Ends:
    def __init__(self, options: Options) -> None:
        self._options = options
        self._admin = AdminClient({"log_level": 0, **options})

    def of(self, at: Iterable[tuple[str, int]], isolation: IsolationLevel) -> Positions:
        """Give the first offset that is not there yet, or not for such a reader."""
        latest = OffsetSpec.latest()  # type: ignore[no-untyped-call]  # it ships none
        asked = {TopicPartition(name, number): latest for name, number in at}
        try:
            answers = self._admin.list_offsets(
                asked, isolation_level=isolation, request_timeout=REQUEST_SECONDS
            )
            return {
                (at.topic, at.partition): answer.result().offset for at, answer in answers.items()
            }
        except KafkaException as error:
            raise broker.failure(KafkaDown, self._options, error) from error
