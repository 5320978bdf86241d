"""What unified-entries holds, read once for all partitions that are rebuilt.

It is spooled to one file a source partition, in the order of each unified partition, because
the rows of millions of entries do not fit into memory beside the join's.
"""

from __future__ import annotations

import struct
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, closing
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, Final

import structlog
from confluent_kafka import Consumer, KafkaError, KafkaException, TopicPartition

from schemas import topics
from schemas.avro import Json
from schemas.codec import Decoder, UnknownSchema
from schemas.errors import RetryLater, SkipRecord
from schemas.records import UnifiedEntry
from stream_app.worker.errors import KafkaDown, LetGo
from stream_app.worker.folder import Folder
from stream_app.worker.sender import LOG, Options

__all__ = ["Published", "Spool"]

LENGTHS: Final = struct.Struct(">ii")
NO_VALUE: Final = -1
CHUNK: Final = 10_000
REQUEST_SECONDS: Final = 10.0
SILENT_SECONDS: Final = 60.0
RETRY_SECONDS: Final = 1.0
TOLD_EVERY: Final = 5.0

log = structlog.get_logger("chartfeed.stream")


@dataclass(frozen=True, slots=True)
class Spool:
    """What was published of one source partition's centers, and the offsets read to."""

    path: Path
    ends: Mapping[int, int]

    def records(
        self, schema_of: Callable[[int], Json | None], wait: Callable[[float], bool]
    ) -> Iterator[tuple[bytes, UnifiedEntry | None]]:
        """Give keys and entries; one that can't be read is as good as none.

        While the registry can't be asked, `wait` waits so many seconds and tells whether to stop;
        then this raises LetGo.
        """
        decoder = Decoder(UnifiedEntry)
        with self.path.open("rb") as file:
            while lengths := file.read(LENGTHS.size):
                key_length, value_length = LENGTHS.unpack(lengths)
                key = file.read(key_length)
                value = None if value_length == NO_VALUE else file.read(value_length)
                yield key, None if value is None else _decoded(decoder, value, schema_of, wait)


def _decoded(
    decoder: Decoder[UnifiedEntry],
    value: bytes,
    schema_of: Callable[[int], Json | None],
    wait: Callable[[float], bool],
) -> UnifiedEntry | None:
    told = False
    while True:
        try:
            try:
                return decoder.decode(value)
            except UnknownSchema as unknown:
                schema = schema_of(unknown.schema_id)
                if schema is None:
                    return None
                decoder.learn(unknown.schema_id, schema)
        except SkipRecord:
            return None
        except RetryLater as error:
            if not told:
                log.warning("waiting", why=error.message)
                told = True
            if wait(RETRY_SECONDS):
                raise LetGo("told to stop while the registry can't be asked") from None


class Published:
    """Reads for all who registered as soon as each of them has asked."""

    def __init__(self, options: Options, partitions: int, folder: Folder) -> None:
        self._settings = {
            "log_level": 0,
            "socket.connection.setup.timeout.ms": 5000,
            "fetch.wait.max.ms": 50,
            "queued.max.messages.kbytes": 16384,
            **options,
            "group.id": "chartfeed-stream-rebuild",
            "enable.auto.commit": False,
            "enable.partition.eof": True,
        }
        self._partitions = partitions
        self._folder = folder
        self._changed = threading.Condition()
        self._registered: set[int] = set()
        self._asking: set[int] = set()
        self._found: dict[int, Spool] = {}

    def register(self, partition: int) -> None:
        """Announce that a source partition will ask."""
        with self._changed:
            self._registered.add(partition)

    def forget(self, partition: int) -> None:
        """Take the announcement back; nobody waits for it any more."""
        with self._changed:
            self._registered.discard(partition)
            self._asking.discard(partition)
            self._found.pop(partition, None)
            self._changed.notify_all()
        self._folder.spool(partition).unlink(missing_ok=True)

    def ask(self, partition: int, stopped: Callable[[], bool]) -> Spool | None:
        """Wait for the others, and give what is published; None when told to stop."""
        with self._changed:
            self._asking.add(partition)
            self._changed.notify_all()
            while not stopped():
                if partition in self._found:
                    return self._found[partition]
                if self._asking and self._asking == self._registered:
                    # Reads under the lock: the others have nothing to do but wait for it.
                    found = self._read(frozenset(self._asking), stopped)
                    if stopped():
                        # It may have been broken off, so it counts for nobody: the others read.
                        return None
                    self._found |= found
                    self._registered.clear()
                    self._asking.clear()
                    self._changed.notify_all()
                    continue
                self._changed.wait(0.5)
        return None

    def _read(self, wanted: frozenset[int], stopped: Callable[[], bool]) -> dict[int, Spool]:
        name = topics.UNIFIED_ENTRIES.name
        places = [TopicPartition(name, number, 0) for number in range(self._partitions)]
        try:
            with closing(self._consumer("read_uncommitted")) as consumer:
                bounds = {
                    at.partition: consumer.get_watermark_offsets(at, timeout=REQUEST_SECONDS)
                    for at in places
                }
            highs = {number: high for number, (low, high) in bounds.items() if high > low}
            starts = [TopicPartition(name, number, bounds[number][0]) for number in highs]
            with closing(self._consumer("read_committed")) as consumer, ExitStack() as stack:
                files = {
                    number: stack.enter_context(self._folder.spool(number).open("wb"))
                    for number in wanted
                }
                ends = self._copy(consumer, starts, highs, files, stopped)
        except KafkaException as error:
            raise KafkaDown(f"unified-entries: {error.args[0].str()}") from error
        return {number: Spool(self._folder.spool(number), ends) for number in wanted}

    def _copy(  # noqa: C901 - one loop, told line by line
        self,
        consumer: Consumer,
        starts: list[TopicPartition],
        highs: Mapping[int, int],
        files: Mapping[int, BinaryIO],
        stopped: Callable[[], bool],
    ) -> dict[int, int]:
        """Copy what is committed up to the high watermarks, waiting for open transactions."""
        homes: dict[bytes, int] = {}
        ends: dict[int, int] = {}
        done, total = 0, sum(highs.values()) - sum(at.offset for at in starts)
        began = told = heard = time.monotonic()
        consumer.assign(starts)
        left = dict(highs)
        while left and not stopped():
            for message in consumer.consume(CHUNK, timeout=0.05):
                error = message.error()
                number, offset = message.partition(), message.offset()
                if number is None or offset is None:
                    continue
                if error is not None:
                    if error.code() != KafkaError._PARTITION_EOF:  # noqa: SLF001 - the client names it so
                        raise KafkaException(error)
                    # Behind markers too; below the high watermark while a transaction is open.
                    if offset >= highs[number]:
                        left.pop(number, None)
                    continue
                key, value = message.key() or b"", message.value()
                ends[number] = offset
                done += 1
                heard = time.monotonic()
                center = key.partition(b"/")[2].partition(b"/")[0]
                home = homes.get(center)
                if home is None:
                    home = homes[center] = topics.partition_of_center(
                        center.decode(errors="replace"), self._partitions
                    )
                file = files.get(home)
                if file is not None:
                    size = NO_VALUE if value is None else len(value)
                    file.write(LENGTHS.pack(len(key), size) + key + (value or b""))
            now = time.monotonic()
            if now - told > TOLD_EVERY:
                told = now
                rate = done / (now - began)
                log.info("reading what is published", read=done, of=total, per_second=round(rate))
            if now - heard > SILENT_SECONDS:
                raise KafkaDown("unified-entries can't be read to its end: a transaction is open")
        return ends

    def _consumer(self, isolation: str) -> Consumer:
        return Consumer({**self._settings, "isolation.level": isolation}, logger=LOG)
