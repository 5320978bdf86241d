"""A center's last events, by their keys and headers alone: no value is read, so no text shows."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final, cast

from confluent_kafka import Consumer, KafkaError, KafkaException, TopicPartition

from chartfeed.console.numbers import whole
from producers.capture.errors import KafkaDown
from producers.capture.events import TABLES
from producers.capture.publisher import LOG
from producers.capture.readback import READING

if TYPE_CHECKING:
    from confluent_kafka import Message

    from producers.capture.publisher import Options
    from schemas.records import Checkpoint

__all__ = ["Event", "newest"]

# How far before the center's last event of a topic is looked; other centers' are among them.
WINDOW: Final = 200
MOST: Final = 20
PATIENCE: Final = 3.0
# A source's version is a bigint.
VERSION_DIGITS: Final = 19
TABLE_OF: Final = {topic.name: table for table, (topic, _) in TABLES.items()}


Headers = list[tuple[str, str | bytes | None]]


@dataclass(frozen=True, slots=True)
class Event:
    at: datetime
    table: str
    operation: str
    row: str
    version: int | None


def newest(options: Options, checkpoint: Checkpoint, most: int = MOST) -> list[Event]:
    """Give a center's newest events, the newest first; the checkpoint says where they are."""
    spans = {
        (one.topic, one.partition): (max(0, one.offset - WINDOW + 1), one.offset + 1)
        for one in checkpoint.offsets
        if one.topic in TABLE_OF and one.offset >= 0
    }
    found = [
        _event(message)
        for message in _read(options, spans)
        if _key(message).startswith(f"{checkpoint.center_id}/")
    ]
    return sorted(found, key=lambda one: one.at, reverse=True)[:most]


def _event(message: Message) -> Event:
    headers = {name: _text(value) for name, value in cast("Headers", message.headers() or [])}
    version = headers.get("source_version", "")
    return Event(
        at=datetime.fromtimestamp(message.timestamp()[1] / 1000, UTC),
        table=TABLE_OF[message.topic() or ""],
        operation=headers.get("operation", ""),
        row=_key(message).partition("/")[2],
        version=whole(version, otherwise=None, digits=VERSION_DIGITS),
    )


def _key(message: Message) -> str:
    return _text(message.key())


def _text(value: str | bytes | None) -> str:
    return value.decode("utf-8", "replace") if isinstance(value, bytes) else value or ""


def _read(options: Options, spans: Mapping[tuple[str, int], tuple[int, int]]) -> Iterator[Message]:
    """Read what is committed between offsets."""
    if not spans:
        return
    settings = {**READING, **options, "isolation.level": "read_committed"}
    consumer = Consumer(settings | {"enable.partition.eof": True}, logger=LOG)
    deadline = time.monotonic() + PATIENCE
    left = dict(spans)
    with _translated(), closing(consumer):
        consumer.assign([TopicPartition(*at, first) for at, (first, _) in spans.items()])
        while left and time.monotonic() < deadline:
            for message in consumer.consume(500, timeout=0.1):
                at = (message.topic() or "", message.partition() or 0)
                error = message.error()
                if error is not None:
                    if error.code() != KafkaError._PARTITION_EOF:  # noqa: SLF001 - its only name
                        raise KafkaException(error)
                    left.pop(at, None)
                elif at in left:
                    if (message.offset() or 0) < left[at][1]:
                        yield message
                    # The last of a span is an event, so it comes, compacted or not.
                    if (message.offset() or 0) >= left[at][1] - 1:
                        del left[at]


@contextmanager
def _translated() -> Iterator[None]:
    try:
        yield
    except KafkaException as error:
        raise KafkaDown(f"Kafka: {error.args[0].str()}", hint="is the broker up?") from error
