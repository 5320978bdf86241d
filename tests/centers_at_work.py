"""Centers that commit at random into the real topics, and what the rows must be then.

Each has a transactional producer of its own, as a capture has; what is due is the naive join's.
"""

from __future__ import annotations

import random
import uuid
from collections.abc import Iterable, Mapping
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Any

from confluent_kafka import Consumer, KafkaError, Producer, TopicPartition

from schemas import avro, topics
from schemas.codec import Decoder, Encoder
from schemas.records import (
    ChartEntry,
    Checkpoint,
    DeadLetter,
    Insurer,
    Offset,
    PatientInsurance,
    Service,
    UnifiedEntry,
)
from stream_app.join import TOPICS
from tests.naive_join import Center, as_content

__all__ = ["At", "Centers", "read"]

ENTRIES, SERVICES, LINKS, INSURERS, CHECKPOINTS = TOPICS
TYPES: Mapping[str, type[Any]] = {
    ENTRIES: ChartEntry,
    SERVICES: Service,
    LINKS: PatientInsurance,
    INSURERS: Insurer,
    CHECKPOINTS: Checkpoint,
}
DAYS = [date(2022, 1, 18) + timedelta(days=number) for number in range(4)]
Change = tuple[str, int, dict[str, Any] | None]


@dataclass(frozen=True, slots=True)
class At:
    """A message as it was read."""

    partition: int
    offset: int
    key: bytes
    value: bytes | None
    timestamp: int


def read(bootstrap: str, topic: str, partitions: int = 12) -> list[At]:
    """Give all that is committed in a topic, in order per partition."""
    settings = {
        "bootstrap.servers": bootstrap,
        "group.id": "test",
        "isolation.level": "read_committed",
        "enable.auto.commit": False,
        "enable.partition.eof": True,
    }
    found: list[At] = []
    with closing(Consumer(settings)) as consumer:
        consumer.assign([TopicPartition(topic, number, 0) for number in range(partitions)])
        left = set(range(partitions))
        while left:
            for message in consumer.consume(5000, timeout=0.2):
                error, number = message.error(), message.partition()
                assert number is not None
                if error is not None:
                    assert error.code() == KafkaError._PARTITION_EOF
                    left.discard(number)
                    continue
                offset, key, value = message.offset(), message.key(), message.value()
                assert offset is not None
                assert isinstance(key, bytes)
                assert not isinstance(value, str)
                found.append(At(number, offset, key, value, message.timestamp()[1]))
    return found


class Centers:
    """Several centers at work; `schema_ids` has the ids of the types that they write."""

    def __init__(
        self, bootstrap: str, schema_ids: Mapping[type[Any], int], count: int, seed: int = 1
    ) -> None:
        self.bootstrap = bootstrap
        tag = uuid.uuid4().hex[:6]
        self.names = {f"c{tag}_{number:02}": f"Praxis {number}" for number in range(count)}
        self.choose = random.Random(seed)
        self._encoders = {type_: Encoder(type_, schema_ids[type_]) for type_ in TYPES.values()}
        self._decoder: Decoder[UnifiedEntry] = Decoder(UnifiedEntry)
        self._decoder.learn(schema_ids[UnifiedEntry], avro.load(UnifiedEntry))
        self._letters: Decoder[DeadLetter] = Decoder(DeadLetter)
        self._letters.learn(schema_ids[DeadLetter], avro.load(DeadLetter))
        self._rows = {center: Center(center) for center in self.names}
        self._ends: dict[str, dict[str, int]] = {center: {} for center in self.names}
        self._versions = dict.fromkeys(self.names, 0)
        self._producers: dict[str, Producer] = {}

    def partition(self, center: str) -> int:
        return topics.partition_of_center(center, 12)

    def commit(
        self, center: str, changes: Iterable[Change], *, abort: bool = False, raw: Any = ()
    ) -> datetime:
        """Publish one source transaction; `raw` are (topic, key, value) beside its changes."""
        producer, at = self._producer(center), self.partition(center)
        version = self._versions[center] + 1
        now = datetime.now(UTC)
        ends = dict(self._ends[center])
        offsets: dict[str, int] = {}

        def report(error: KafkaError | None, message: Any) -> None:
            assert error is None, error
            offsets[message.topic()] = message.offset()

        wanted = list(changes)
        records = [self._record(center, change, version, now) for change in wanted]
        producer.begin_transaction()
        for (topic, id_, _), record in zip(wanted, records, strict=True):
            value = None if record is None else self._encoders[type(record)].encode(record)
            key = topics.row_key(center, id_)
            producer.produce(topic, key=key, value=value, partition=at, on_delivery=report)
        for topic, key, value in raw:
            producer.produce(topic, key=key, value=value, partition=at, on_delivery=report)
        producer.flush(10)
        ends |= offsets
        checkpoint = Checkpoint(
            center_id=center,
            version=version,
            captured_at=now,
            partial=False,
            database_identity="one",
            tables=(),
            mapping_fingerprint="sha256:1",
            snapshot=None,
            instance_id="here",
            offsets=tuple(Offset(topic, at, offset) for topic, offset in ends.items()),
            dead_letters=0,
        )
        value = self._encoders[Checkpoint].encode(checkpoint)
        producer.produce(CHECKPOINTS, key=center.encode(), value=value, partition=at)
        if abort:
            producer.flush(10)
            producer.abort_transaction(10)
            return now
        producer.commit_transaction(20)
        self._versions[center], self._ends[center] = version, ends
        for (topic, id_, _), record in zip(wanted, records, strict=True):
            table = self._rows[center].table(topic)
            if record is None:
                table.pop(str(id_), None)
            else:
                table[str(id_)] = record
        return now

    def reconnect(self) -> None:
        """Have new producers from now on, as captures have after a broker was lost."""
        self._producers.clear()

    def work(self, commits: int, changes: int = 6) -> None:
        """Have centers picked at random commit some random changes each."""
        for _ in range(commits):
            center = self.choose.choice(list(self.names))
            self.commit(center, [self.change() for _ in range(self.choose.randint(1, changes))])

    def change(self) -> Change:
        pick = self.choose.choice
        topic = pick([ENTRIES] * 4 + [SERVICES] * 3 + [LINKS, INSURERS])
        id_ = self.choose.randrange(1, 5 if topic == INSURERS else 120)
        if self.choose.random() < 0.15:
            return topic, id_, None
        patient, day = self.choose.randrange(1, 12), pick(DAYS)
        content: dict[str, Any]
        if topic == ENTRIES:
            text = pick(["", "Füllung 16", "Kontrolle"])
            content = {"patient_id": patient, "entry_date": day, "chart_entry": text}
        elif topic == SERVICES:
            code = pick(["01", "1040", "13b"])
            content = {"patient_id": patient, "service_date": day, "code": code}
        elif topic == LINKS:
            content = {"patient_id": patient, "insurer_id": pick([None, 1, 2, 3])}
        else:
            content = {"name": pick([None, "AOK", "DAK"]), "kind": pick([None, "P", "1", "?"])}
        return topic, id_, content

    def expected(self) -> dict[bytes, UnifiedEntry]:
        """Give all rows as they must be now."""
        return {
            key: row
            for center, rows in self._rows.items()
            for key, row in rows.rows(self.names[center]).items()
        }

    def log(self) -> list[tuple[At, UnifiedEntry | None]]:
        """Give all that was published of these centers, in order per partition."""
        return [
            (at, None if at.value is None else self._decoder.decode(at.value))
            for at in read(self.bootstrap, topics.UNIFIED_ENTRIES.name)
            if at.key.split(b"/")[1].decode() in self.names
        ]

    def published(self) -> dict[bytes, UnifiedEntry]:
        """Give the rows that readers of the unified topic see now."""
        found: dict[bytes, UnifiedEntry] = {}
        for at, row in self.log():
            if row is None:
                found.pop(at.key, None)
            else:
                found[at.key] = as_content(row)
        return found

    def letters(self) -> list[DeadLetter]:
        """Give these centers' dead letters."""
        found = [
            self._letters.decode(at.value)
            for at in read(self.bootstrap, topics.DEAD_LETTERS.name)
            if at.value is not None
        ]
        return [letter for letter in found if letter.center_id in self.names]

    def _record(self, center: str, change: Change, version: int, now: datetime) -> Any:
        topic, id_, content = change
        if content is None:
            return None
        names = dict(zip(TOPICS, ("entry_id", "service_id", "link_id", "insurer_id"), strict=False))
        return TYPES[topic](
            center_id=center,
            source_version=version,
            captured_at=now,
            **{names[topic]: id_, **content},
        )

    def _producer(self, center: str) -> Producer:
        if center not in self._producers:
            made = Producer(
                {
                    "bootstrap.servers": self.bootstrap,
                    "transactional.id": f"test-{center}",
                    "linger.ms": 2,
                    "log_level": 0,  # Its broker is killed now and then, as the test says.
                }
            )
            made.init_transactions(30)
            self._producers[center] = made
        return self._producers[center]
