"""The days whose files a running stream still has to write.

The sink's position tells what it has taken, not what is in files: days wait while it is far
behind, and as long as the output can't be written to. Which wait, the topic tells: those with a
record that their own files do not show.
"""

from __future__ import annotations

import time
from contextlib import closing
from typing import TYPE_CHECKING, Final

from confluent_kafka import Consumer, KafkaError, KafkaException, TopicPartition

from producers.capture.errors import KafkaDown
from producers.capture.publisher import LOG
from producers.capture.readback import READING
from schemas import broker, topics
from stream_app.files.day import read_manifest
from stream_app.files.manifest import Damaged

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping
    from datetime import date

    from producers.capture.publisher import Options
    from stream_app.files.targets import Target

__all__ = ["behind", "unwritten"]

REQUEST_SECONDS: Final = 5.0
PATIENCE: Final = 30.0
CHUNK: Final = 10_000


def unwritten(
    options: Options, partitions: int, target: Target, days: Iterable[date]
) -> frozenset[date]:
    """Give those of some days that have records, by now, which their files do not show."""
    shown = dict(_shown(target, days, partitions))
    starts: dict[int, int] = {}
    for day, offset in shown.items():
        at = topics.partition_of_day(day, partitions)
        starts[at] = min(offset, starts.get(at, offset))
    try:
        return behind(_records(options, starts), shown)
    except KafkaException as error:
        raise broker.failure(KafkaDown, options, error) from error


def behind(records: Iterable[tuple[int, bytes]], shown: Mapping[date, int]) -> frozenset[date]:
    """Give the days with a record, by its offset and key, from the offset on that they show."""
    by_key = {day.isoformat().encode(): (day, offset) for day, offset in shown.items()}
    found = set()
    for offset, key in records:
        day, start = by_key.get(key.partition(b"/")[0], (None, 0))
        if day is not None and offset >= start:
            found.add(day)
    return frozenset(found)


def _shown(target: Target, days: Iterable[date], partitions: int) -> Iterator[tuple[date, int]]:
    for day in days:
        try:
            manifest = read_manifest(target, day)
        except Damaged:
            continue  # A problem of its own, which the comparison tells.
        at = None if manifest is None else manifest.position
        ours = at is not None and at.partition == topics.partition_of_day(day, partitions)
        yield day, at.offset if at is not None and ours else 0


def _records(options: Options, starts: Mapping[int, int]) -> Iterator[tuple[int, bytes]]:
    """Give offsets and keys of what is committed, from where each partition starts to its end."""
    settings = {**READING, **options, "isolation.level": "read_committed"}
    settings |= {"enable.partition.eof": True, "auto.offset.reset": "earliest"}
    settings |= {"queued.max.messages.kbytes": 16384}
    places = [
        TopicPartition(topics.UNIFIED_ENTRIES.name, at, offset) for at, offset in starts.items()
    ]
    deadline = time.monotonic() + PATIENCE
    with closing(Consumer(settings, logger=LOG)) as consumer:
        for at in places:
            # It raises where nobody answers; an assignment waits for ever.
            consumer.get_watermark_offsets(at, timeout=REQUEST_SECONDS)
        consumer.assign(places)
        left = set(starts)
        while left:
            if time.monotonic() > deadline:
                raise KafkaDown(
                    f"unified-entries can't be read to its end in {PATIENCE:g} s",
                    hint="is the broker up?",
                )
            for message in consumer.consume(CHUNK, timeout=0.1):
                error, offset = message.error(), message.offset()
                if error is None:
                    yield offset or 0, message.key() or b""
                elif error.code() == KafkaError._PARTITION_EOF:  # noqa: SLF001 - the client names it so
                    left.discard(message.partition() or 0)
                else:
                    raise KafkaException(error)
