"""The join as plainly as it can be said, and source topics in memory to hold it against.

Everything is in dicts, and everything is computed anew each time.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from copy import deepcopy
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from typing import Any

from schemas import avro, topics
from schemas.codec import Decoder, Encoder
from schemas.ids import Id, sort_key
from schemas.insurance import DEFAULT, StatusTable
from schemas.records import (
    ChartEntry,
    Checkpoint,
    DeadLetter,
    Insurer,
    Offset,
    PatientInsurance,
    Progress,
    Service,
    SnapshotProgress,
    UnifiedEntry,
)
from stream_app.batches import Batch
from stream_app.join import TOPICS, Contract, Partition

ENTRIES, SERVICES, LINKS, INSURERS, CHECKPOINTS = TOPICS
RECORDS = (ChartEntry, Service, PatientInsurance, Insurer, Checkpoint)
SCHEMA_IDS: dict[type[Any], int] = {
    record: number
    for number, record in enumerate((*RECORDS, UnifiedEntry, Progress, DeadLetter), start=1)
}
SCHEMAS = {number: avro.load(record) for record, number in SCHEMA_IDS.items()}
ENCODERS: dict[type[Any], Encoder[Any]] = {
    record: Encoder(record, number) for record, number in SCHEMA_IDS.items()
}
START = datetime(2022, 1, 18, 12, tzinfo=UTC)
NAMES = {"center_01": "Praxis Eins", "center_02": "Praxis Zwei"}
LARGEST = 990_000
"""What a Kafka client takes, but for the headers."""
ID_OF = ("entry_id", "service_id", "link_id", "insurer_id")


def decoder(record: type[Any]) -> Decoder[Any]:
    found: Decoder[Any] = Decoder(record)
    found.learn(SCHEMA_IDS[record], SCHEMAS[SCHEMA_IDS[record]])
    return found


UNIFIED, PROGRESS, DEAD = decoder(UnifiedEntry), decoder(Progress), decoder(DeadLetter)


@dataclass(frozen=True, slots=True)
class Record:
    offset: int
    key: bytes | None
    value: bytes | None
    timestamp: int = 0


def a_contract(**changes: Any) -> Contract:
    """Give a contract of one partition for all centers."""
    wanted: dict[str, Any] = {
        "partition": 0,
        "partitions": 1,
        "topic_ids": dict.fromkeys((*TOPICS, topics.UNIFIED_ENTRIES.name), "made once"),
        "centers": NAMES,
        "statuses": DEFAULT,
        "schema_of": SCHEMAS.get,
        "schema_ids": SCHEMA_IDS,
        "stale_after": timedelta(days=7),
        "now": lambda: START,
    }
    return Contract(**(wanted | changes))


@dataclass(slots=True)
class Center:
    """A center's live rows, by the text of their id."""

    id: str
    entries: dict[str, ChartEntry] = field(default_factory=dict)
    services: dict[str, Service] = field(default_factory=dict)
    links: dict[str, PatientInsurance] = field(default_factory=dict)
    insurers: dict[str, Insurer] = field(default_factory=dict)

    def table(self, topic: str) -> dict[str, Any]:
        tables: tuple[dict[str, Any], ...]
        tables = (self.entries, self.services, self.links, self.insurers)
        return tables[TOPICS.index(topic)]

    def rows(self, name: str, statuses: StatusTable = DEFAULT) -> dict[bytes, UnifiedEntry]:
        """Give every unified row; revision and moment are not this one's matter."""
        found = {}
        for entry in self.entries.values():
            status, insurer = self._insurance(entry.patient_id, statuses)
            key = topics.unified_key(entry.entry_date, self.id, entry.entry_id)
            found[key] = UnifiedEntry(
                center_id=self.id,
                center_name=name,
                date=entry.entry_date,
                entry_id=entry.entry_id,
                patient_id=entry.patient_id,
                insurance_status=status,
                insurance_name=insurer,
                chart_entry=entry.chart_entry,
                service_codes=self._codes(entry.patient_id, entry.entry_date),
                revision=0,
                captured_at=START,
            )
        return found

    def _insurance(self, patient: Id, statuses: StatusTable) -> tuple[str, str | None]:
        links = [link for link in self.links.values() if link.patient_id == patient]
        if not links:
            return "Selbstzahler", None
        wanted = max(links, key=lambda link: sort_key(link.link_id)).insurer_id
        for insurer in self.insurers.values():
            if insurer.insurer_id == wanted:
                return str(statuses.status(insurer.kind)), insurer.name
        return "Selbstzahler", None

    def _codes(self, patient: Id, day: date) -> tuple[str, ...]:
        codes: list[str] = []
        for service in sorted(self.services.values(), key=lambda row: sort_key(row.service_id)):
            if (service.patient_id, service.service_date) == (patient, day):
                code = service.code.strip()
                if code and code not in codes:
                    codes.append(code)
        return tuple(codes)


class Source:
    """Centers that commit transactions, and the topics with what they committed."""

    def __init__(self) -> None:
        self.logs: dict[str, list[Record]] = {topic: [] for topic in TOPICS}
        self.ends = dict.fromkeys(TOPICS, 0)
        self.centers: dict[str, Center] = {}
        self.after: dict[tuple[str, int], Center] = {}
        """Each center's rows as they were with each checkpoint, by its offset."""
        self._offsets: dict[str, dict[str, int]] = {}
        self._version = 0

    def commit(
        self,
        center_id: str,
        changes: Iterable[tuple[str, Id, Mapping[str, Any] | None]],
        *,
        partial: bool = False,
        snapshot: SnapshotProgress | None = None,
    ) -> int:
        """Publish one transaction's changes with their checkpoint; give that one's offset."""
        center = self.centers.setdefault(center_id, Center(center_id))
        self._version += 1
        wrote = {CHECKPOINTS}
        for topic, id_, content in changes:
            wrote.add(topic)
            record = None if content is None else self._record(topic, center_id, id_, content)
            value = None if record is None else ENCODERS[type(record)].encode(record)
            self.event(topic, topics.row_key(center_id, id_), value)
            self._offsets.setdefault(center_id, {})[topic] = self.ends[topic] - 1
            rows = center.table(topic)
            if record is None:
                rows.pop(str(id_), None)
            else:
                rows[str(id_)] = record
        offset = self.event(
            CHECKPOINTS,
            center_id.encode(),
            ENCODERS[Checkpoint].encode(
                self.checkpoint(center_id, partial=partial, snapshot=snapshot)
            ),
        )
        self.after[center_id, offset] = deepcopy(center)
        for topic in wrote:
            self.ends[topic] += 1  # The transaction's marker.
        return offset

    def event(self, topic: str, key: bytes | None, value: bytes | None) -> int:
        """Put a record at the end of a topic, as anybody could."""
        offset = self.ends[topic]
        self.logs[topic].append(Record(offset, key, value))
        self.ends[topic] += 1
        return offset

    def checkpoint(
        self, center_id: str, *, partial: bool = False, snapshot: SnapshotProgress | None = None
    ) -> Checkpoint:
        return Checkpoint(
            center_id=center_id,
            version=self._version,
            captured_at=self.now,
            partial=partial,
            database_identity="one",
            tables=(),
            mapping_fingerprint="sha256:1",
            snapshot=snapshot,
            instance_id="here",
            offsets=tuple(
                Offset(topic, 0, offset)
                for topic, offset in self._offsets.get(center_id, {}).items()
            ),
            dead_letters=0,
        )

    @property
    def now(self) -> datetime:
        return START + timedelta(seconds=self._version)

    def _record(self, topic: str, center_id: str, id_: Id, content: Mapping[str, Any]) -> Any:
        at = TOPICS.index(topic)
        make: type[Any] = RECORDS[at]
        return make(
            center_id=center_id,
            source_version=self._version,
            captured_at=self.now,
            **{ID_OF[at]: id_, **content},
        )

    def batch(self, topic: str, position: int, count: int) -> Batch:
        """Give the next records from a position, and the position behind them."""
        found = [record for record in self.logs[topic] if record.offset >= position]
        some = found[:count]
        behind = self.ends[topic] if len(some) == len(found) else found[count].offset
        if some and len(some) < len(found):
            behind = some[-1].offset + 1
        return Batch(topic, 0, some, behind)

    def compact(self, *, tombstones_gone: bool) -> None:
        """Keep the last record under each key."""
        for topic, log in self.logs.items():
            last = {record.key: record for record in log}
            self.logs[topic] = [
                record
                for record in log
                if last[record.key] is record and not (tombstones_gone and record.value is None)
            ]


class Kafka:
    """The output topics, as a sender fills them: unified rows with their offsets, and the rest."""

    def __init__(self) -> None:
        self.rows: dict[bytes, UnifiedEntry] = {}
        self.log: list[tuple[bytes, UnifiedEntry | None]] = []
        self.revisions: dict[bytes, list[int]] = {}
        self.progress: dict[str, Progress] = {}
        self.dead_letters: list[DeadLetter] = []

    def send(self, partition: Partition, *, limit: int = 1000, committed: bool = True) -> int:
        """Send one parcel; what is not taken out of the outbox afterwards is sent again."""
        parcel = partition.outbox(limit)
        if not parcel:
            return 0
        for message in parcel.rows:
            assert len(message.key or b"") + len(message.value or b"") < LARGEST
            if message.topic == topics.DEAD_LETTERS.name:
                assert message.value is not None
                self.dead_letters.append(DEAD.decode(message.value))
                continue
            assert (message.topic, message.partition) == (topics.UNIFIED_ENTRIES.name, 0)
            assert message.key is not None
            row = None if message.value is None else UNIFIED.decode(message.value)
            self.log.append((message.key, row))
            if row is None:
                self.rows.pop(message.key, None)
            else:
                self.rows[message.key] = row
                self.revisions.setdefault(message.key, []).append(row.revision)
        ends = {0: len(self.log) - 1} if self.log else {}
        for message in partition.progress(parcel, ends):
            assert message.value is not None
            progress = PROGRESS.decode(message.value)
            self.progress[progress.center_id] = progress
        if committed:
            partition.sent(parcel, ends)
        return len(parcel.rows) + 1

    def drain(self, partition: Partition) -> None:
        while self.send(partition):
            pass

    def content(self) -> dict[bytes, UnifiedEntry]:
        """Give the rows as the naive join gives them."""
        return {key: as_content(row) for key, row in self.rows.items()}


def as_content(row: UnifiedEntry) -> UnifiedEntry:
    """Leave out what the naive join does not say."""
    values = {name: getattr(row, name) for name in UnifiedEntry.__slots__}
    return UnifiedEntry(**(values | {"revision": 0, "captured_at": START}))


def expected(
    source: Source,
    names: Mapping[str, str] = NAMES,
    statuses: StatusTable = DEFAULT,
) -> dict[bytes, UnifiedEntry]:
    """Give all rows as they should be now."""
    return {
        key: row
        for center in source.centers.values()
        for key, row in center.rows(names.get(center.id, center.id), statuses).items()
    }


def read_all(partition: Partition, source: Source, *, count: int = 1_000_000) -> None:
    """Have a partition take all that is in the topics."""
    positions = dict.fromkeys(TOPICS, 0) | partition.offsets()
    while any(positions[topic] < source.ends[topic] for topic in TOPICS):
        for topic in TOPICS:
            batch = source.batch(topic, positions[topic], count)
            partition.take([batch])
            positions[topic] = batch.position


def live(path: Any, source: Source, kafka: Kafka, **changes: Any) -> Partition:
    """Open a partition as a worker does: rebuilt where needed, then ready for more."""
    partition = Partition.open(path, a_contract(**changes))
    if partition.rebuilding is not None:
        rebuild(partition, source, kafka)
    return partition


def rebuild(partition: Partition, source: Source, kafka: Kafka, *, count: int = 1_000_000) -> None:
    """Read the topics to their ends and compare with what is published."""
    partition.begin_rebuild(source.ends)
    read_all(partition, source, count=count)
    assert partition.read_to_ends
    ends = {0: len(kafka.log) - 1} if kafka.log else {}
    partition.finish_rebuild(kafka.log, ends)
