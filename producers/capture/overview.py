"""What the topics say of each center: its last status, its checkpoint, and what is asked of it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import TYPE_CHECKING, Any, Final, Self

import structlog

from producers.capture.commands import standing
from producers.capture.learning import Learning
from producers.capture.tails import Tail
from schemas import avro, topics
from schemas.errors import Outside, SkipRecord
from schemas.records import CenterStatus, Checkpoint, Command
from schemas.topics import Topic

if TYPE_CHECKING:
    from confluent_kafka import Message

    from producers.capture.publisher import Options
    from schemas.codec import Decoder

__all__ = ["Known", "Overview"]

READING_SECONDS: Final = 30.0
TOPICS: Final[dict[type[Any], Topic]] = {
    CenterStatus: topics.CENTER_STATUS,
    Checkpoint: topics.CHECKPOINTS,
    Command: topics.COMMANDS,
}

log = structlog.get_logger("chartfeed.capture")


@dataclass(frozen=True, slots=True)
class Known:
    """What is known of a center; a status may have expired."""

    status: CenterStatus | None = None
    checkpoint: Checkpoint | None = None
    command: Command | None = None

    def told(self, now: datetime) -> CenterStatus | None:
        """Give the status of a producer that is there: one that has expired is believed no more."""
        status = self.status
        return None if status is None or status.expires_at < now else status


class Overview:
    """Follows the centers' records in three topics; works wherever their producers run."""

    def __init__(
        self,
        options: Options,
        partitions: int,
        schema_of: Callable[[int], avro.Json],
        centers: Iterable[str],
        records: Iterable[type[Any]] = (CenterStatus, Checkpoint, Command),
    ) -> None:
        """Open nothing yet; `schema_of` asks the registry, and may raise Outside.

        What is not among the `records` stays unknown.
        """
        self._options = options
        self._schema_of = schema_of
        self._keys = {center: topics.partition_of_center(center, partitions) for center in centers}
        self._decoders: dict[type[Any], Decoder[Any]] = {
            type_: Learning(type_, partial(self._schema, type_)) for type_ in records
        }
        self._stack = ExitStack()
        self._tails: dict[type[Any], Tail] = {}

    def __enter__(self) -> Self:
        for type_ in self._decoders:
            tail = Tail(self._options, TOPICS[type_], self._keys)
            self._tails[type_] = self._stack.enter_context(tail)
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()

    def read(self, seconds: float = READING_SECONDS) -> dict[str, Known]:
        """Give what is known of each center now, or raise KafkaDown; asked again, it is quick."""
        found = {type_: tail.refresh(seconds) for type_, tail in self._tails.items()}
        return {
            center: Known(
                status=self._decoded(CenterStatus, found, center),
                checkpoint=self._decoded(Checkpoint, found, center),
                command=standing(None, self._decoded(Command, found, center), done_id=None),
            )
            for center in self._keys
        }

    def _decoded(
        self, type_: type[Any], found: Mapping[type[Any], Mapping[str, Message]], center: str
    ) -> Any:
        message = found.get(type_, {}).get(center)
        value = None if message is None else message.value()
        if value is None:
            return None
        try:
            return self._decoders[type_].decode(value)
        except SkipRecord as error:
            log.warning("a record can't be read", type=type_.__name__, error=str(error))
            return None

    def _schema(self, type_: type[Any], schema_id: int) -> avro.Json:
        try:
            return self._schema_of(schema_id)
        except Outside:
            # The registry is gone, and that is when somebody looks: it will be our own.
            return avro.load(type_)
