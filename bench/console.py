"""How soon the console shows 300 centers or a million rows, and what many readers do to the feed.

python -m bench console [--only overview day flood] [--rows 1000000] [--seconds 20] [--json]

What is due for a day is due of the processor's time, for the machine may be shared; the clock's
time stands beside it. The flood compares the same feed before and meanwhile.
"""

from __future__ import annotations

import argparse
import json
import re
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, date, datetime
from pathlib import Path
from time import perf_counter, process_time
from typing import Any, Final
from urllib.parse import urlencode
from urllib.request import HTTPCookieProcessor, build_opener

import orjson
from starlette.testclient import TestClient

from bench import _rig as rig
from bench._delays import Delays, beside_staff
from bench._figures import Figure, Report
from bench._latency import quantile
from bench._worker import Worker
from deploy.local import practices
from deploy.local.staff.desk import ZONE
from stream_app.files import day as files
from stream_app.files.manifest import CenterLine
from stream_app.files.targets import Folder
from tests.console import PASSWORD, a_console, browsing, configured, token

HERE: Final = Path(__file__).resolve().parent
DAY: Final = date(2022, 1, 18)
CENTERS: Final = tuple((f"center_{at:02}", f"Zahnarztpraxis {at}") for at in range(1, 31))
KINDS: Final = ("GKV", "GKV", "GKV", "PKV", "Selbstzahler")
TEXT: Final = "Füllung 16 mod, Kofferdam, Lokalanästhesie, Politur; Kontrolle in 6 Monaten"
MANY: Final = 300
REPEATS: Final = 20
DUE_OVERVIEW: Final = 0.2
DUE_SECONDS: Final = 0.3
DUE_KILOBYTES: Final = 200
REQUESTS: Final = 200.0
DUE_RATIO: Final = 1.25
LONGEST: Final = 300.0


class Entries:
    """A made-up day in the order of files: its rows are made whenever they are gone through."""

    def __init__(self, rows: int) -> None:
        self._rows = rows

    def __len__(self) -> int:
        return self._rows

    def __iter__(self) -> Iterator[bytes]:
        for at in range(self._rows):
            center, name = CENTERS[at * len(CENTERS) // self._rows]
            kind = KINDS[at % len(KINDS)]
            yield orjson.dumps(
                {
                    "center_id": center,
                    "center_name": name,
                    "date": DAY,
                    "patient_id": at // 3 % 12_000,
                    "insurance_status": kind,
                    "insurance_name": None if kind == KINDS[-1] else f"Kasse {at * 7919 % 211}",
                    "chart_entry": f"{TEXT} {at}",
                    "service_codes": ["01", "1040", "Ä935"][: at % 4],
                }
            )


def overview(folder: Path, options: argparse.Namespace) -> Iterator[tuple[str, str, list[Figure]]]:
    """Ask for the first page of a group of 300 practices, for the first time and again."""
    del options
    folder.mkdir(parents=True)
    loaded = configured(folder, [f"center_{at:03}" for at in range(1, MANY + 1)])
    figures = []
    for language in ("de", "en"):
        took, sizes = [], []
        with browsing(a_console(loaded)) as client:
            for _ in range(REPEATS):
                began = perf_counter()
                page = client.get("/", headers={"Accept-Language": language}).raise_for_status()
                took.append(perf_counter() - began)
                sizes.append(len(page.content))
        figures += [
            Figure(f"{language}, the first time", took[0], "s", DUE_OVERVIEW, at_most=True),
            Figure(f"{language}, again, p50", quantile(took[1:], 0.5), "s"),
            Figure(f"{language}, page", max(sizes) / 1000, "kB", DUE_KILOBYTES, at_most=True),
        ]
    yield "overview", f"The overview of {MANY} centers, by the clock.", figures


def day(folder: Path, options: argparse.Namespace) -> Iterator[tuple[str, str, list[Figure]]]:
    """Ask the application for a large day, each question for the first time."""
    share = options.rows // len(CENTERS)
    lines = [CenterLine(center, name, share, 0, None, None) for center, name in CENTERS]
    for extension in ("parquet", "csv"):
        home = folder / extension
        home.mkdir(parents=True)
        loaded = configured(home, [center for center, _ in CENTERS])
        files.write_entries(
            Folder(Path(loaded.output_path)),
            DAY,
            Entries(options.rows),
            formats=[extension],
            centers=lines,
            written_at=datetime.now(UTC),
        )
        with browsing(a_console(loaded)) as client:
            what = f"A day of {options.rows:,} rows from {extension}, by its first questions."
            yield f"day, {extension}", what, list(_asked(client, extension))


def _asked(client: TestClient, extension: str) -> Iterator[Figure]:
    client.get("/days")  # Templates and the calendar are read once a process.
    form = token(client, "/days")
    address = f"/days/{DAY}"
    for what, due, fields in (
        ("the first page", DUE_SECONDS, None),
        # The first question that the beginning does not answer has CSV parsed as a whole.
        ("one center", None if extension == "csv" else DUE_SECONDS, {"center": "center_17"}),
        ("one status", DUE_SECONDS, {"status": "PKV"}),
        ("one insurer", DUE_SECONDS, {"insurance": "Kasse 7"}),
        ("one service", DUE_SECONDS, {"code": "1040"}),
        ("its second page", DUE_SECONDS, {"code": "1040", "page": "2"}),
        ("a text, first search", None, {"text": "monaten 99999"}),
        ("another text", DUE_SECONDS, {"text": "POLITUR; kontrolle in 6 Monaten 77"}),
        ("one patient", DUE_SECONDS, {"patient": "77"}),
        ("sorted by patient", None, {"sort": "patient"}),
        ("its last page", DUE_SECONDS, {"sort": "patient", "page": "99999999"}),
        ("the charts", None, "/charts"),
        ("the charts again", DUE_SECONDS, "/charts"),
        ("the first page again", DUE_SECONDS, None),
    ):
        began, used = perf_counter(), process_time()
        if isinstance(fields, dict):
            answer = client.post(address, data={"token": form} | fields)
        else:
            answer = client.get(address + (fields or ""))
        cpu, took = process_time() - used, perf_counter() - began
        answer.raise_for_status()
        yield Figure(f"{what}, processor", cpu, "s", due, at_most=True)
        yield Figure(f"{what}, clock", took, "s")
        kilobytes = len(answer.content) / 1000
        yield Figure(f"{what}, page", kilobytes, "kB", DUE_KILOBYTES, at_most=True)


def flood(folder: Path, options: argparse.Namespace) -> Iterator[tuple[str, str, list[Figure]]]:
    """Let a feed work by itself, and then beside a console that many ask."""
    request = practices.Request(count=6, families=("suffixed",), patients=60, years=1)
    with (
        rig.kafka(folder / "home") as there,
        rig.sources(there, folder / "work", request) as found,
        rig.producing(found, "500ms"),
        Worker.running(found.config) as worker,
        _console(found.config) as (address, cookie),
    ):
        worker.assigned()
        worker.wait_filed(LONGEST)
        today = datetime.now(ZONE).date()
        paths = ["/days", f"/days/{today}", f"/days/{today}/charts", f"/days/{today}/centers"]
        command = [sys.executable, str(HERE / "_flood.py"), address, cookie, str(REQUESTS)]
        before = _delays(found, folder / "before.jsonl", options)
        with subprocess.Popen(
            [*command, str(options.seconds + 5), *paths], stdout=subprocess.PIPE
        ) as process:
            meanwhile = _delays(found, folder / "meanwhile.jsonl", options)
            said, _ = process.communicate(timeout=60)
        after = _delays(found, folder / "after.jsonl", options)
    told = json.loads(said)
    figures = [
        Figure("asked", len(told["took"]) / (options.seconds + 5), "/s"),
        Figure("answered with 200", told["statuses"].get("200", 0), ""),
        Figure("told to come again (503)", told["statuses"].get("503", 0), ""),
        Figure("answered p50", quantile(told["took"], 0.5), "s"),
        Figure("answered p99", quantile(told["took"], 0.99), "s"),
    ]
    for name, seconds in (("before", before), ("meanwhile", meanwhile), ("after", after)):
        figures.append(Figure(f"commit to file {name}, p50", quantile(seconds, 0.5), "s"))
        figures.append(Figure(f"commit to file {name}, p95", quantile(seconds, 0.95), "s"))
    quiet = quantile([*before, *after], 0.5)
    ratio = quantile(meanwhile, 0.5) / quiet
    figures.append(Figure("meanwhile to before and after", ratio, "", DUE_RATIO, at_most=True))
    what = f"{REQUESTS:.0f} requests a second at the console beside a feed at work."
    yield "flood", what, figures


def _delays(found: rig.Sources, book: Path, options: argparse.Namespace) -> list[float]:
    """Have the staff work for a while, and give the seconds from their commits to the file."""
    delays, since, _ = beside_staff(
        found, book, rate=options.rate, warm=2.0, seconds=options.seconds
    )
    seconds, missing = Delays.of(book, delays.in_file, since)
    if missing:
        raise RuntimeError(f"{missing} commits never came to the file")
    return seconds


@contextmanager
def _console(config: Path) -> Iterator[tuple[str, str]]:
    """Run `chartfeed console`; gives its address and the cookie of somebody signed in."""
    command = [sys.executable, "-m", "chartfeed", "--config", str(config), "console"]
    given: dict[str, Any] = {"cwd": HERE.parent, "stdout": subprocess.PIPE}
    subprocess.run(
        [*command, "user", "add", "bench"], input=f"{PASSWORD}\n".encode(), check=True, **given
    )
    with subprocess.Popen([*command, "--port", "0"], **given) as process:
        if process.stdout is None:
            raise AssertionError("a pipe was asked for")
        try:
            address = process.stdout.readline().decode().strip()
            yield address, _signed_in(address)
        finally:
            process.terminate()


def _signed_in(address: str) -> str:
    cookies = HTTPCookieProcessor()
    opener = build_opener(cookies)
    with opener.open(f"{address}/sign-in", timeout=30) as page:
        found = re.search(rb'name="token" value="([^"]+)"', page.read())
    if found is None:
        raise RuntimeError("the sign-in page has no form")
    fields = {"token": found[1].decode(), "name": "bench", "password": PASSWORD, "next": "/days"}
    opener.open(f"{address}/sign-in", urlencode(fields).encode(), timeout=30).close()
    return "; ".join(f"{one.name}={one.value}" for one in cookies.cookiejar)


Section = Callable[[Path, argparse.Namespace], Iterator[tuple[str, str, list[Figure]]]]
SECTIONS: Final[Mapping[str, Section]] = {"overview": overview, "day": day, "flood": flood}


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--only", nargs="+", choices=SECTIONS, default=list(SECTIONS))
    parser.add_argument("--rows", type=int, default=1_000_000, help="of the large day")
    parser.add_argument("--rate", type=float, default=20, help="changes a second beside the flood")
    parser.add_argument("--seconds", type=float, default=20, help="of each part of the flood")
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    report = Report("console", options.json)
    with tempfile.TemporaryDirectory() as name:
        for section in options.only:
            for title, what, figures in SECTIONS[section](Path(name) / section, options):
                report.add(title, what, figures)
    return report.end()


if __name__ == "__main__":
    sys.exit(main())
