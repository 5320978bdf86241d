"""What operators ask of a center: a value under its key, taken away when it is done.

One command stands per center. The topic's messages are folded in their order: a newer command
takes the place of an older one, `resume` leaves none, and a producer that has done what was asked
takes away the command of that id alone, whatever came meanwhile. orders.py follows them.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Final

from confluent_kafka import Producer

from producers.capture.errors import KafkaDown, Paused
from producers.capture.events import Message
from producers.capture.publisher import LOG, SETTINGS, Options
from schemas import topics

if TYPE_CHECKING:
    from schemas.records import Command

__all__ = ["DONE", "done", "is_confirmed", "paused", "send", "standing"]

SENDING_SECONDS: Final = 10.0
DONE: Final = "command"
STANDING: Final = frozenset({"pause", "resync"})


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
