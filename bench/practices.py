"""How fast practices are loaded into the stand-in, and how well the staff keep their rate.

python bench/practices.py [--count 30] [--patients 120] [--rate 20] [--seconds 20]
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import secrets
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from deploy.local import practices
from deploy.local.practices import Request
from deploy.local.staff.work import work
from producers.connection import Settings

GOAL = 20_000
ROOT = Path(__file__).resolve().parents[1]


class Password:
    def __init__(self, text: str) -> None:
        self._text = text

    def reveal(self) -> str:
        return self._text


@contextlib.contextmanager
def a_server(folder: Path) -> Iterator[Settings]:
    """Run a stand-in of its own and give how to log in to it as sa."""
    password = "Aa1-" + secrets.token_urlsafe(12)
    (folder / "sa.password").write_text(password)
    ready = folder / "ready.json"
    command = [sys.executable, "-m", "deploy.local.sqlserver", "--home", str(folder / "data")]
    command += ["--password-file", str(folder / "sa.password"), "--ready-file", str(ready)]
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    with (folder / "server.log").open("wb") as log:
        server = subprocess.Popen(command, cwd=ROOT, env=environment, stdout=log, stderr=log)
    try:
        deadline = time.monotonic() + 20
        while not ready.exists():
            if server.poll() is not None or time.monotonic() > deadline:
                raise SystemExit((folder / "server.log").read_text())
            time.sleep(0.05)
        port = json.loads(ready.read_text())["port"]
        yield Settings(
            center="practices",
            server=f"127.0.0.1,{port}",
            database="master",
            user="sa",
            secret=Password(password),
            trust_server_certificate=True,
        )
    finally:
        server.terminate()
        server.wait(20)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--count", type=int, default=30)
    parser.add_argument("--patients", type=int, default=120)
    parser.add_argument("--years", type=int, default=2)
    parser.add_argument("--tables", type=int, default=45)
    parser.add_argument("--threads", type=int, default=4)
    parser.add_argument("--rate", type=float, default=20)
    parser.add_argument("--seconds", type=float, default=20)
    options = parser.parse_args()

    request = Request(
        count=options.count,
        patients=options.patients,
        years=options.years,
        tables=options.tables,
    )
    planned = practices.plan(request)
    with tempfile.TemporaryDirectory() as name, a_server(Path(name)) as settings:
        connect = practices.connector(settings)
        loaded = practices.load_missing(
            planned,
            connect,
            user="chartfeed",
            password="Aa1-" + secrets.token_urlsafe(12),
            threads=options.threads,
        )
        print(
            json.dumps(
                {
                    "databases": loaded.databases,
                    "rows": loaded.rows,
                    "seconds": round(loaded.seconds, 2),
                    "rows_per_second": round(loaded.rows / loaded.seconds),
                }
            ),
            flush=True,
        )
        journal = Path(name) / "work.jsonl"
        tally = work(planned, connect, journal, rate=options.rate, seconds=options.seconds)
        print(
            json.dumps(
                {
                    "committed": tally.committed,
                    "per_second": round(tally.committed / tally.seconds, 1),
                    "failures": {" ".join(key): n for key, n in tally.failures.items()},
                    "deeds": dict(tally.deeds.most_common()),
                }
            )
        )
    return int(loaded.rows / loaded.seconds < GOAL)


if __name__ == "__main__":
    sys.exit(main())
