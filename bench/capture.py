"""How fast changes reach Kafka and what it costs, each beside what is due.

python -m bench capture [--only SECTION …] [--json]

Sections: snapshot, catchup, idle, latency, fast, many. Rates are by the clock and, for a machine
that others use too, by the CPU time of our process. The bare loop of `snapshot` fetches the same
rows with pyodbc, encodes them with fastavro and produces without transactions; it runs before and
after ours. Both count their start: log in, and for ours compare the schema, take over, read back.
"""

from __future__ import annotations

import argparse
import io
import sys
import tempfile
import threading
import uuid
from contextlib import closing
from pathlib import Path
from time import sleep
from typing import Final

import fastavro
from confluent_kafka import Producer

from bench import _rig as rig
from bench._figures import Figure, Report, Spent
from bench._latency import latencies, quantile
from deploy.local import practices
from deploy.local.practices import Request
from producers.canonical import TRACKED
from producers.capture.center import Center
from producers.capture.events import TABLES
from producers.capture.feed import Contract
from producers.capture.job import Job
from producers.capture.tally import Tally
from producers.connection import Settings, connect
from producers.mapping import Mapping
from producers.quoting import name, qualified
from producers.rows import COLUMNS, Rules
from schemas import avro
from tests.factories import A_MOMENT

IDLE_SECONDS: Final = 15
LATENCY_SECONDS: Final = 20
CHANGES_A_SECOND: Final = 100


def shares(now: rig.Watched, before: rig.Watched) -> list[Figure]:
    """Give the cores that each process has used meanwhile; what strangers use, we lack."""
    return [
        Figure(f"cores used meanwhile, {name}", share, "")
        for name, share in now.shares_since(before).items()
    ]


def bare(login: Settings, mapping: Mapping, side: Contract) -> int:
    """Fetch all rows, encode and produce them, with as little as can be."""
    producer = Producer({**side.kafka, "linger.ms": 5, "compression.type": "lz4"})
    rules = Rules.of(mapping)
    make = {
        "KASSEN": rules.insurer,
        "PATKASSE": rules.patient_insurance,
        "KARTEI": rules.chart_entry,
        "LEISTUNG": rules.service,
    }
    rows = 0
    with closing(connect(login)) as connection:
        for table in TRACKED:
            topic, type_ = TABLES[table]
            schema = fastavro.parse_schema(avro.load(type_))
            fields = [field["name"] for field in avro.load(type_)["fields"]]
            listed = ", ".join(name(mapping.column(table, key)) for key in COLUMNS[table])
            where = qualified(mapping.schema_name(), mapping.table(table))
            cursor = connection.execute(f"SELECT {listed} FROM {where}")
            while batch := cursor.fetchmany(2000):
                for row in batch:
                    rows += 1
                    record = make[table](row, 0, A_MOMENT)
                    if record is None:
                        continue
                    buffer = io.BytesIO(b"\x00\x00\x00\x00\x01")
                    buffer.seek(5)
                    plain = {field: getattr(record, field) for field in fields}
                    fastavro.schemaless_writer(buffer, schema, plain)
                    key = f"bare/{row[0]}".encode()
                    while True:
                        try:
                            producer.produce(topic.name, key=key, value=buffer.getvalue())
                            break
                        except BufferError:
                            producer.poll(0.1)
                producer.poll(0)
    producer.flush(60)
    return rows


def captured(login: Settings, mapping: Mapping, side: Contract) -> int:
    """Catch up with the center and return how many events that were."""
    tally = Tally()
    job = Job(
        center_id=mapping.center,
        mapping=lambda: mapping,
        connect=lambda: connect(login),
        contract=side,
        instance_id=uuid.uuid4().hex,
        poll_interval=0.5,
        guard=1.0,
        update=lambda _change: None,
        tally=tally,
    )
    Center(job, threading.Event()).run(once=True)
    counts = tally.counts()[mapping.center]
    return counts.snapshot_rows or sum(counts.events.values())


def snapshot(there: rig.Rig, folder: Path) -> list[Figure]:
    """All rows of a center and 200,000 changes of it, through one producer process."""
    request = Request(
        count=1, families=("suffixed",), patients=3000, years=5, tables=10, insurers=2000
    )
    side = there.side()
    with rig.sources(there, folder, request) as found:
        [practice] = found.planned
        login, mapping = found.login(practice), found.mappings[practice.center_id]
        before = Spent.on(lambda: bare(login, mapping, side))
        began = rig.Watched.of(there, found)
        ours = Spent.on(lambda: captured(login, mapping, side))
        ended = rig.Watched.of(there, found)
        after = Spent.on(lambda: bare(login, mapping, side))
        best = min(before, after, key=lambda spent: spent.seconds)
        best_cpu = min(before.cpu, after.cpu)
        return [
            Figure("rows", ours.count, ""),
            *best.figures("bare rows"),
            *ours.figures("snapshot rows", 20_000),
            Figure("snapshot of bare, by the clock", best.seconds / ours.seconds, "", 0.6),
            Figure("snapshot of bare, by CPU time", best_cpu / ours.cpu, ""),
            *shares(ended, began),
        ]


def catchup(there: rig.Rig, folder: Path) -> list[Figure]:
    """200,000 changes that were made while nobody looked."""
    request = Request(
        count=1, families=("suffixed",), patients=7000, years=5, tables=10, insurers=200
    )
    side = there.side()
    with rig.sources(there, folder, request) as found:
        [practice] = found.planned
        login, mapping = found.login(practice), found.mappings[practice.center_id]
        captured(login, mapping, side)
        changed = 0
        with closing(connect(login)) as connection:
            for table, column in (("KARTEI", "BEMERKUNG"), ("LEISTUNG", "LEISTUNG")):
                where = qualified(mapping.schema_name(), mapping.table(table))
                key = name(mapping.column(table, column))
                changed += connection.execute(f"UPDATE {where} SET {key} = N'01'").rowcount
        began = rig.Watched.of(there, found)
        ours = Spent.on(lambda: captured(login, mapping, side))
        ended = rig.Watched.of(there, found)
        return [
            Figure("changes", changed, ""),
            *ours.figures("changes", 15_000),
            *shares(ended, began),
        ]


def idle(there: rig.Rig, folder: Path) -> list[Figure]:
    """Thirty centers where nothing happens, after all their rows were read."""
    with (
        rig.sources(there, folder, small(30, patients=120, years=2)) as found,
        rig.producing(found, "500ms") as pid,
    ):
        sleep(8)
        before = rig.Watched.of(there, found, **{"the producer": pid})
        sleep(IDLE_SECONDS)
        now = rig.Watched.of(there, found, **{"the producer": pid})
        share = now.shares_since(before)["the producer"]
        resident = now.costs["the producer"].resident / 1e6
        return [
            Figure("share of a core, 30 centers at 500 ms", share, "", 0.15, at_most=True),
            Figure("resident memory", resident, "MB", 120, at_most=True),
            *shares(now, before),
        ]


def latency(there: rig.Rig, folder: Path) -> list[Figure]:
    """Thirty centers, 100 changes/s, at the default interval."""
    return _latency(there, folder, 30, "500ms", p50=0.35, p99=0.75)


def fast(there: rig.Rig, folder: Path) -> list[Figure]:
    """Thirty centers, 100 changes/s, at 100 ms."""
    return _latency(there, folder, 30, "100ms", p50=0.12)


def many(there: rig.Rig, folder: Path) -> list[Figure]:
    """120 centers in one process, 100 changes/s."""
    return _latency(there, folder, 120, "500ms", p99=2.0)


def _latency(
    there: rig.Rig,
    folder: Path,
    centers: int,
    poll: str,
    *,
    p50: float | None = None,
    p99: float | None = None,
) -> list[Figure]:
    side = there.side()
    with (
        rig.sources(there, folder, small(centers)) as found,
        rig.producing(found, poll) as pid,
    ):
        before = rig.Watched.of(there, found, **{"the producer": pid})
        seconds = latencies(
            found, side.kafka, side.partitions, rate=CHANGES_A_SECOND, seconds=LATENCY_SECONDS
        )
        now = rig.Watched.of(there, found, **{"the producer": pid})
        return [
            Figure("events", len(seconds), ""),
            Figure(
                f"commit to readable, p50, {poll}", quantile(seconds, 0.5), "s", p50, at_most=True
            ),
            Figure(
                f"commit to readable, p99, {poll}", quantile(seconds, 0.99), "s", p99, at_most=True
            ),
            Figure("resident memory", now.costs["the producer"].resident / 1e6, "MB"),
            *shares(now, before),
        ]


def small(count: int, *, patients: int = 6, years: int = 1) -> Request:
    return practices.Request(
        count=count, families=("suffixed",), patients=patients, years=years, tables=10, insurers=20
    )


SECTIONS: Final = {
    section.__name__: section for section in (snapshot, catchup, idle, latency, fast, many)
}


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--only", nargs="+", choices=SECTIONS, default=list(SECTIONS))
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    report = Report("capture", options.json)
    with tempfile.TemporaryDirectory() as name_, rig.kafka(Path(name_) / "home") as there:
        for section in options.only:
            found = SECTIONS[section](there, Path(name_) / section)
            report.add(section, SECTIONS[section].__doc__, found)
    return report.end()


if __name__ == "__main__":
    sys.exit(main())
