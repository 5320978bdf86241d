"""Dead letters of unified rows that could not be used; those of the join go with its outbox.

The sink's state keeps what has no letter until Kafka has it for certain: so each record has one,
and after a failure perhaps two.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Final

from confluent_kafka import KafkaError, KafkaException, Message, Producer

from schemas import topics
from schemas.codec import Encoder
from schemas.records import DeadLetter
from stream_app.letters import letter
from stream_app.sink.rows import Unusable
from stream_app.worker.errors import KafkaDown
from stream_app.worker.sender import FIXED, LOG, SETTINGS, Options

__all__ = ["Burial"]

PATIENCE: Final = 5.0
LOOK_SECONDS: Final = 0.2


class Burial:
    """Produces dead letters; the first one opens the producer."""

    def __init__(self, options: Options, schema_id: int, now: Callable[[], datetime]) -> None:
        self._settings = {**SETTINGS, **options, "enable.idempotence": FIXED["enable.idempotence"]}
        self._encode = Encoder(DeadLetter, schema_id).encode
        self._now = now
        self._producer: Producer | None = None

    def bury(self, unusable: Sequence[Unusable], stopped: Callable[[], bool]) -> None:
        """Put what the sink could not use to the dead letters; KafkaDown if that is not certain."""
        producer = self._producer = self._producer or Producer(self._settings, logger=LOG)
        failed: list[str] = []

        def report(error: KafkaError | None, _: Message) -> None:
            if error is not None:
                failed.append(error.str())

        deadline = time.monotonic() + PATIENCE
        try:
            for found in unusable:
                key, value = self._letter(found)
                producer.produce(topics.DEAD_LETTERS.name, value, key, on_delivery=report)
            while producer.flush(LOOK_SECONDS):
                if stopped() or time.monotonic() > deadline:
                    failed.append("it does not answer")
                    break
        except (BufferError, KafkaException) as error:
            self.close()
            raise KafkaDown(f"the dead letters can't be sent: {error}") from error
        if failed:
            self.close()
            raise KafkaDown(f"Kafka did not take the dead letters: {failed[0]}")

    def _letter(self, found: Unusable) -> tuple[bytes | None, bytes]:
        """Give key and value of a record's letter, however long its own key is."""
        key, content = letter(
            topics.UNIFIED_ENTRIES.name,
            found.partition,
            found.offset,
            found.key,
            center=None if found.place is None else found.place[1],
            reason=found.reason,
            at=self._now(),
        )
        return key, self._encode(content)

    def close(self) -> None:
        """Let go of the producer, and of what is on its way: the state has it still."""
        producer, self._producer = self._producer, None
        if producer is not None:
            producer.purge()
