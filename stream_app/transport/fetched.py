"""Records as they were fetched, a partition's in one piece, and a fetch through Faust in one."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import faust

__all__ = ["BatchSchema", "Fetched"]


@dataclass(frozen=True, slots=True)
class Fetched:
    """Committed records of one partition, and the positions before and behind them.

    The positions are the consumer's: transaction markers, aborted transactions and compaction
    leave holes, so `position` may be above the last record's offset + 1, and there may be no
    record at all. One batch of a partition begins where the one before ended.
    """

    topic: str
    partition: int
    records: Sequence[Any]
    start: int
    position: int

    @property
    def timestamp(self) -> int:
        """Give the milliseconds of the last record, 0 where there is none."""
        return self.records[-1].timestamp if self.records else 0


class BatchSchema(faust.Schema[Any, Any]):
    """Faust's `Schema`: passes batches on as they are; the codec knows what is in them."""

    def loads_key(self, app: Any, message: Any, **_options: Any) -> None:
        del app, message

    def loads_value(self, app: Any, message: Any, **_options: Any) -> Any:
        del app
        return message.value
