"""What the transport hands to join and sink: the records of one topic's partition, in order."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

__all__ = ["Batch", "Rec"]


class Rec(Protocol):
    """A Kafka record, as aiokafka's ConsumerRecord is one."""

    @property
    def offset(self) -> int: ...
    @property
    def key(self) -> bytes | None: ...
    @property
    def value(self) -> bytes | None: ...
    @property
    def timestamp(self) -> int:
        """Milliseconds since 1970."""
        ...


@dataclass(frozen=True, slots=True)
class Batch:
    """Records that follow each other in one partition of a topic.

    `position` is the consumer's behind them. Transaction markers and compaction leave holes, so
    it may be above the last offset + 1, and a batch without records still moves it.
    """

    topic: str
    partition: int
    records: Sequence[Rec]
    position: int
