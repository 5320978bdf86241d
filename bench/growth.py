"""How cost grows with events, rows of state, days, rows of a day, centers, and workers.

python -m bench growth [--only SECTION …] [--json]

Sections: events, state, days, rows, centers, workers. docs/scaling.md reckons with what they give.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from functools import partial
from pathlib import Path
from time import monotonic, sleep, time
from typing import Final

from bench import _rig as rig
from bench import files, join, stream
from bench._events import PARTITIONS
from bench._figures import ROUNDS, Figure, Report, Spent
from bench._worker import Worker
from bench.capture import small
from stream_app.files.rendering import render

EVERY: Final = 50
"""Events of a center for each checkpoint."""
LIVE: Final = (15_000, 60_000, 240_000)
STATE: Final = (20_000, 100_000, 400_000)
DAYS: Final = (10, 100, 1_000)
ROWS: Final = (1_000, 10_000, 100_000)
CENTERS: Final = (30, 100, 300)
ROWS_OVER_DAYS: Final = 100_000
EVENTS: Final = 60_000
WORKERS: Final = (1, 2)
ALL: Final = list(range(PARTITIONS))
RELEASED: Final = 200_000
SETTLED: Final = 10.0
WATCHED: Final = 15.0


def point(what: str, along: str, at: int, unit: str, *values: float) -> Figure:
    """Give a figure that is a point of the curve of what, along something there is more of."""
    counted = along.removesuffix("s") if at == 1 else along
    found = Figure.median(f"{what}, {at:,} {counted}", values, unit)
    return replace(found, curve=f"{what}, by {along}", at=at)


def events(folder: Path) -> list[Figure]:
    """Events a second of CPU time through the join, by how many of them there are."""
    del folder
    return [
        point("events joined", "events", count, "/s", joined(STATE[0], count)["per_cpu_second"])
        for count in LIVE
    ]


def joined(rows: int, events: int) -> Mapping[str, float]:
    options = argparse.Namespace(every=EVERY, batch=2_000, events=events, profile=False)
    return join.measure(rows, options)


def state(folder: Path) -> list[Figure]:
    """Events a second of CPU time through the join, by rows of state."""
    del folder
    found = {rows: joined(rows, EVENTS) for rows in STATE}
    first = found[STATE[0]]["per_cpu_second"]
    return [
        figure
        for rows, one in found.items()
        for figure in (
            point("events joined", "rows of state", rows, "/s", one["per_cpu_second"]),
            Figure(f"of the smallest, {rows:,} rows", one["per_cpu_second"] / first, ""),
            point("state on disk", "rows of state", rows, "MB", one["state_mb"]),
            point("memory", "rows of state", rows, "MB", one["memory_mb"]),
        )
    ]


def days(folder: Path) -> list[Figure]:
    """Milliseconds to write a day's files, by the number of days that the rows are spread over."""
    figures = []
    spread = f"{ROWS_OVER_DAYS:,} rows in all"
    for count in DAYS:
        found = files.catching_up(folder / str(count), ROWS_OVER_DAYS, count)
        each = found["milliseconds_per_day"]
        figures += [
            point(f"a day's files, {spread}", "days", count, "ms", each),
            point(f"rows written, {spread}", "days", count, "/s", found["written_per_second"]),
        ]
    return figures


def rows(folder: Path) -> list[Figure]:
    """Milliseconds to render a day as CSV, by its rows."""
    del folder
    figures = []
    for count in ROWS:
        day = list(files.rows(count, 1))
        took = files.seconds(partial(render, "csv", files.FIRST, day))
        figures.append(point("a day rendered as CSV", "rows", count, "ms", 1000 * took))
    return figures


def centers(folder: Path) -> list[Figure]:
    """Cost of centers in which nothing happens, at the default interval."""
    figures = []
    with rig.kafka(folder / "home") as there:
        for count in CENTERS:
            with (
                rig.sources(there, folder / str(count), small(count)) as found,
                rig.producing(found, "500ms") as pid,
            ):
                sleep(SETTLED)
                before = rig.Watched.of(there, found, **{"the producer": pid})
                sleep(WATCHED)
                now = rig.Watched.of(there, found, **{"the producer": pid})
                share = now.shares_since(before)["the producer"]
                memory = now.costs["the producer"].resident / 1e6
                figures += [
                    point("share of a core", "idle centers", count, "", share),
                    point("memory of the producer", "idle centers", count, "MB", memory),
                ]
    return figures


def workers(folder: Path) -> list[Figure]:
    """Events a second through all workers, who have their partitions before the events come."""
    figures = []
    for count in WORKERS:
        with (
            stream.stage(folder / str(count), STATE[0], EVERY) as there,
            sharing(there.config, count) as running,
        ):
            found = [released(there, running) for _ in range(ROUNDS)]
        figures += [
            point(f"events joined, {how}", "workers", count, "/s", *values)
            for how, values in (
                ("by the clock", [one.rate for one in found]),
                ("by CPU time of all", [one.rate_by_cpu for one in found]),
            )
        ]
    return figures


@contextmanager
def sharing(config: Path, count: int) -> Iterator[Sequence[Worker]]:
    """Run so many workers; they have shared the partitions, and nothing waits for them."""
    with ExitStack() as stack:
        running = [
            stack.enter_context(Worker.running(config, f"bench-{number}"))
            for number in range(count)
        ]
        deadline = monotonic() + stream.LONGEST
        while not is_shared([worker.partitions() for worker in running]):
            if monotonic() > deadline or any(worker.ended for worker in running):
                raise RuntimeError("\n".join(worker.said() for worker in running))
            sleep(0.1)
        for worker in running:
            worker.wait_filed(stream.LONGEST)
        yield running


def is_shared(shares: Sequence[Sequence[int]]) -> bool:
    """Tell whether each has some of the partitions, and all are somebody's."""
    return all(shares) and sorted(one for share in shares for one in share) == ALL


def released(there: stream.Stage, running: Sequence[Worker]) -> Spent:
    """Have many events come to be readable at one moment; give what they took from there on."""
    with there.loader.held():
        count = there.loader.live(RELEASED)
        watch = there.watch()
        before = [worker.cost().cpu for worker in running]
        began = time()
    found = watch.until(there.goal(), stream.LONGEST, *running)
    cpu = sum(worker.cost().cpu for worker in running) - sum(before)
    for worker in running:
        worker.wait_filed(stream.LONGEST)
    return Spent(count, found.last - began, cpu)


SECTIONS: Final[Mapping[str, Callable[[Path], list[Figure]]]] = {
    section.__name__: section for section in (events, state, days, rows, centers, workers)
}


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--only", nargs="+", choices=SECTIONS, default=list(SECTIONS))
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    report = Report("growth", options.json)
    with tempfile.TemporaryDirectory() as name:
        for section in options.only:
            folder = Path(name) / section
            folder.mkdir()
            report.add(section, SECTIONS[section].__doc__, SECTIONS[section](folder))
    return report.end()


if __name__ == "__main__":
    sys.exit(main())
