"""How long a day of thirty approved practices takes, beside the same statements run bare.

python bench/extract.py [--rounds 15] [--patients 120] [--years 2] [--json]

The mappings are what `discover` proposes and `approve` writes, evidence and all. Both sides log
in to each practice, ask for its live schema and read the day, in as many threads; the bare side
fetches rows and does nothing with them. The two take turns, and in who begins a round.
"""

from __future__ import annotations

import argparse
import secrets
import sys
import tempfile
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from datetime import UTC, date, datetime
from pathlib import Path
from time import perf_counter

import pyodbc

from bench._figures import Figure, Report
from chartfeed import approvals, mappings, sources
from chartfeed import settings as configuration
from chartfeed.answers import Answers
from chartfeed.extract import MOST_THREADS, read, write
from chartfeed.settings import Center, Settings
from deploy.local import practices
from deploy.local.practices import Request
from producers import canonical, quoting, statements, survey_statements
from producers.connection import connection_string
from stream_app.files.targets import Folder
from tests import approved
from tests.practices_on import settings as login_of
from tests.standin import running

DAY = date(2022, 1, 18)
GOAL_SECONDS = 0.466
GOAL_RATIO = 1.3


def approve(settings: Settings, centers: list[Center]) -> None:
    """Have every center's mapping proposed and approved, as a person would."""
    now = datetime.now(UTC)
    for proposed in mappings.write(settings, centers, by="bench", now=lambda: now):
        if proposed.error is not None:
            raise proposed.error
    for center in centers:
        approvals.approve(settings, center, Answers(), reviewer="bench", at=now)


def ours(settings: Settings, centers: list[Center], folder: Path) -> int:
    """Read and write the day as the command does, and give the number of rows."""
    reading = read(settings, centers, DAY)
    if reading.missing:
        raise SystemExit(f"not read: {reading.missing}")
    return write(reading, Folder(folder), ("csv", "json"), datetime.now(UTC)).record_count


def bare(settings: Settings, centers: list[Center]) -> Callable[[], None]:
    """Give what runs the same statements with pyodbc alone; they are made ready before."""
    work = []
    for center in centers:
        mapping = sources.approved_mapping(settings, center)
        names = [
            quoting.qualified(mapping.schema_name(), mapping.table(table))
            for table in canonical.TABLES
        ]
        day = statements.day(mapping, DAY)
        login = connection_string(sources.of(settings, center))
        work.append((login, survey_statements.live(len(names)), names, day))

    def one(item: tuple[str, str, list[str], statements.Statement]) -> None:
        login, check, names, day = item
        with closing(pyodbc.connect(login, autocommit=True)) as connection:
            fetch_all(connection, check, names)
            fetch_all(connection, day.text, day.parameters)

    def run() -> None:
        with ThreadPoolExecutor(max_workers=min(MOST_THREADS, len(work))) as pool:
            list(pool.map(one, work))

    return run


def fetch_all(connection: pyodbc.Connection, text: str, parameters: object) -> None:
    with connection.cursor() as cursor:
        cursor.execute(text, parameters)
        more = True
        while more:
            if cursor.description is not None:
                cursor.fetchall()
            more = bool(cursor.nextset())


def seconds(work: Callable[[], object]) -> float:
    began = perf_counter()
    work()
    return perf_counter() - began


def measure(options: argparse.Namespace, folder: Path) -> list[Figure]:
    planned = practices.plan(Request(patients=options.patients, years=options.years))[:30]
    password = "Aa1-" + secrets.token_urlsafe(12)
    with running(folder / "server") as standin:
        sa = login_of(standin)
        practices.load_missing(
            planned, practices.connector(sa), user="chartfeed", password=password, threads=2
        )
        settings = configuration.load(
            approved.configure(folder, {sa.server: planned}, password), {}
        )
        centers = list(settings.centers)
        approve(settings, centers)
        run_bare = bare(settings, centers)
        rows = ours(settings, centers, folder / "output")
        run_bare()
        mine, plain = list[float](), list[float]()
        both = [
            (mine, lambda: ours(settings, centers, folder / "output")),
            (plain, run_bare),
        ]
        for _ in range(options.rounds):
            for took, work in both:
                took.append(seconds(work))
            # Whoever comes second finds the server as the other has left it.
            both.reverse()
    ratios = [a / b for a, b in zip(mine, plain, strict=True)]
    return [
        Figure("rows", rows, ""),
        Figure.median("extract of thirty centers", mine, "s", GOAL_SECONDS, at_most=True),
        Figure.median("threads with bare pyodbc", plain, "s"),
        Figure.median("ratio of the two", ratios, "", GOAL_RATIO, at_most=True),
    ]


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=15)
    parser.add_argument("--patients", type=int, default=120)
    parser.add_argument("--years", type=int, default=2)
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        found = measure(options, Path(folder))
    report = Report("extract", options.json)
    report.add("extract", "One day of thirty centers, beside a plain thread pool.", found)
    return report.end()


if __name__ == "__main__":
    sys.exit(main())
