"""What the producers of thirty centers would publish, made up: state first, then live events."""

from __future__ import annotations

import random
from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Any, Final, TypeAlias

from schemas import topics
from schemas.codec import Encoder
from schemas.records import (
    ChartEntry,
    Checkpoint,
    DeadLetter,
    Insurer,
    Offset,
    PatientInsurance,
    Progress,
    Service,
    UnifiedEntry,
)
from stream_app.batches import Batch
from stream_app.join import TOPICS

__all__ = [
    "CENTERS",
    "CHECKPOINTS",
    "IDS",
    "PARTITIONS",
    "START",
    "TYPES",
    "Record",
    "Topics",
    "Transaction",
    "all_topics",
    "encoders",
    "share",
]

PARTITIONS = 12
CENTERS = [f"center_{number:02}" for number in range(1, 31)]
START = datetime(2022, 1, 18, 8, tzinfo=UTC)
FIRST_DAY = date(2021, 1, 18)
DAYS = 365
TEXTS = (
    "Kontrolle",
    "Füllung 16 mod, Kofferdam, Lokalanästhesie UDS forte 1,7 ml, Politur, Fluoridierung",
    "PZR, Mundhygienestatus, Motivation und Instruktion, Reevaluation in sechs Monaten vereinbart",
    "Schmerzbehandlung 46: Trepanation, Aufbereitung, Einlage, provisorischer Verschluss " * 2,
)
CODES = ("01", "1040", "13b", "Ä935", "04", "107", "2060", "0010", "Ä1")
KINDS = ("1", "2", "P", "9", None)
ENTRIES, SERVICES, LINKS, INSURERS, CHECKPOINTS = TOPICS
TYPES: dict[type[Any], str] = {
    ChartEntry: ENTRIES,
    Service: SERVICES,
    PatientInsurance: LINKS,
    Insurer: INSURERS,
    Checkpoint: CHECKPOINTS,
}
IDS: dict[type[Any], int] = {
    type_: number for number, type_ in enumerate((*TYPES, UnifiedEntry, Progress, DeadLetter), 1)
}


def encoders(ids: Mapping[type[Any], int]) -> dict[type[Any], Encoder[Any]]:
    """Give an encoder for each record of the source topics, with its id in the registry."""
    return {type_: Encoder(type_, ids[type_]) for type_ in TYPES}


ENCODERS: Final = encoders(IDS)


@dataclass(frozen=True, slots=True)
class Record:
    offset: int
    key: bytes
    value: bytes | None
    timestamp: int = 0


Transaction: TypeAlias = list[tuple[str, Record]]
"""What one producer commits at once: events by their topic, and the checkpoint last."""


class Topics:
    """One source partition's topics, written as its centers' producers would.

    With `markers` the offsets are those that Kafka gives when each transaction is committed in
    order and nobody else writes: a marker follows in each topic of a transaction.
    """

    def __init__(
        self,
        partition: int,
        rows: int,
        every: int,
        choose: random.Random,
        *,
        markers: bool = False,
        encoders: Mapping[type[Any], Encoder[Any]] = ENCODERS,
    ) -> None:
        self.partition = partition
        self._markers = markers
        self._encoders = encoders
        self.centers = [
            center
            for center in CENTERS
            if topics.partition_of_center(center, PARTITIONS) == partition
        ]
        self._every = every
        self._choose = choose
        # An entry, 1.2 services, and a link for every ten entries.
        self._entries = max(1, round(rows / 2.3 / max(1, len(self.centers))))
        self._patients = max(2_000, self._entries // 10)
        self._last_ids: dict[tuple[str, type[Any]], int] = defaultdict(int)
        self._last_offsets: dict[str, dict[str, int]] = defaultdict(dict)
        self.ends = dict.fromkeys(TOPICS, 0)
        self.checkpoints: dict[str, int] = {}
        """Of each center the offset of its last checkpoint."""
        self.pending: list[Transaction] = []
        self._open: Transaction = []
        self._version = 0

    def fill(self) -> Iterator[None]:
        """Write the rows that are there at the start, some at a time."""
        for center in self.centers:
            for insurer in range(200):
                kind = KINDS[insurer % len(KINDS)]
                self._put(center, Insurer, insurer, f"Kasse {insurer} Süd", kind)
            for patient in range(self._entries // 10):
                self._put(center, PatientInsurance, patient, patient, patient % 210)
            self._checkpoint(center)
            for visit in range(self._entries):
                day = FIRST_DAY + timedelta(days=self._choose.randrange(DAYS))
                self._visit(center, day)
                if visit % 2000 == 1999:
                    self._checkpoint(center)
                    yield
            self._checkpoint(center)
            yield

    def live(self, events: int) -> None:
        """Write about so many events: visits of today, corrections, deletions, new insurances."""
        if not self.centers:
            return
        choose = self._choose
        goal = sum(self.ends.values()) + events
        while sum(self.ends.values()) < goal:
            for center in self.centers:
                # A backlog: a day has 200 visits.
                past = (self._last_ids[center, ChartEntry] - self._entries) // 200
                for _ in range(self._every * 10 // 22):
                    self._visit(center, FIRST_DAY + timedelta(days=DAYS + past))
                    if choose.random() < 0.2:
                        id_ = choose.randrange(self._entries)
                        patient = id_ * 7919 % self._patients
                        day = FIRST_DAY + timedelta(days=choose.randrange(DAYS))
                        self._put(center, ChartEntry, id_, patient, day, "Nachtrag: " + TEXTS[1])
                    if choose.random() < 0.03:
                        self._put(center, ChartEntry, choose.randrange(self._entries))
                    if choose.random() < 0.01:
                        patient = choose.randrange(self._patients)
                        insurer = choose.randrange(210)
                        link = self._next(center, PatientInsurance) + self._patients
                        self._put(center, PatientInsurance, link, patient, insurer)
                self._checkpoint(center)

    def _visit(self, center: str, day: date) -> None:
        id_ = self._next(center, ChartEntry)
        patient = id_ * 7919 % self._patients
        self._put(center, ChartEntry, id_, patient, day, TEXTS[id_ % len(TEXTS)])
        for _ in range(2 if id_ % 5 == 0 else 1):
            service = self._next(center, Service)
            self._put(center, Service, service, patient, day, CODES[service % len(CODES)])

    def _next(self, center: str, type_: type[Any]) -> int:
        self._last_ids[center, type_] += 1
        return self._last_ids[center, type_]

    def _put(self, center: str, type_: type[Any], id_: int, *content: Any) -> None:
        value = None
        if content:
            record = type_(center, id_, *content, self._version, self._now)
            value = self._encoders[type_].encode(record)
        topic = TYPES[type_]
        self._last_offsets[center][topic] = self._write(topic, f"{center}/{id_}", value)

    def _write(self, topic: str, key: str, value: bytes | None) -> int:
        offset = self.ends[topic]
        self._open.append((topic, Record(offset, key.encode(), value)))
        self.ends[topic] += 1
        return offset

    def _checkpoint(self, center: str) -> None:
        self._version += 1
        ends = self._last_offsets[center].items()
        record = Checkpoint(
            center_id=center,
            version=self._version,
            captured_at=self._now,
            partial=False,
            database_identity="d4c2",
            tables=(),
            mapping_fingerprint="sha256:1",
            snapshot=None,
            instance_id="bench",
            offsets=tuple(Offset(topic, self.partition, offset) for topic, offset in ends),
            dead_letters=0,
        )
        self.checkpoints[center] = self._write(
            CHECKPOINTS, center, self._encoders[Checkpoint].encode(record)
        )
        if self._markers:
            for topic in {topic for topic, _ in self._open}:
                self.ends[topic] += 1
        self.pending.append(self._open)
        self._open = []

    @property
    def _now(self) -> datetime:
        return START + timedelta(milliseconds=500 * self._version)

    def transactions(self) -> list[Transaction]:
        """Give what is written since the last call."""
        pending, self.pending = self.pending, []
        return pending

    def batches(self, size: int) -> Iterator[Batch]:
        """Give what is written since the last call, in turns of the topics."""
        by_topic: dict[str, list[Record]] = {topic: [] for topic in TOPICS}
        for transaction in self.transactions():
            for topic, record in transaction:
                by_topic[topic].append(record)
        longest = max(map(len, by_topic.values()))
        for first in range(0, longest, size):
            for topic, records in by_topic.items():
                if some := records[first : first + size]:
                    yield Batch(topic, self.partition, some, some[-1].offset + 1)


def all_topics(
    rows: int,
    every: int,
    *,
    markers: bool = False,
    encoders: Mapping[type[Any], Encoder[Any]] = ENCODERS,
) -> list[Topics]:
    """Give the topics of all partitions, which share the rows as they share the centers."""
    choose = random.Random(1)
    return [
        Topics(
            number, round(rows * share(number)), every, choose, markers=markers, encoders=encoders
        )
        for number in range(PARTITIONS)
    ]


def share(partition: int) -> float:
    """Give the share of all centers that a partition has."""
    ours = [topics.partition_of_center(center, PARTITIONS) == partition for center in CENTERS]
    return sum(ours) / len(CENTERS)
