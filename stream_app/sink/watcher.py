"""What the join has applied and what the producers say, read from Kafka in a thread of its own.

Every sink reads all of both topics, committed records only, and belongs to no group.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import closing
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, Final, TypeAlias

import structlog
from confluent_kafka import Consumer, KafkaError, KafkaException, Message, TopicPartition

from schemas import topics
from schemas.codec import Decoder, UnknownSchema
from schemas.errors import ChartfeedError, Outside, RetryLater, SkipRecord
from schemas.records import CenterStatus, Progress

if TYPE_CHECKING:
    from stream_app.files.manifest import CenterLine, Manifest
    from stream_app.sink.completeness import Claims, Share
    from stream_app.sink.rows import SchemaOf

__all__ = ["KafkaOptions", "Watcher", "load"]

KafkaOptions: TypeAlias = Mapping[str, str | int | float | bool]

USUAL: Final[KafkaOptions] = {
    "log_level": 0,
    "socket.connection.setup.timeout.ms": 5000,
    "fetch.wait.max.ms": 100,
    "group.id": "chartfeed-watcher",
}
OURS: Final[KafkaOptions] = {
    "isolation.level": "read_committed",
    "enable.auto.commit": False,
    "enable.partition.eof": True,
}
PATIENCE: Final = 10.0
# A question that no broker answers ends by itself, and nobody who leaves has to wait for that.
LEAVING: Final = 1.0
AGAIN: Final = 1.0
AWHILE: Final = 0.05
# Progress is written with every checkpoint, so the last of each center is near the end.
FIRST_WINDOW: Final = 500
GROWTH: Final = 10
# A heartbeat expires after 20 s; an older one says no more than none.
HEARTBEATS: Final = timedelta(minutes=1)

log = structlog.get_logger("chartfeed.sink")


class _Reader:
    """Turns messages of the two topics into what is known of the centers."""

    def __init__(self, claims: Claims, lock: threading.Lock, schema_of: SchemaOf) -> None:
        self._claims = claims
        self._lock = lock
        self._schema_of = schema_of
        self._progress = Decoder(Progress)
        self._status = Decoder(CenterStatus)
        self._refused: set[tuple[str | None, int]] = set()

    def read(self, message: Message, now: datetime) -> None:
        """Take a message in; one that can't be read says nothing, and so claims nothing."""
        value = message.value()
        if value is None:
            return
        try:
            # Whoever asks for the claims does not wait while the registry is asked for a schema.
            if message.topic() == topics.PROGRESS.name:
                progress = self._decode(self._progress, value)
                with self._lock:
                    self._claims.applied(progress, now)
            else:
                status = self._decode(self._status, value)
                with self._lock:
                    self._claims.told(status, now)
        except SkipRecord as error:
            place = (message.topic(), message.partition() or 0)
            if place not in self._refused:
                self._refused.add(place)
                log.warning("unreadable", topic=place[0], partition=place[1], why=error.message)

    def _decode(self, decoder: Decoder[Any], value: bytes) -> Any:
        try:
            return decoder.decode(value)
        except UnknownSchema as unknown:
            schema = self._schema_of(unknown.schema_id)
            if schema is None:
                raise
            decoder.learn(unknown.schema_id, schema)
        return decoder.decode(value)


class Watcher:
    """Follows both topics from their ends; asking it never waits for Kafka, but for `ends`."""

    def __init__(
        self,
        kafka: KafkaOptions,
        partitions: int,
        claims: Claims,
        schema_of: SchemaOf,
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self._settings = {**USUAL, **kafka, **OURS}
        self._partitions = partitions
        self._claims = claims
        self._lock = threading.Lock()
        self._reader = _Reader(claims, self._lock, schema_of)
        self._clock = clock
        self._ended = threading.Event()
        self._trouble: str | None = None
        self._loaded = threading.Event()
        self._thread = threading.Thread(target=self._run, name="watcher", daemon=True)

    @property
    def loaded(self) -> threading.Event:
        """Give what is set when the last known of every center has been read once."""
        return self._loaded

    @property
    def trouble(self) -> str | None:
        """Say why nothing new is known, None while all is well."""
        return self._trouble

    def start(self) -> None:
        self._thread.start()

    def wait_loaded(self, seconds: float) -> bool:
        """Wait until everything has been read once; False when that fails or takes longer."""
        deadline = time.monotonic() + seconds
        while not self._loaded.wait(AWHILE):
            if self._trouble is not None or time.monotonic() > deadline:
                return False
        return True

    def close(self) -> None:
        """End; a thread that still waits for a broker ends when its question does."""
        self._ended.set()
        if self._thread.is_alive():
            self._thread.join(LEAVING)

    def lines(
        self, shares: Mapping[str, Share], partition: int, position: int
    ) -> Sequence[CenterLine]:
        """Give a manifest's lines as far as is known now."""
        with self._lock:
            return self._claims.lines(shares, partition, position, self._clock())

    def renewed(self, manifest: Manifest, shown: int = 0) -> tuple[CenterLine, ...]:
        """Give a manifest's lines as they would be now, for files that have not changed.

        `shown` says how much of the day's partition the files of any day show.
        """
        with self._lock:
            return self._claims.renewed(manifest, self._clock(), shown)

    def _run(self) -> None:
        while not self._ended.is_set():
            try:
                with closing(Consumer(self._settings, logger=LOG)) as consumer:
                    self._follow(consumer, self._load(consumer))
            except (KafkaException, RetryLater, Outside) as error:
                why = error.message if isinstance(error, ChartfeedError) else str(error)
                if self._trouble is None:
                    log.warning("nothing new is known of the centers", why=why)
                self._trouble = why
                self._ended.wait(AGAIN)

    def _load(self, consumer: Consumer) -> list[TopicPartition]:
        """Read the last known of every center; gives where to go on."""
        at = load(
            consumer, self._claims.configured, self._partitions, self._take, self._ended.is_set
        )
        since = int((self._clock() - HEARTBEATS).timestamp() * 1000)
        found = consumer.offsets_for_times(
            [
                TopicPartition(topics.CENTER_STATUS.name, one, since)
                for one in range(self._partitions)
            ],
            timeout=PATIENCE,
        )
        for one in found:
            if one.error is not None:
                raise KafkaException(one.error)
        return at + found

    def _follow(self, consumer: Consumer, at: list[TopicPartition]) -> None:
        # Of center-status nothing may lie behind the offset of a time: that is its end then.
        consumer.assign(at)
        waiting = {(one.topic, one.partition) for one in at}
        while not self._ended.is_set():
            for message in consumer.consume(1000, timeout=0.2):
                if _ends(message):
                    waiting.discard((message.topic() or "", message.partition() or 0))
                else:
                    self._take(message)
            self._trouble = None
            if not waiting:
                self.loaded.set()

    def _take(self, message: Message) -> None:
        self._reader.read(message, self._clock())


LOG: Final = logging.getLogger("chartfeed.kafka")


def load(
    consumer: Consumer,
    centers: Iterable[str],
    partitions: int,
    take: Callable[[Message], None],
    stopped: Callable[[], bool] = lambda: False,
) -> list[TopicPartition]:
    """Read the newest Progress of every center, in windows that grow; gives where that ended.

    A partition is read back until its centers have all been seen, or to its beginning.
    """
    unseen: dict[int, set[bytes]] = {one: set() for one in range(partitions)}
    for center in centers:
        unseen[topics.partition_of_center(center, partitions)].add(center.encode())
    bounds = {one: _bounds(consumer, one) for one in unseen}
    windows = {one: (max(low, high - FIRST_WINDOW), high) for one, (low, high) in bounds.items()}
    read: dict[int, list[Message]] = {one: [] for one in unseen}
    size = FIRST_WINDOW
    first = True
    while windows and not stopped():
        following = {}
        for one, messages in _read(consumer, windows, stopped).items():
            kept = messages
            if not first:
                # Far back only the newest of each counts, and there may be very many.
                last = {message.key(): message for message in messages}
                kept = [message for key, message in last.items() if key in unseen[one]]
            unseen[one] -= {message.key() for message in kept}
            read[one] = kept + read[one]
            start = windows[one][0]
            if unseen[one] and start > bounds[one][0]:
                following[one] = (max(bounds[one][0], start - size * GROWTH), start)
        windows = following
        size *= GROWTH
        first = False
    for messages in read.values():
        for message in messages:
            take(message)
    return [TopicPartition(topics.PROGRESS.name, one, high) for one, (_, high) in bounds.items()]


def _bounds(consumer: Consumer, partition: int) -> tuple[int, int]:
    at = TopicPartition(topics.PROGRESS.name, partition)
    low, high = consumer.get_watermark_offsets(at, timeout=PATIENCE)
    return int(low), int(high)


def _read(
    consumer: Consumer, windows: Mapping[int, tuple[int, int]], stopped: Callable[[], bool]
) -> dict[int, list[Message]]:
    name = topics.PROGRESS.name
    found: dict[int, list[Message]] = {one: [] for one in windows}
    consumer.assign([TopicPartition(name, one, start) for one, (start, _) in windows.items()])
    reading = {one for one, (start, end) in windows.items() if start < end}
    while reading and not stopped():
        for message in consumer.consume(1000, timeout=0.1):
            one = message.partition() or 0
            if _ends(message) or (message.offset() or 0) >= windows[one][1]:
                reading.discard(one)
            elif one in reading:
                found[one].append(message)
    return found


def _ends(message: Message) -> bool:
    error = message.error()
    if error is None:
        return False
    if error.code() == KafkaError._PARTITION_EOF:  # noqa: SLF001 - the client names it so
        return True
    raise KafkaException(error)
