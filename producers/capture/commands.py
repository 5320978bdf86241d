"""What operators ask of a center: a value under its key, taken away when it is done."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from confluent_kafka import Producer

from producers.capture.errors import KafkaDown
from producers.capture.events import Message
from producers.capture.publisher import LOG, SETTINGS, Options
from schemas import topics

if TYPE_CHECKING:
    from producers.capture.readback import Readback
    from schemas.codec import Decoder
    from schemas.records import Command

__all__ = ["done", "is_confirmed", "send"]

PATIENCE: Final = 10.0


def send(options: Options, partition: int, center_id: str, value: bytes) -> None:
    """Put a command where the center's producer reads it, or raise KafkaDown."""
    producer = Producer({**SETTINGS, **options, "enable.idempotence": True}, logger=LOG)
    delivered: list[bool] = []
    producer.produce(
        topics.COMMANDS.name,
        key=center_id.encode(),
        value=value,
        partition=partition,
        on_delivery=lambda error, _message: delivered.append(error is None),
    )
    producer.flush(PATIENCE)
    if delivered != [True]:
        raise KafkaDown("Kafka did not take the command", hint="is the broker up?")


def is_confirmed(readback: Readback, decoder: Decoder[Command], center_id: str) -> bool:
    """Tell whether somebody has confirmed a resync of the center that was not done yet."""
    value = readback.last(topics.COMMANDS, center_id.encode())
    if value is None:
        return False
    command = decoder.decode(value)
    return command.action == "resync" and command.arguments.get("confirm") == "yes"


def done(center_id: str, version: int) -> Message:
    """Give the tombstone that takes a center's command away; it commits with what was asked."""
    return Message(topics.COMMANDS.name, center_id.encode(), None, (), "", version)
