"""How fast practices are loaded into the stand-in, and how well the staff keep their rate.

    python bench/practices.py [--rate 100] [--seconds 20]

Goals: 20,000 rows/s where the rows are many, all 31 centers of the default within 15 s.
"""

from __future__ import annotations

import argparse
import secrets
import sys
import tempfile
from pathlib import Path

from bench._figures import Figure, Report
from deploy.local import practices
from deploy.local.practices import Loaded, Practice, Request
from deploy.local.staff.work import work
from tests.practices_on import settings
from tests.standin import running

ROWS_A_SECOND = 20_000
SECONDS = 15.0


def load(planned: tuple[Practice, ...], connect: practices.Connect) -> Loaded:
    password = "Aa1-" + secrets.token_urlsafe(12)
    return practices.load_missing(planned, connect, user="chartfeed", password=password)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rate", type=float, default=100)
    parser.add_argument("--seconds", type=float, default=20)
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    report = Report("practices", options.json)
    many = practices.plan(Request(count=2, families=("suffixed",), patients=3000, years=5))
    default = practices.plan(Request())

    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        with running(folder / "many") as standin:
            rows = load(many, practices.connector(settings(standin)))
        report.add(
            "many",
            "Two practices of many rows, generated and loaded.",
            [Figure("rows loaded", rows.rows / rows.seconds, "/s", ROWS_A_SECOND)],
        )
        with running(folder / "default") as standin:
            connect = practices.connector(settings(standin))
            centers = load(default, connect)
            report.add(
                "default",
                "The practices of the demo, generated and loaded.",
                [
                    Figure("databases", centers.databases, ""),
                    Figure("rows", centers.rows, ""),
                    Figure("until all are there", centers.seconds, "s", SECONDS, at_most=True),
                ],
            )
            journal = folder / "work.jsonl"
            tally = work(default, connect, journal, rate=options.rate, seconds=options.seconds)
    failed = tally.failures.total()
    report.add(
        "staff",
        f"Their staff at work, asked for {options.rate:g} transactions a second.",
        [
            Figure("transactions", tally.committed / tally.seconds, "/s", 0.9 * options.rate),
            Figure("deadlocks, timeouts and the like, tried again", failed, ""),
        ],
    )
    return report.end()


if __name__ == "__main__":
    sys.exit(main())
