"""How fast the join applies source events, with little and with much state; no Kafka.

python bench/join.py [--rows N …] [--events N] [--batch N] [--every N] [--big] [--profile] [--json]

Thirty centers in twelve partitions, 1.2 services an entry. The state is filled by a rebuild;
then live events follow: decoded, joined, stored, encoded into the outbox, taken out of it.
"""

from __future__ import annotations

import argparse
import cProfile
import gc
import json
import pstats
import random
import resource
import sys
import tempfile
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from time import perf_counter, process_time
from typing import Any

from schemas import avro, topics
from schemas.codec import Encoder
from schemas.insurance import DEFAULT
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
from stream_app.join import TOPICS, Contract, Partition

GOAL = 50_000
GOAL_RATIO = 0.7
SMALL, BIG = 20_000, 2_000_000
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
SCHEMAS = {number: avro.load(type_) for type_, number in IDS.items()}
ENCODERS: dict[type[Any], Encoder[Any]] = {type_: Encoder(type_, IDS[type_]) for type_ in TYPES}


@dataclass(frozen=True, slots=True)
class Record:
    offset: int
    key: bytes
    value: bytes | None
    timestamp: int = 0


class Topics:
    """One source partition's topics, written as its centers' producers would."""

    def __init__(self, partition: int, rows: int, every: int, choose: random.Random) -> None:
        self.partition = partition
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
        self.pending: dict[str, list[Record]] = {topic: [] for topic in TOPICS}
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
        goal = sum(map(len, self.pending.values())) + events
        while sum(map(len, self.pending.values())) < goal:
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
            value = ENCODERS[type_].encode(record)
        topic = TYPES[type_]
        self._last_offsets[center][topic] = self._write(topic, f"{center}/{id_}", value)

    def _write(self, topic: str, key: str, value: bytes | None) -> int:
        offset = self.ends[topic]
        self.pending[topic].append(Record(offset, key.encode(), value))
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
        self._write(CHECKPOINTS, center, ENCODERS[Checkpoint].encode(record))

    @property
    def _now(self) -> datetime:
        return START + timedelta(milliseconds=500 * self._version)

    def batches(self, size: int) -> Iterator[Batch]:
        """Give what is written, in turns of the topics."""
        pending, self.pending = self.pending, {topic: [] for topic in TOPICS}
        longest = max(map(len, pending.values()))
        for first in range(0, longest, size):
            for topic, records in pending.items():
                if some := records[first : first + size]:
                    yield Batch(topic, self.partition, some, some[-1].offset + 1)


def contract(partition: int) -> Contract:
    return Contract(
        partition=partition,
        partitions=PARTITIONS,
        topic_ids={},
        centers={center: f"Zahnarztpraxis {center}" for center in CENTERS},
        statuses=DEFAULT,
        schema_of=SCHEMAS.get,
        schema_ids=IDS,
        stale_after=timedelta(days=7),
        now=lambda: START,
    )


def drain(partition: Partition, ends: dict[int, int]) -> int:
    """Send all that is in the outbox, to nobody; give how many rows."""
    count = 0
    while parcel := partition.outbox(5_000):
        for row in parcel.rows:
            assert row.partition is not None
            ends[row.partition] = ends.get(row.partition, -1) + 1
        partition.progress(parcel, ends)
        partition.sent(parcel, ends)
        count += len(parcel.rows)
    return count


class Clock:
    """Wall and CPU time of what is measured."""

    def __init__(self) -> None:
        self.wall = self.cpu = 0.0

    def __enter__(self) -> None:
        self._began = perf_counter(), process_time()

    def __exit__(self, *_: object) -> None:
        self.wall += perf_counter() - self._began[0]
        self.cpu += process_time() - self._began[1]


def resident() -> float:
    """Give the process's memory now, in MB."""
    with Path("/proc/self/statm").open() as file:
        return int(file.read().split()[1]) * resource.getpagesize() / 1e6


def fill(
    sources: Sequence[Topics], partitions: Sequence[Partition], batch: int, ends: dict[int, int]
) -> tuple[int, Clock]:
    """Rebuild every partition from what its topics hold at the start."""
    clock, count = Clock(), 0
    for source, partition in zip(sources, partitions, strict=True):
        partition.begin_rebuild(dict.fromkeys(TOPICS, 1 << 60))
        for _ in source.fill():
            batches = list(source.batches(batch))
            count += sum(len(batch.records) for batch in batches)
            with clock:
                for one in batches:
                    partition.take([one])
        partition.begin_rebuild(source.ends)
        with clock:
            partition.finish_rebuild((), {})
            drain(partition, ends)
    return count, clock


def measure(rows: int, options: argparse.Namespace) -> Mapping[str, float]:
    choose = random.Random(1)
    with tempfile.TemporaryDirectory() as folder:
        sources = [
            Topics(number, round(rows * share(number)), options.every, choose)
            for number in range(PARTITIONS)
        ]
        partitions = [
            Partition.open(Path(folder) / f"join-{number}.sqlite", contract(number))
            for number in range(PARTITIONS)
        ]
        ends: dict[int, int] = {}
        filled, filling = fill(sources, partitions, options.batch, ends)
        gc.collect()
        clock, events, sent = Clock(), 0, 0
        profile = cProfile.Profile() if options.profile else None
        while events < options.events:
            for source, partition in zip(sources, partitions, strict=True):
                source.live(options.batch * 2)
                some = list(source.batches(options.batch))
                if profile:
                    profile.enable()
                with clock:
                    for batch in some:
                        events += partition.take([batch]).events
                    sent += drain(partition, ends)
                if profile:
                    profile.disable()
        memory = resident()
        state = sum(file.stat().st_size for file in Path(folder).iterdir()) / 1e6
        for partition in partitions:
            partition.close()
        if profile:
            pstats.Stats(profile).sort_stats("tottime").print_stats(28)
    return {
        "rows": filled,
        "rebuild_per_cpu_second": filled / filling.cpu,
        "events": events,
        "unified": sent,
        "per_cpu_second": events / clock.cpu,
        "per_second": events / clock.wall,
        "memory_mb": memory,
        "peak_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e3,
        "state_mb": state,
    }


def share(partition: int) -> float:
    ours = [topics.partition_of_center(center, PARTITIONS) == partition for center in CENTERS]
    return sum(ours) / len(CENTERS)


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, nargs="+", default=[SMALL])
    parser.add_argument("--big", action="store_true", help=f"also with {BIG:,} rows; minutes")
    parser.add_argument("--events", type=int, default=150_000)
    parser.add_argument("--batch", type=int, default=2_000, help="records of a topic at once")
    parser.add_argument("--every", type=int, default=50, help="events of a center per checkpoint")
    parser.add_argument("--profile", action="store_true")
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args(arguments)
    found = [measure(rows, options) for rows in [*options.rows, *([BIG] if options.big else [])]]
    if options.json:
        print(json.dumps(found))
    else:
        for one in found:
            print(
                f"{one['rows']:>10,.0f} rows of state ({one['state_mb']:,.0f} MB):"
                f" {one['per_cpu_second']:>7,.0f} events/s of CPU time,"
                f" {one['per_second']:>7,.0f} by the clock,"
                f" {one['unified'] / one['events']:.2f} rows out an event,"
                f" {one['memory_mb']:,.0f} MB; filled at"
                f" {one['rebuild_per_cpu_second']:,.0f}/s of CPU time"
            )
        print(f"goal: {GOAL:,} a second, and {GOAL_RATIO:.0%} of that with {BIG:,} rows")
    rates = [one["per_cpu_second"] for one in found]
    return int(rates[0] < GOAL or rates[-1] < GOAL_RATIO * rates[0])


if __name__ == "__main__":
    sys.exit(main())
