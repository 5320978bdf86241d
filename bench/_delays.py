"""From a commit of the staff until the join's output shows it, and until the day's file does."""

from __future__ import annotations

import threading
from collections import defaultdict
from collections.abc import Mapping
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path
from time import monotonic, sleep
from typing import Any, Final, Self

import orjson
from confluent_kafka import OFFSET_END, Consumer, TopicPartition

from bench import _rig as rig
from chartfeed import settings as configuration
from deploy.local.staff import journal
from deploy.local.staff.desk import ZONE
from deploy.local.staff.work import Tally, work
from producers.capture.publisher import Options
from producers.registry import Registry
from schemas import avro, topics
from schemas.codec import Decoder
from schemas.records import Progress
from stream_app.files.rendering import manifest_name

__all__ = ["Delays", "Seen", "beside_staff"]

LONGEST_SECONDS: Final = 30.0
POLL_SECONDS: Final = 0.02

Seen = dict[str, list[tuple[int, float]]]
"""By center, the versions that were reached, and when."""


class Delays:
    """Watches Progress and the manifest of a day until it is closed; then compares."""

    def __init__(
        self, kafka: Options, partitions: int, ids: Mapping[type[Any], int], manifest: Path
    ) -> None:
        self._settings = dict(kafka) | {
            "group.id": "bench-delays",
            "isolation.level": "read_committed",
            "enable.auto.commit": False,
            "fetch.wait.max.ms": 20,
        }
        self._partitions = partitions
        self._decoder = Decoder(Progress)
        self._decoder.learn(ids[Progress], avro.load(Progress))
        self._manifest = manifest
        self._ended = threading.Event()
        self.in_topic: Seen = defaultdict(list)
        self.in_file: Seen = defaultdict(list)
        self._threads = [
            threading.Thread(target=work, daemon=True)
            for work in (self._follow_topic, self._follow_file)
        ]

    def __enter__(self) -> Self:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ended.set()
        for thread in self._threads:
            thread.join()

    def _follow_topic(self) -> None:
        with closing(Consumer(self._settings)) as consumer:
            name = topics.PROGRESS.name
            consumer.assign(
                [TopicPartition(name, number, OFFSET_END) for number in range(self._partitions)]
            )
            while not self._ended.is_set():
                for message in consumer.consume(500, timeout=POLL_SECONDS):
                    now = datetime.now(UTC).timestamp()
                    found = self._decoder.decode(message.value() or b"")
                    if not found.partial:
                        _reach(self.in_topic, found.center_id, found.version, now)

    def _follow_file(self) -> None:
        known = 0
        while not self._ended.wait(POLL_SECONDS):
            try:
                stat = self._manifest.stat()
                content = orjson.loads(self._manifest.read_bytes())
            except FileNotFoundError:
                continue
            if stat.st_mtime_ns == known:
                continue
            known, now = stat.st_mtime_ns, datetime.now(UTC).timestamp()
            for line in content["centers"]:
                if line["complete_through"] is not None:
                    through = line["complete_through"]["version"]
                    _reach(self.in_file, line["center_id"], through, now)

    def settle(self, book: Path, since: datetime) -> None:
        """Wait until all of the journal's commits were seen, or for as long as that may take."""
        deadline = monotonic() + LONGEST_SECONDS
        while monotonic() < deadline and any(
            self.of(book, seen, since)[1] for seen in (self.in_topic, self.in_file)
        ):
            sleep(4 * POLL_SECONDS)

    @staticmethod
    def of(book: Path, seen: Seen, since: datetime) -> tuple[list[float], int]:
        """Give the delays of the journal's commits since then, and how many were never seen."""
        delays, missing = [], 0
        for commit in journal.read(book):
            at = datetime.fromisoformat(commit.at)
            if commit.version is None or at < since:
                continue
            version = commit.version
            when = next((then for reached, then in seen[commit.center] if reached >= version), None)
            if when is None:
                missing += 1
            else:
                delays.append(when - at.timestamp())
        return delays, missing


def _reach(seen: Seen, center: str, version: int, now: float) -> None:
    if not seen[center] or seen[center][-1][0] < version:
        seen[center].append((version, now))


def beside_staff(
    found: rig.Sources, book: Path, *, rate: float, warm: float, seconds: float
) -> tuple[Delays, datetime, Tally]:
    """Have the staff work; give what was seen of it, since when it counts, and what they did.

    The first seconds, `warm`, are among those in which they work and do not count.
    """
    settings = configuration.load(found.config)
    registry = Registry(settings.registry.url)
    delays = Delays(
        {"bootstrap.servers": settings.kafka.bootstrap},
        settings.kafka.topics.partitions,
        {Progress: registry.id_of(topics.PROGRESS)},
        Path(settings.output_path) / manifest_name(datetime.now(ZONE).date()),
    )
    with delays:
        since = datetime.now(UTC) + timedelta(seconds=warm)
        tally = work(found.planned, found.connect, book, rate=rate, seconds=seconds)
        delays.settle(book, since)
    return delays, since, tally
