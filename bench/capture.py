"""How fast a center's rows and changes reach Kafka, beside a bare loop over the same rows.

python bench/capture.py [--patients N]

The bare loop fetches with pyodbc, encodes with fastavro and produces without transactions.
Both sides count their start: log in, and for ours compare the schema, take over, read back.
"""

from __future__ import annotations

import argparse
import io
import json
import os
import secrets
import subprocess
import sys
import tempfile
import threading
import uuid
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import replace
from pathlib import Path
from time import perf_counter

import fastavro
from confluent_kafka import Producer

from chartfeed import settings as configuration
from chartfeed.produce import contract
from deploy.local import practices
from producers.canonical import TRACKED
from producers.capture.center import Center, Job
from producers.capture.events import TABLES
from producers.capture.feed import Contract
from producers.capture.tally import Tally
from producers.connection import Settings, connect
from producers.mapping import Mapping
from producers.quoting import name, qualified
from producers.rows import COLUMNS, Rules
from schemas import avro
from tests import approved
from tests.factories import A_MOMENT
from tests.practices_on import settings as login_of
from tests.standin import running

GOAL_SNAPSHOT = 20_000
GOAL_RATIO = 0.6
GOAL_CHANGES = 15_000


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


def captured(login: Settings, mapping: Mapping, side: Contract) -> float:
    """Catch up with the center and return the seconds that it took."""
    job = Job(
        center_id=mapping.center,
        mapping=lambda: mapping,
        connect=lambda: connect(login),
        contract=side,
        instance_id=uuid.uuid4().hex,
        poll_interval=0.5,
        guard=1.0,
        update=lambda _change: None,
        tally=Tally(),
    )
    began = perf_counter()
    Center(job, threading.Event()).run(once=True)
    return perf_counter() - began


def measured(login: Settings, mapping: Mapping, side: Contract) -> dict[str, float]:
    began = perf_counter()
    rows = bare(login, mapping, side)
    bare_rate = rows / (perf_counter() - began)
    seconds = captured(login, mapping, side)
    table = qualified(mapping.schema_name(), mapping.table("KARTEI"))
    text = name(mapping.column("KARTEI", "BEMERKUNG"))
    with closing(connect(login)) as connection:
        changed = connection.execute(f"UPDATE {table} SET {text} = N'neu'").rowcount
    return {
        "rows": rows,
        "bare_rows_per_second": round(bare_rate),
        "snapshot_rows_per_second": round(rows / seconds),
        "snapshot_of_bare": round(rows / seconds / bare_rate, 2),
        "changes": changed,
        "changes_per_second": round(changed / captured(login, mapping, side)),
    }


@contextmanager
def kafka(home: Path) -> Iterator[Contract]:
    """Run a broker and a registry of our own, with topics and schemas."""

    def run(*arguments: str) -> None:
        command = [sys.executable, "-m", "chartfeed", *arguments]
        subprocess.run(command, env=os.environ | {"CHARTFEED_HOME": str(home)}, check=True)

    run("local", "up", "kafka", "registry", "--owner", str(os.getpid()))
    try:
        run("topics", "create")
        run("schemas", "register")
        yield contract(configuration.load(home / "chartfeed.yml"))
    finally:
        run("local", "down")


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--patients", type=int, default=3000)
    request = practices.Request(
        count=1, families=("suffixed",), patients=parser.parse_args().patients, tables=10
    )
    planned = practices.plan(request)[:1]
    password = "Aa1-" + secrets.token_urlsafe(12)
    with (
        tempfile.TemporaryDirectory() as folder,
        kafka(Path(folder) / "home") as side,
        running(Path(folder) / "server") as standin,
    ):
        sa = login_of(standin)
        practices.load_missing(
            planned, practices.connector(sa), user="chartfeed", password=password
        )
        mappings = approved.approve_all(Path(folder) / "mappings", planned, sa)
        login = replace(sa, database=planned[0].database, center=planned[0].center_id)
        found = measured(login, mappings[planned[0].center_id], side)
    print(json.dumps(found, indent=1))
    good = (
        found["snapshot_rows_per_second"] >= GOAL_SNAPSHOT
        and found["snapshot_of_bare"] >= GOAL_RATIO
        and found["changes_per_second"] >= GOAL_CHANGES
    )
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main())
