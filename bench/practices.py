"""How fast practices are loaded into the stand-in, and how well the staff keep their rate.

    python bench/practices.py [--rate 100] [--seconds 20]

Goals: 20,000 rows/s where the rows are many, all 31 centers of the default within 15 s.
"""

from __future__ import annotations

import argparse
import json
import secrets
import sys
import tempfile
from pathlib import Path

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


def told(name: str, loaded: Loaded) -> None:
    facts = {
        "measured": name,
        "databases": loaded.databases,
        "rows": loaded.rows,
        "seconds": round(loaded.seconds, 2),
        "rows_per_second": round(loaded.rows / loaded.seconds),
    }
    print(json.dumps(facts), flush=True)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rate", type=float, default=100)
    parser.add_argument("--seconds", type=float, default=20)
    options = parser.parse_args()
    many = practices.plan(Request(count=2, families=("suffixed",), patients=3000, years=5))
    default = practices.plan(Request())

    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        with running(folder / "many") as standin:
            rows = load(many, practices.connector(settings(standin)))
        told("many rows", rows)
        with running(folder / "default") as standin:
            connect = practices.connector(settings(standin))
            centers = load(default, connect)
            told("the default centers", centers)
            journal = folder / "work.jsonl"
            tally = work(default, connect, journal, rate=options.rate, seconds=options.seconds)
    facts = {
        "measured": "staff at work",
        "rate": options.rate,
        "committed_per_second": round(tally.committed / tally.seconds, 1),
        "failures": {" ".join(key): count for key, count in tally.failures.items()},
        "deeds": dict(tally.deeds.most_common()),
    }
    print(json.dumps(facts))
    return int(rows.rows / rows.seconds < ROWS_A_SECOND or centers.seconds > SECONDS)


if __name__ == "__main__":
    sys.exit(main())
