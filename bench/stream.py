"""How fast a worker follows the topics and what it needs, each figure beside what is due.

python -m bench stream [--only SECTION …] [--events N] [--json]

Each section has a broker and a registry of its own. Rates are by the clock, with the broker on
the same machine, and for a machine that others use too, by the worker's CPU time.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from statistics import median
from time import perf_counter, time
from typing import Any, Final

from bench import _rig as rig
from bench._bare import drain
from bench._delays import Delays, beside_staff
from bench._events import PARTITIONS, TYPES, all_topics, encoders
from bench._figures import ROUNDS, Figure, Report, Spent
from bench._latency import in_file, in_topic, latencies, quantile
from bench._load import Loader
from bench._peers import faust_tables, quix
from bench._worker import Watch, Worker, configure
from chartfeed import settings as configuration
from chartfeed.stream import WRITTEN
from deploy.local import practices
from deploy.local.staff.desk import ZONE
from producers.capture.publisher import Options
from producers.registry import Registry
from schemas import topics
from stream_app.files.rendering import file_name, manifest_name

SMALL: Final = 20_000
BIG: Final = 2_000_000
LONGEST: Final = 900.0
FAUST_EVENTS: Final = 30_000
QUIX_EVENTS: Final = 100_000
WARM_SECONDS: Final = 5.0
WORK_SECONDS: Final = 30.0
BEST_SECONDS: Final = 5.0


@dataclass(frozen=True)
class Stage:
    """A broker with the centers' rows in it, and a worker's configuration."""

    config: Path
    kafka: Options
    ids: Mapping[type[Any], int]
    loader: Loader
    filled: int
    """Events of the rows that were there at the start."""

    def watch(self) -> Watch:
        return Watch(self.kafka, self.ids)

    def goal(self) -> dict[str, int]:
        """Give each center's last checkpoint."""
        return {
            center: offset
            for source in self.loader.sources
            for center, offset in source.checkpoints.items()
        }


@contextmanager
def stage(folder: Path, rows: int, every: int) -> Iterator[Stage]:
    """Have the topics of a broker of our own hold so many rows."""
    with rig.kafka(folder / "home") as there:
        config = configure(there, folder / "work")
        settings = configuration.load(config)
        registry = Registry(settings.registry.url)
        source = {TYPES_OF[topic.name]: registry.id_of(topic) for topic in SOURCE}
        ids = source | {type_: registry.id_of(topic) for type_, topic in WRITTEN.items()}
        kafka = {"bootstrap.servers": settings.kafka.bootstrap}
        sources = all_topics(rows, every, markers=True, encoders=encoders(source))
        loader = Loader(kafka, sources)
        filled = loader.fill()
        try:
            yield Stage(config, kafka, ids, loader, filled)
        finally:
            loader.close()


SOURCE: Final = (*topics.SOURCE, topics.CHECKPOINTS)
TYPES_OF: Final = {topic: type_ for type_, topic in TYPES.items()}


@dataclass(frozen=True)
class Caught:
    """A catch-up of one worker."""

    events: int
    seconds: float
    """From its assignment to its last Progress."""
    between: float
    """From its first Progress to its last."""
    cpu: float
    """From its assignment to its last Progress."""
    filed: float
    """From its assignment until the files show all."""
    peak: float

    @property
    def rate(self) -> float:
        return self.events / self.seconds


def caught_up(what: str, runs: Sequence[Caught], due: float | None = None) -> list[Figure]:
    """Give the medians of catch-ups that are alike."""

    def told(how: str, of: Callable[[Caught], float], unit: str, due: float | None) -> Figure:
        return Figure.median(f"{what}, {how}", map(of, runs), unit, due)

    return [
        Figure(f"{what}, events", runs[0].events, ""),
        told("from assignment to last Progress", lambda one: one.rate, "/s", due),
        told("from first to last Progress", lambda one: one.events / one.between, "/s", None),
        told("by CPU time of the worker", lambda one: one.events / one.cpu, "/s", None),
        told("until in the files", lambda one: one.filed, "s", None),
    ]


def catch_up(there: Stage, events: int) -> Caught:
    """Let a worker that was stopped meanwhile catch up with live events."""
    count = there.loader.live(events) if events else 0
    watch = there.watch()
    with Worker.running(there.config) as worker:
        assigned = worker.assigned()
        before = worker.cost().cpu
        found = watch.until(there.goal(), LONGEST, worker)
        cpu = worker.cost().cpu - before
        filed = worker.wait_filed(LONGEST)
        peak = worker.peak()
    return Caught(
        count, found.last - assigned, found.last - found.first, cpu, filed - assigned, peak
    )


def live(folder: Path, options: argparse.Namespace) -> list[Figure]:
    """One worker catches up with what came while it was stopped; peers and replay beside it."""
    caught = []
    for number in range(1, ROUNDS):
        with stage(folder / str(number), SMALL, options.every) as there:
            catch_up(there, 0)
            caught.append(catch_up(there, options.events))
    with stage(folder / str(ROUNDS), SMALL, options.every) as there:
        catch_up(there, 0)
        caught.append(catch_up(there, options.events))
        rate = median(one.rate for one in caught)
        bare = [read_all(there) for _ in range(ROUNDS)]
        bootstrap = str(there.kafka["bootstrap.servers"])
        # Those that are there; a peer would wait for more.
        few, more = (min(count, caught[0].events) for count in (FAUST_EVENTS, QUIX_EVENTS))
        slow = faust_tables(bootstrap, there.ids, there.filled, few, folder / "faust")
        other = quix(bootstrap, there.ids, there.filled, more, folder / "quix")
        again = [replay(there, folder / f"replay-{number}") for number in range(ROUNDS)]
    return [
        *caught_up("live", caught, 30_000),
        *Spent.figures("bare loop that fetches and decodes", bare),
        Figure("live of the bare loop", rate / median(one.rate for one in bare), ""),
        Figure("peak memory", max(one.peak for one in caught), "MB", 400, at_most=True),
        Figure("Faust Tables, after as many as the fill", slow["per_second"], "/s"),
        Figure("Faust Tables, by CPU time", slow["per_cpu_second"], "/s"),
        Figure("live of Faust Tables", rate / slow["per_second"], "", 10),
        Figure("quixstreams, after as many as the fill", other["per_second"], "/s"),
        Figure("quixstreams, by CPU time", other["per_cpu_second"], "/s"),
        Figure("live of quixstreams", rate / other["per_second"], "", 1),
        *Spent.figures("replay records, its start included", again),
        Figure.median("replay of live", [one.rate / rate for one in again], "", 1.2),
    ]


def read_all(there: Stage) -> Spent:
    """Fetch all events there are and decode them, and nothing else."""
    types = {topic.name: TYPES_OF[topic.name] for topic in topics.SOURCE}
    return Spent.on(lambda: drain(there.kafka, types, PARTITIONS))


def replay(there: Stage, folder: Path) -> Spent:
    """Replay all there is, in a process of its own."""
    command = [sys.executable, "-m", "chartfeed", "--config", str(there.config)]
    began, used = perf_counter(), os.times()
    done = subprocess.run(
        [*command, "replay", "--output", folder], check=True, capture_output=True, text=True
    )
    now = os.times()
    cpu = now.children_user + now.children_system - used.children_user - used.children_system
    records = int(done.stdout.split(maxsplit=1)[0].replace(",", ""))
    return Spent(records, perf_counter() - began, cpu)


def state(folder: Path, options: argparse.Namespace) -> list[Figure]:
    """One worker with 2,000,000 rows: rebuilt, killed, and with as large a backlog."""
    with stage(folder / "small", SMALL, options.every) as there:
        catch_up(there, 0)
        small = catch_up(there, options.events)
    with stage(folder / "big", options.rows, options.every) as there:
        rebuilt = catch_up(there, 0)
        big = catch_up(there, options.events)
        back = restart(there, options.events)
        backlog = catch_up(there, options.rows)
    share = big.rate / small.rate
    by_cpu = (big.events / big.cpu) / (small.events / small.cpu)
    return [
        *caught_up(f"{SMALL:,} rows", [small]),
        *caught_up(f"{options.rows:,} rows", [big]),
        Figure("large of small, by the clock", share, "", 0.7),
        Figure("large of small, by CPU time", by_cpu, ""),
        Figure("rebuild, events", rebuilt.events, ""),
        Figure("rebuild, until published", rebuilt.seconds, "s"),
        Figure("rebuild, peak memory", rebuilt.peak, "MB", 400, at_most=True),
        Figure("large state, peak memory", big.peak, "MB", 400, at_most=True),
        Figure("after kill -9, until Progress", back, "s", 10, at_most=True),
        *caught_up("large backlog", [backlog]),
        Figure("large backlog, peak memory", backlog.peak, "MB", 400, at_most=True),
    ]


def restart(there: Stage, events: int) -> float:
    """Kill a worker in the middle of its work; give how long until the next one goes on."""
    there.loader.live(events)
    watch = there.watch()
    with Worker.running(there.config) as worker:
        watch.first(worker, LONGEST)
        worker.kill()
    # Both before the worker begins: what it says first may be the last of a partition.
    watch, whole = there.watch(), there.watch()
    began = time()
    with Worker.running(there.config) as worker:
        found = watch.first(worker, LONGEST) - began
        whole.until(there.goal(), LONGEST, worker)
    return found


def latency(folder: Path, options: argparse.Namespace) -> list[Figure]:
    """Thirty centers, one row after the other changed; a producer, a worker, default intervals."""
    with _at_work(folder) as (found, watched):
        settings = configuration.load(found.config)
        kafka = {"bootstrap.servers": settings.kafka.bootstrap}
        today, output = datetime.now(ZONE).date(), Path(settings.output_path)
        watchers = [
            in_topic(kafka, settings.kafka.topics.partitions, topics.UNIFIED_ENTRIES.name),
            in_file(output / file_name(today, "csv"), output / manifest_name(today)),
        ]
        before: list[rig.Watched] = []
        unified, file = latencies(
            found,
            watchers,
            rate=options.rate,
            seconds=WORK_SECONDS,
            day=today,
            begins=lambda: before.append(watched()),
        )
        spent = watched().figures_since(before[-1])
    best = f"p50 of the best {BEST_SECONDS:g} s"
    return [
        Figure("changes a second that came about", unified.rate, "/s"),
        *_delayed("unified", unified.seconds, (0.4, 0.9)),
        Figure(f"commit to unified, {best}", unified.best_p50(BEST_SECONDS), "s"),
        *_delayed("in the file", file.seconds, (1.2, 2.0)),
        Figure(f"commit to in the file, {best}", file.best_p50(BEST_SECONDS), "s"),
        *spent,
    ]


def staff(folder: Path, options: argparse.Namespace) -> list[Figure]:
    """Thirty practices with their staff at work, whose stand-in takes most of the machine."""
    book = folder / "journal.jsonl"
    with _at_work(folder) as (found, _):
        delays, since, tally = beside_staff(
            found, book, rate=options.rate, warm=WARM_SECONDS, seconds=WARM_SECONDS + WORK_SECONDS
        )
    figures = [Figure("committed", tally.committed / tally.seconds, "/s")]
    for what, seen in (("unified", delays.in_topic), ("in the file", delays.in_file)):
        seconds, missing = Delays.of(book, seen, since)
        figures += [
            *_delayed(what, seconds),
            Figure(f"commit to {what}, never seen", missing, "", 0, at_most=True),
        ]
    return figures


@contextmanager
def _at_work(folder: Path) -> Iterator[tuple[rig.Sources, Callable[[], rig.Watched]]]:
    """Have a producer and a worker follow thirty practices, and their files written.

    Gives the practices, and a look at what the processes have used.
    """
    request = practices.Request(
        count=30, families=("suffixed",), patients=40, years=1, tables=10, insurers=50
    )
    folder.mkdir(parents=True)
    with (
        rig.kafka(folder / "home") as there,
        rig.sources(there, folder / "work", request) as found,
        rig.producing(found, "500ms") as producer,
        Worker.running(found.config) as worker,
    ):
        worker.assigned()
        worker.wait_filed(LONGEST)
        pids = {"the producer": producer, "the worker": worker.pid}
        yield found, lambda: rig.Watched.of(there, found, **pids)


def _delayed(
    what: str, seconds: list[float], due: tuple[float | None, float | None] = (None, None)
) -> list[Figure]:
    half, most = due
    return [
        Figure(f"commit to {what}, changes", len(seconds), ""),
        Figure(f"commit to {what}, p50", quantile(seconds, 0.5), "s", half, at_most=True),
        Figure(f"commit to {what}, p99", quantile(seconds, 0.99), "s", most, at_most=True),
    ]


Section = Callable[[Path, argparse.Namespace], list[Figure]]
SECTIONS: Final[Mapping[str, Section]] = {
    section.__name__: section for section in (live, state, latency, staff)
}


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--only", nargs="+", choices=SECTIONS, default=list(SECTIONS))
    parser.add_argument("--events", type=int, default=300_000, help="that wait for a worker")
    parser.add_argument("--every", type=int, default=50, help="events of a center per checkpoint")
    parser.add_argument("--rows", type=int, default=BIG, help="of the large state and backlog")
    parser.add_argument("--rate", type=float, default=100, help="changes a second, for latency")
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    report = Report("stream", options.json)
    with tempfile.TemporaryDirectory() as name:
        for section in options.only:
            found = SECTIONS[section](Path(name) / section, options)
            report.add(section, SECTIONS[section].__doc__, found)
    return report.end()


if __name__ == "__main__":
    sys.exit(main())
