"""Dead letters of unified rows that could not be used; those of the join go with its outbox."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

from confluent_kafka import Producer

from schemas import topics
from schemas.codec import Encoder
from schemas.records import DeadLetter
from stream_app.sink.sink import Taken
from stream_app.worker.sender import FIXED, LOG, SETTINGS, Options

__all__ = ["Burial"]

LONGEST_KEY = 200


class Burial:
    """Produces dead letters in the background; the first one opens the producer."""

    def __init__(self, options: Options, schema_id: int, now: Callable[[], datetime]) -> None:
        self._settings = {**SETTINGS, **options, "enable.idempotence": FIXED["enable.idempotence"]}
        self._encode = Encoder(DeadLetter, schema_id).encode
        self._now = now
        self._producer: Producer | None = None

    def bury(self, taken: Taken) -> None:
        """Send what the sink could not use to the dead letters; a restart may send it again."""
        producer = self._producer = self._producer or Producer(self._settings, logger=LOG)
        for found in taken.unusable:
            key = found.key
            letter = DeadLetter(
                stage="stream",
                center_id=None if found.place is None else found.place[1],
                table=None,
                key=None if key is None else key[:LONGEST_KEY].decode(errors="replace"),
                reason=found.reason,
                source_version=None,
                topic=topics.UNIFIED_ENTRIES.name,
                partition=found.partition,
                offset=found.offset,
                at=self._now(),
            )
            producer.produce(topics.DEAD_LETTERS.name, key=key, value=self._encode(letter))
        producer.poll(0)

    def close(self) -> None:
        """Wait a moment for what is on its way."""
        if self._producer is not None:
            self._producer.flush(1.0)
