"""What comparing a rebuilt partition with what is published takes: time, memory, log.

python bench/rebuild.py [--rows 400000] [--json]

One partition with so many rows, all of them published, one in a hundred otherwise. It is one
transaction, so its log grows with what differs; memory must not.
"""

from __future__ import annotations

import argparse
import random
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from time import perf_counter, process_time

from bench._events import IDS, Topics
from bench._figures import Figure, Report
from bench.join import contract, resident
from schemas import avro
from schemas.codec import Decoder, Encoder
from schemas.records import UnifiedEntry
from stream_app.join import TOPICS, Partition
from stream_app.worker.published import LENGTHS, Spool

PARTITION = 0
GOAL_MEGABYTES = 150.0
CHANGED = 100


def rebuilt(folder: Path, source: Topics) -> Partition:
    """Give a partition that has read all there is, and compared nothing."""
    partition = Partition.open(folder / "join.sqlite", contract(source.partition))
    partition.begin_rebuild(dict.fromkeys(TOPICS, 1 << 60))
    for _ in source.fill():
        for batch in source.batches(2_000):
            partition.take([batch])
    partition.begin_rebuild(source.ends)
    return partition


def publish(partition: Partition, path: Path) -> Iterator[int]:
    """Write what is in the outbox where the rows of a topic are kept for a comparison."""
    ends: dict[int, int] = {}
    with path.open("wb") as file:
        while parcel := partition.outbox(20_000):
            for row in parcel.rows:
                key, value = row.key or b"", row.value or b""
                file.write(LENGTHS.pack(len(key), len(value)) + key + value)
            partition.sent(parcel, ends)
            yield len(parcel.rows)


def spoil(path: Path, spool: Path) -> None:
    """Have every hundredth row say something else than what is published."""
    decoder: Decoder[UnifiedEntry] = Decoder(UnifiedEntry)
    decoder.learn(IDS[UnifiedEntry], avro.load(UnifiedEntry))
    encode = Encoder(UnifiedEntry, IDS[UnifiedEntry]).encode
    found = Spool(path, {}).records(lambda _: avro.load(UnifiedEntry), lambda _: True)
    with spool.open("wb") as file:
        for number, (key, row) in enumerate(found):
            if row is None:
                continue
            other = row if number % CHANGED else replace(row, insurance_name="another")
            value = encode(other)
            file.write(LENGTHS.pack(len(key), len(value)) + key + value)


def measure(rows: int, folder: Path) -> dict[str, float]:
    source = Topics(PARTITION, round(rows * 2.3), 50, random.Random(1))
    partition = rebuilt(folder, source)
    began = process_time()
    first = partition.finish_rebuild((), {})
    first_cpu = process_time() - began
    published = sum(publish(partition, folder / "published"))
    spoil(folder / "published", folder / "spool")
    partition.begin_rebuild(source.ends)
    spool = Spool(folder / "spool", {})
    before, began, wall = resident(), process_time(), perf_counter()
    differing = partition.finish_rebuild(
        spool.records(lambda _: avro.load(UnifiedEntry), lambda _: True), {}
    )
    cpu, wall = process_time() - began, perf_counter() - wall
    after = resident()
    log = (folder / "join.sqlite-wal").stat().st_size / 1e6
    partition.close()
    return {
        "published": published,
        "first_cpu_seconds": first_cpu,
        "first_rows": first,
        "differing": differing,
        "cpu_seconds": cpu,
        "seconds": wall,
        "per_cpu_second": published / cpu,
        "megabytes_more": after - before,
        "log_megabytes": log,
    }


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=400_000)
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        found = measure(options.rows, Path(name))
    report = Report("rebuild", options.json)
    report.add(
        "rebuild",
        "A rebuilt partition is compared with all its rows as they are published.",
        [
            Figure("rows published", found["published"], ""),
            Figure("rows compared, by CPU time", found["per_cpu_second"], "/s"),
            Figure("memory for that", found["megabytes_more"], "MB", GOAL_MEGABYTES, at_most=True),
            Figure("log on disk", found["log_megabytes"], "MB"),
        ],
    )
    return report.end()


if __name__ == "__main__":
    sys.exit(main())
