"""How long changes took: followed in the topic where the join tells what it has applied."""

from __future__ import annotations

import time
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Final

from confluent_kafka import Consumer, KafkaException, TopicPartition

from producers.capture.errors import KafkaDown
from producers.capture.learning import Learning
from producers.capture.publisher import LOG
from producers.capture.readback import READING
from schemas import avro, topics
from schemas.errors import Outside, SkipRecord
from schemas.records import Progress

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from producers.capture.publisher import Options

__all__ = ["Applications", "Applied"]

REQUEST_SECONDS: Final = 5.0
# What a look reads at most: a backlog takes several, and the rest of the console goes on.
MOST: Final = 20_000
LOOK_SECONDS: Final = 0.5


@dataclass(frozen=True, slots=True)
class Applied:
    """A change of a center that became rows at a moment, so many seconds after it was read."""

    center_id: str
    at: float
    seconds: float


class Applications:
    """Follows the topic from some time ago; for one thread."""

    def __init__(
        self, options: Options, partitions: int, schema_of: Callable[[int], avro.Json], since: float
    ) -> None:
        """Open nothing yet."""
        self._partitions = range(partitions)
        self._since = since
        self._decoder = Learning(Progress, partial(self._schema, schema_of))
        self._versions: dict[str, int] = {}
        self._is_assigned = False
        self._consumer = Consumer(
            {
                **READING,
                **options,
                "group.id": "chartfeed-console",  # The client wants one; it is never joined.
                "isolation.level": "read_committed",
                "enable.auto.commit": False,
                "auto.offset.reset": "latest",
            },
            logger=LOG,
        )

    def close(self) -> None:
        self._consumer.close()

    def look(self) -> list[Applied]:
        """Give what was applied since the last look."""
        with _translated():
            if not self._is_assigned:
                self._assign()
            found: list[Applied] = []
            deadline = time.monotonic() + LOOK_SECONDS
            left = MOST
            while left > 0 and time.monotonic() < deadline:
                messages = self._consumer.consume(min(left, 2000), timeout=0.02)
                if not messages:
                    break
                left -= len(messages)
                for message in messages:
                    if message.error() is None:
                        found.extend(self._applied(message.value()))
            return found

    def _applied(self, value: bytes | None) -> Iterator[Applied]:
        if value is None:
            return
        try:
            progress = self._decoder.decode(value)
        except SkipRecord:
            return  # The workers say what is wrong with it; a figure less is no harm.
        before = self._versions.get(progress.center_id)
        self._versions[progress.center_id] = progress.version
        # A position that is merely refreshed says nothing of changes.
        if before is not None and progress.version > before:
            seconds = (progress.applied_at - progress.captured_at).total_seconds()
            yield Applied(progress.center_id, progress.applied_at.timestamp(), max(0.0, seconds))

    def _assign(self) -> None:
        at = [
            TopicPartition(topics.PROGRESS.name, one, int(self._since * 1000))
            for one in self._partitions
        ]
        self._consumer.assign(self._consumer.offsets_for_times(at, timeout=REQUEST_SECONDS))
        self._is_assigned = True

    @staticmethod
    def _schema(schema_of: Callable[[int], avro.Json], schema_id: int) -> avro.Json:
        try:
            return schema_of(schema_id)
        except Outside:
            return avro.load(Progress)


@contextmanager
def _translated() -> Iterator[None]:
    try:
        yield
    except KafkaException as error:
        raise KafkaDown(f"Kafka: {error.args[0].str()}", hint="is the broker up?") from error
