"""The commands that stand for a process's centers, followed for as long as it runs."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from contextlib import closing, suppress
from typing import TYPE_CHECKING, Final, Self

import structlog
from confluent_kafka import Consumer, KafkaError, KafkaException, TopicPartition

from producers.capture.commands import DONE, paused, send, standing
from producers.capture.errors import KafkaDown, Paused
from producers.capture.publisher import LOG, Options
from producers.capture.readback import READING
from schemas import broker, topics
from schemas.errors import RetryLater, SkipRecord

if TYPE_CHECKING:
    from confluent_kafka import Message as Received

    from schemas.codec import Decoder
    from schemas.records import Command

__all__ = ["Orders"]

REQUEST_SECONDS: Final = 10.0
# Somebody's open transaction may hide what stands; the broker ends it in this time.
READING_SECONDS: Final = 40.0
WAKE_SECONDS: Final = 0.5
CLOSING_SECONDS: Final = 1.0

log = structlog.get_logger("chartfeed.capture")


def _is_at_end(message: Received) -> bool:
    error = message.error()
    return error is not None and error.code() == KafkaError._PARTITION_EOF  # noqa: SLF001 - the client names it so


class Orders:
    """The commands that stand for a process's centers, followed by one consumer for them all."""

    def __init__(
        self,
        options: Options,
        partitions: int,
        decoder: Decoder[Command],
    ) -> None:
        self._options = options
        self._settings = {
            **READING,
            **options,
            "isolation.level": "read_committed",
            "enable.partition.eof": True,
            "fetch.wait.max.ms": 500,  # What comes is sent at once; this is how idle it may be.
        }
        self._partitions = partitions
        self._decoder = decoder
        self._changed: Callable[[str], None] = lambda _center: None
        self._standing: dict[str, Command | None] = {}
        # What stands though the newest message under its key is the end of another command.
        self._values: dict[str, bytes] = {}
        self._hidden: set[str] = set()
        self._ended = threading.Event()
        self._caught_up = threading.Event()
        self._failure: KafkaDown | None = None
        self._thread = threading.Thread(target=self._follow, name="commands", daemon=True)

    def tell(self, changed: Callable[[str], None]) -> None:
        """Have `changed` hear of each center that has a new command from then on."""
        self._changed = changed

    def of(self, center_id: str) -> Command | None:
        """Give the command that stands for a center now."""
        return self._standing.get(center_id)

    def held(self, center_id: str) -> Paused | None:
        """Give the error that holds a center which is paused."""
        return paused(self.of(center_id))

    def __enter__(self) -> Self:
        """Return when all that stands was read: a paused center must not start."""
        self._thread.start()
        self._caught_up.wait()
        if self._failure is not None:
            raise self._failure
        return self

    def __exit__(self, *_: object) -> None:
        self._ended.set()
        self._thread.join(CLOSING_SECONDS)

    def _follow(self) -> None:
        try:
            with closing(Consumer(self._settings, logger=LOG)) as consumer:
                self._catch_up(consumer)
                self._say_again()
                self._caught_up.set()
                while not self._ended.is_set():
                    for message in consumer.consume(100, timeout=WAKE_SECONDS):
                        center = self._take(message)
                        if center is not None:
                            self._changed(center)
                    self._say_again()
        except KafkaException as error:
            self._failure = broker.failure(KafkaDown, self._options, error)
            if self._caught_up.is_set():
                # The client goes on by itself after whatever passes: this is something else.
                log.error("commands are followed no more", error=str(self._failure))  # noqa: TRY400 - its trace says nothing
        except KafkaDown as error:
            self._failure = error
        finally:
            self._caught_up.set()

    def _catch_up(self, consumer: Consumer) -> None:
        deadline = time.monotonic() + READING_SECONDS
        ends, starts = {}, []
        uncommitted = {**self._settings, "isolation.level": "read_uncommitted"}
        with closing(Consumer(uncommitted, logger=LOG)) as looking:
            for partition in range(self._partitions):
                at = TopicPartition(topics.COMMANDS.name, partition)
                low, high = looking.get_watermark_offsets(at, timeout=REQUEST_SECONDS)
                starts.append(TopicPartition(topics.COMMANDS.name, partition, low))
                if high > low:
                    ends[partition] = high
        consumer.assign(starts)
        while ends and not self._ended.is_set():
            for message in consumer.consume(500, timeout=0.05):
                self._take(message)
                number, offset = message.partition(), message.offset() or 0
                if number is not None and _is_at_end(message) and offset >= ends.get(number, 0):
                    ends.pop(number, None)
            if time.monotonic() > deadline:
                raise KafkaDown(
                    f"{topics.COMMANDS.name} can't be read to its end: "
                    "a transaction is open there, or the broker is slow",
                    hint="is the broker up?",
                )

    def _take(self, message: Received) -> str | None:
        """Fold one message in, and give the center whose command is another one now."""
        if message.error() is not None:
            return None  # The client goes on by itself when the broker is back.
        center = (message.key() or b"").decode("utf-8", "replace")
        value, before = message.value(), self.of(center)
        try:
            told = None if value is None else self._decoder.decode(value)
        except (SkipRecord, RetryLater) as error:
            log.warning("a command can't be read", center=center, error=str(error))
            return None
        found = dict(message.headers() or ()).get(DONE)
        done_id = found.decode() if isinstance(found, bytes) else found
        now = self._standing[center] = standing(before, told, done_id)
        if value is not None:
            self._values[center] = value
        (self._hidden.add if value is None and now is not None else self._hidden.discard)(center)
        return None if now == before else center

    def _say_again(self) -> None:
        """Put what stands on top of the end of another command, which would outlive it."""
        hidden = {center: self._values[center] for center in self._hidden}
        # Until Kafka takes it, it is tried at every turn.
        with suppress(KafkaDown):
            if hidden:
                send(self._options, self._partitions, hidden)
            self._hidden.clear()
