"""How long a change takes: from its commit at the source to the unified topic and to the file."""

from __future__ import annotations

import json
import logging
import threading
from bisect import bisect_left
from collections import defaultdict, deque
from collections.abc import Callable, Collection
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Final, Self

from confluent_kafka import OFFSET_END, Consumer, TopicPartition

from schemas import avro, topics
from schemas.codec import Decoder, UnknownSchema, schema_id
from schemas.records import Progress

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["Commits", "Meter"]

REMEMBERED: Final = 2000
LOG: Final = logging.getLogger("chartfeed.kafka")


class Commits:
    """The staff's commits against what the join has applied; both may be heard of first."""

    def __init__(self) -> None:
        self.count = 0
        self._waiting: dict[str, deque[tuple[int, datetime]]] = defaultdict(deque)
        self._applied: dict[str, list[tuple[int, datetime]]] = defaultdict(list)
        self._delays: deque[float] = deque(maxlen=REMEMBERED)

    def committed(self, center: str, version: int, at: datetime) -> None:
        self.count += 1
        reached = self._applied[center]
        found = bisect_left(reached, version, key=lambda one: one[0])
        if found < len(reached):
            self._note(at, reached[found][1])
        else:
            self._waiting[center].append((version, at))

    def applied(self, center: str, version: int, at: datetime) -> None:
        reached = self._applied[center]
        if reached and reached[-1][0] >= version:
            return
        reached.append((version, at))
        del reached[:-REMEMBERED]
        waiting = self._waiting[center]
        while waiting and waiting[0][0] <= version:
            self._note(waiting.popleft()[1], at)

    @property
    def waiting(self) -> int:
        """Count the commits that the unified topic does not show yet."""
        return sum(map(len, self._waiting.values()))

    def delay(self, share: float) -> float | None:
        """Give the delay in seconds that this share of the latest commits stayed below."""
        ordered = sorted(self._delays)
        return ordered[min(int(share * len(ordered)), len(ordered) - 1)] if ordered else None

    def _note(self, committed: datetime, applied: datetime) -> None:
        self._delays.append(max(0.0, (applied - committed).total_seconds()))


class Meter:
    """Follows the staff's journal and the join's progress in a thread, until it is closed."""

    def __init__(
        self,
        options: Mapping[str, str | int | float | bool],
        partitions: int,
        schema_of: Callable[[int], avro.Json],
        journal: Path,
        centers: Collection[str],
    ) -> None:
        self.commits = Commits()
        self._centers = frozenset(centers)
        self._options = {
            "log_level": 0,
            **options,
            "group.id": "chartfeed-demo",
            "enable.auto.commit": False,
        }
        self._partitions = partitions
        self._schema_of = schema_of
        self._decoder = Decoder(Progress)
        self._journal = journal
        self._read_to = journal.stat().st_size if journal.exists() else 0
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._follow, name="meter", daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ended.set()
        self._thread.join()

    def _follow(self) -> None:
        with closing(Consumer(self._options, logger=LOG)) as consumer:
            name = topics.PROGRESS.name
            consumer.assign(
                [TopicPartition(name, number, OFFSET_END) for number in range(self._partitions)]
            )
            while not self._ended.is_set():
                for message in consumer.consume(500, timeout=0.2):
                    value = None if message.error() else message.value()
                    if value is not None:
                        found = self._decode(value)
                        self.commits.applied(found.center_id, found.version, found.applied_at)
                self._read_journal()

    def _decode(self, value: bytes) -> Progress:
        try:
            return self._decoder.decode(value)
        except UnknownSchema:
            id_ = schema_id(value)
            self._decoder.learn(id_, self._schema_of(id_))
            return self._decoder.decode(value)

    def _read_journal(self) -> None:
        if not self._journal.exists():
            return
        with self._journal.open("rb") as file:
            file.seek(self._read_to)
            content = file.read()
        whole = content.rfind(b"\n") + 1
        self._read_to += whole
        for line in content[:whole].splitlines():
            record = json.loads(line)
            if record["version"] is not None and record["center"] in self._centers:
                at = datetime.fromisoformat(record["at"]).astimezone(UTC)
                self.commits.committed(record["center"], record["version"], at)
