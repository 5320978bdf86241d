"""What operators ask of a center: a value under its key, taken away when it is done.

One command stands per center. The topic's messages are folded in their order: a newer command
takes the place of an older one, `resume` leaves none, and a producer that has done what was asked
takes away the command of that id alone, whatever came meanwhile.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping
from contextlib import closing
from typing import TYPE_CHECKING, Final, Self

import structlog
from confluent_kafka import Consumer, KafkaError, KafkaException, Producer, TopicPartition

from producers.capture.errors import KafkaDown, Paused
from producers.capture.events import Message
from producers.capture.publisher import LOG, SETTINGS, Options
from producers.capture.readback import READING
from schemas import topics
from schemas.errors import SkipRecord

if TYPE_CHECKING:
    from confluent_kafka import Message as Received

    from schemas.codec import Decoder
    from schemas.records import Command

__all__ = ["Orders", "done", "is_confirmed", "paused", "send", "standing"]

SENDING_SECONDS: Final = 10.0
# Somebody's open transaction may hide what stands; the broker ends it in this time.
READING_SECONDS: Final = 40.0
WAKE_SECONDS: Final = 0.5
CLOSING_SECONDS: Final = 1.0
DONE: Final = "command"
STANDING: Final = frozenset({"pause", "resync"})

log = structlog.get_logger("chartfeed.capture")


def standing(before: Command | None, told: Command | None, done_id: str | None) -> Command | None:
    """Give the command that stands after a message: a command, or None and the id that is done."""
    if told is not None:
        return told if told.action in STANDING else None
    if before is not None and done_id is not None and before.command_id != done_id:
        return before  # What was done is another one; this came while it was at work.
    return None


def done(command: Command, version: int) -> Message:
    """Give the message that takes a command away; it commits with the end of what was asked."""
    key = command.center_id.encode()
    headers = ((DONE, command.command_id.encode()),)
    return Message(topics.COMMANDS.name, key, None, headers, "", version)


def is_confirmed(command: Command | None) -> bool:
    """Tell whether a resync is asked for that may delete whatever is gone."""
    return (
        command is not None
        and command.action == "resync"
        and command.arguments.get("confirm") == "yes"
    )


def paused(command: Command | None) -> Paused | None:
    """Give the error that holds a center which somebody has paused, None where nobody has."""
    if command is None or command.action != "pause":
        return None
    reason = command.arguments.get("reason")
    return Paused(
        f"paused by {command.requested_by or 'somebody'}" + (f": {reason}" if reason else ""),
        hint=f"chartfeed resume {command.center_id}",
        center=command.center_id,
    )


def send(options: Options, partitions: int, values: Mapping[str, bytes]) -> None:
    """Put commands, by center, where the centers' producers read them, or raise KafkaDown."""
    producer = Producer({**SETTINGS, **options, "enable.idempotence": True}, logger=LOG)
    delivered: list[bool] = []
    for center_id, value in values.items():
        producer.produce(
            topics.COMMANDS.name,
            key=center_id.encode(),
            value=value,
            partition=topics.partition_of_center(center_id, partitions),
            on_delivery=lambda error, _message: delivered.append(error is None),
        )
    producer.flush(SENDING_SECONDS)
    if delivered != [True] * len(values):
        producer.purge()
        raise KafkaDown("Kafka did not take the command", hint="is the broker up?")


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
                self._caught_up.set()
                while not self._ended.is_set():
                    for message in consumer.consume(100, timeout=WAKE_SECONDS):
                        center = self._take(message)
                        if center is not None:
                            self._changed(center)
        except KafkaException as error:
            self._failure = KafkaDown(f"Kafka: {error.args[0].str()}", hint="is the broker up?")
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
                low, high = looking.get_watermark_offsets(at, timeout=SENDING_SECONDS)
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
        except SkipRecord as error:
            log.warning("a command can't be read", center=center, error=str(error))
            return None
        found = dict(message.headers() or ()).get(DONE)
        done_id = found.decode() if isinstance(found, bytes) else found
        self._standing[center] = standing(before, told, done_id)
        return None if self._standing[center] == before else center
