"""How fast changes reach Kafka and what it costs, each beside what is due.

python -m bench capture [--only SECTION …] [--json]

Sections: snapshot, catchup, idle, latency, fast, many. Rates are by the clock and, for a machine
that others use too, by the CPU time of our process. Beside `snapshot` and `catchup` a bare loop
fetches the same rows or changes with pyodbc, encodes them with fastavro and produces without
transactions; it runs before and after ours, and the better one counts. Both count their start: log
in, and for ours compare the schema, take over, read back.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import threading
import uuid
from collections.abc import Sequence
from contextlib import closing
from functools import partial
from pathlib import Path
from time import sleep
from typing import Final

from bench import _bare as bare
from bench import _rig as rig
from bench._figures import ROUNDS, Figure, Report, Spent
from bench._latency import in_topic, latencies, quantile
from deploy.local import practices
from deploy.local.practices import Request
from producers.capture.center import Center
from producers.capture.feed import Contract
from producers.capture.job import Job
from producers.capture.tally import Tally
from producers.connection import Settings, connect
from producers.mapping import Mapping
from producers.quoting import name, qualified
from schemas import topics

IDLE_SECONDS: Final = 15
LATENCY_SECONDS: Final = 20
CHANGES_A_SECOND: Final = 100


def beside(
    what: str, runs: Sequence[Spent], limits: Sequence[Spent], due: float | None = None
) -> list[Figure]:
    """Give the rates of the bare loop at its best, and the share of them that ours have."""
    rate = max(limit.rate for limit in limits)
    by_cpu = max(limit.rate_by_cpu for limit in limits)
    return [
        Figure(f"bare {what}, by the clock", rate, "/s"),
        Figure(f"bare {what}, by CPU time", by_cpu, "/s"),
        Figure.median(f"{what} of bare, by the clock", [run.rate / rate for run in runs], "", due),
        Figure.median(
            f"{what} of bare, by CPU time", [run.rate_by_cpu / by_cpu for run in runs], ""
        ),
    ]


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
    """All rows of a center through one producer process, of one center after the other."""
    request = Request(
        count=ROUNDS, families=("suffixed",), patients=3000, years=5, tables=10, insurers=2000
    )
    side = there.side()
    with rig.sources(there, folder, request) as found:
        first, *_ = found.planned
        bare.prepare(side.kafka, side.partitions)
        limit = partial(
            bare.snapshot, found.login(first), found.mappings[first.center_id], side.kafka
        )
        before = Spent.on(limit)
        began = rig.Watched.of(there, found)
        ours = [
            Spent.on(partial(captured, found.login(one), found.mappings[one.center_id], side))
            for one in found.planned
        ]
        ended = rig.Watched.of(there, found)
        after = Spent.on(limit)
        return [
            Figure.median("rows", [one.count for one in ours], ""),
            *Spent.figures("snapshot rows", ours, 20_000),
            *beside("snapshot", ours, (before, after), 0.6),
            *ended.figures_since(began),
        ]


def catchup(there: rig.Rig, folder: Path) -> list[Figure]:
    """More than 200,000 changes that were made while nobody looked, several times."""
    request = Request(
        count=1, families=("suffixed",), patients=7000, years=5, tables=10, insurers=200
    )
    side = there.side()
    with rig.sources(there, folder, request) as found:
        [practice] = found.planned
        login, mapping = found.login(practice), found.mappings[practice.center_id]
        captured(login, mapping, side)
        with closing(connect(login)) as connection:
            since = bare.version(connection)
        changed = change_all(login, mapping, "01")
        bare.prepare(side.kafka, side.partitions)
        limit = partial(bare.catch_up, login, mapping, side.kafka, since)
        before = Spent.on(limit)
        began = rig.Watched.of(there, found)
        ours = [Spent.on(lambda: captured(login, mapping, side))]
        for round_ in range(1, ROUNDS):
            change_all(login, mapping, f"{round_:02}")
            ours.append(Spent.on(lambda: captured(login, mapping, side)))
        ended = rig.Watched.of(there, found)
        after = Spent.on(limit)
        return [
            Figure("changes", changed, ""),
            *Spent.figures("changes", ours, 15_000),
            *beside("changes", ours, (before, after)),
            *ended.figures_since(began),
        ]


def change_all(login: Settings, mapping: Mapping, text: str) -> int:
    """Change all entries and services of a center, and count them."""
    changed = 0
    with closing(connect(login)) as connection:
        for table, column in (("KARTEI", "BEMERKUNG"), ("LEISTUNG", "LEISTUNG")):
            where = qualified(mapping.schema_name(), mapping.table(table))
            key = name(mapping.column(table, column))
            changed += connection.execute(f"UPDATE {where} SET {key} = ?", text).rowcount
    return changed


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
            *now.figures_since(before),
        ]


def latency(there: rig.Rig, folder: Path) -> list[Figure]:
    """Thirty centers, 100 changes/s asked for, at the default interval."""
    return _latency(there, folder, 30, "500ms", p50=0.35, p99=0.75)


def fast(there: rig.Rig, folder: Path) -> list[Figure]:
    """Thirty centers, 100 changes/s asked for, at 100 ms."""
    return _latency(there, folder, 30, "100ms", p50=0.12)


def many(there: rig.Rig, folder: Path) -> list[Figure]:
    """120 centers in one process, 100 changes/s asked for."""
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
        before: list[rig.Watched] = []
        runs = [
            latencies(
                found,
                [in_topic(side.kafka, side.partitions, topics.CHART_ENTRIES.name)],
                rate=CHANGES_A_SECOND,
                seconds=LATENCY_SECONDS,
                begins=lambda: before.append(rig.Watched.of(there, found, **{"the producer": pid})),
            )[0]
            for _ in range(ROUNDS)
        ]
        now = rig.Watched.of(there, found, **{"the producer": pid})

        def of(share: float, due: float | None) -> Figure:
            return Figure.median(
                f"commit to readable, p{100 * share:g}, {poll}",
                [quantile(run.seconds, share) for run in runs],
                "s",
                due,
                at_most=True,
            )

        return [
            Figure("events", len(runs[0].seconds), ""),
            Figure.median("changes a second that came about", [run.rate for run in runs], "/s"),
            of(0.5, p50),
            of(0.99, p99),
            Figure("resident memory", now.costs["the producer"].resident / 1e6, "MB"),
            *now.figures_since(before[0]),
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
