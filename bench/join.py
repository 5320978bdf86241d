"""How fast the join applies source events, with little and with much state; no Kafka.

python bench/join.py [--rows N …] [--events N] [--batch N] [--every N] [--big] [--profile] [--json]

Thirty centers in twelve partitions, 1.2 services an entry. The state is filled by a rebuild;
then live events follow: decoded, joined, stored, encoded into the outbox, taken out of it.
"""

from __future__ import annotations

import argparse
import cProfile
import gc
import pstats
import resource
import sys
import tempfile
from collections.abc import Mapping, Sequence
from datetime import timedelta
from pathlib import Path
from time import perf_counter, process_time

from bench._events import CENTERS, IDS, PARTITIONS, START, Topics, all_topics
from bench._figures import ROUNDS, Figure, Report
from schemas import avro
from schemas.insurance import DEFAULT
from stream_app.join import TOPICS, Contract, Partition

GOAL = 50_000
GOAL_RATIO = 0.7
SMALL, BIG = 20_000, 2_000_000
SCHEMAS = {number: avro.load(type_) for type_, number in IDS.items()}


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
    with tempfile.TemporaryDirectory() as folder:
        sources = all_topics(rows, options.every)
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
    report = Report("join", options.json)
    fastest = None
    for rows in [*options.rows, *([BIG] if options.big else [])]:
        runs = [measure(rows, options) for _ in range(1 if rows == BIG else ROUNDS)]
        by_cpu, *others = told(runs, GOAL if fastest is None else GOAL_RATIO * fastest)
        fastest = fastest or by_cpu.value
        report.add(
            f"{runs[0]['rows']:,.0f} rows of state",
            "Source events through the join alone, without Kafka.",
            [by_cpu, *others],
        )
    return report.end()


def told(runs: Sequence[Mapping[str, float]], due: float) -> list[Figure]:
    """Give the medians of runs that are alike; the rate by CPU time comes first."""

    def median(what: str, key: str, due: float | None = None) -> Figure:
        return Figure.median(what, [run[key] for run in runs], "/s", due)

    first = runs[0]
    return [
        median("events by CPU time", "per_cpu_second", due),
        median("events by the clock", "per_second"),
        Figure("rows out for an event", first["unified"] / first["events"], ""),
        median("filled by CPU time", "rebuild_per_cpu_second"),
        Figure("state on disk", first["state_mb"], "MB"),
        Figure("memory", first["memory_mb"], "MB"),
    ]


if __name__ == "__main__":
    sys.exit(main())
