"""How fast the sink takes unified rows in, and writes days.

python bench/files.py [--rows 300000] [--days 60] [--large 1000000] [--json]

Seconds are those of the processor: rows decoded and stored (one thread, batches of 2,000), the
days written once each, and all together as rows a second. A large day is written by itself, in a
process that does nothing else; its memory is what that took at most, the state being open.
"""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from datetime import UTC, date, datetime, timedelta
from multiprocessing import get_context
from pathlib import Path
from time import process_time

from bench._figures import Figure, Report
from bench._rig import peak
from schemas import topics
from schemas.records import UnifiedEntry
from stream_app.batches import Batch
from stream_app.files.targets import Folder
from stream_app.sink.completeness import Claims, KnownCenter
from stream_app.sink.flushing import Writer
from stream_app.sink.rows import RowReader
from stream_app.sink.store import Identity, Store
from tests.unified import Record, records, schema_of

FIRST = date(2022, 1, 18)
NOW = datetime(2026, 1, 1, tzinfo=UTC)
GOAL_ROWS = 50_000
GOAL_MEGABYTES = 150
BATCH = 2_000
CENTERS = tuple(KnownCenter(f"center_{number:02}", f"Praxis {number}") for number in range(1, 31))
TEXT = "Füllung 16 mod, Kofferdam, Lokalanästhesie, Politur; Kontrolle in 6 Monaten"


def rows(count: int, days: int, start: int = 0) -> Iterator[UnifiedEntry]:
    """Give rows as a snapshot of all centers does: some thousands of a center, days mixed."""
    for number in range(start, start + count):
        center = CENTERS[number // 5000 % len(CENTERS)]
        yield UnifiedEntry(
            center_id=center.id,
            center_name=center.name,
            date=FIRST + timedelta(days=number * 7919 % days),
            entry_id=number,
            patient_id=number % 50_000,
            insurance_status="GKV",
            insurance_name="AOK Bayern",
            chart_entry=f"{TEXT} {number}",
            service_codes=("01", "1040", "Ä935"),
            revision=number,
            captured_at=NOW,
        )


def batches(found: list[Record]) -> Iterator[Batch]:
    for start in range(0, len(found), BATCH):
        part = found[start : start + BATCH]
        yield Batch(topics.UNIFIED_ENTRIES.name, 0, part, part[-1].offset + 1)


def seconds(work: Callable[[], object]) -> float:
    began = process_time()
    work()
    return process_time() - began


def fill(store: Store, found: list[Record]) -> None:
    for batch in batches(found):
        store.take([batch], NOW)


def writer(folder: Path) -> Writer:
    claims = Claims(CENTERS)
    return Writer(
        target=Folder(folder),
        formats=("csv", "json"),
        lines=lambda shares, partition, position: claims.lines(shares, partition, position, NOW),
        generation=1,
    )


def a_store(folder: Path) -> Store:
    identity = Identity(0, "bench", timedelta(days=7))
    return Store(folder / "days-0.sqlite", identity, RowReader(schema_of), NOW)


def catching_up(folder: Path, count: int, days: int) -> dict[str, float]:
    store = a_store(folder)
    found = records(*rows(count, days))
    taking = seconds(lambda: fill(store, found))
    view, put = store.view(), writer(folder / "out")
    dirty = store.dirty()
    writing = seconds(lambda: [put.write(store, view, day) for day in dirty])
    view.close()
    store.close()
    return {
        "rows": count,
        "taken_per_second": count / taking,
        "written_per_second": count / writing,
        "milliseconds_per_day": 1000 * writing / len(dirty),
        "both_per_second": count / (taking + writing),
    }


def large(folder: Path, count: int) -> dict[str, float]:
    store = a_store(folder)
    for start in range(0, count, 50_000):
        part = records(*rows(min(50_000, count - start), 1, start), start=start)
        fill(store, part)
    store.close()
    # What filled it leaves room in this process, where the writing would not be seen.
    with ProcessPoolExecutor(1, get_context("spawn")) as fresh:
        writing, more = fresh.submit(write_large, folder).result()
    return {"large_rows": count, "large_seconds": writing, "large_megabytes_more": more}


def write_large(folder: Path) -> tuple[float, float]:
    """Write the one day of a state; gives the seconds, and the megabytes that it took."""
    store = a_store(folder)
    view, put = store.view(), writer(folder / "out")
    before = peak(os.getpid())
    writing = seconds(lambda: put.write(store, view, FIRST))
    more = peak(os.getpid()) - before
    view.close()
    store.close()
    return writing, more


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=300_000)
    parser.add_argument("--days", type=int, default=60)
    parser.add_argument("--large", type=int, default=1_000_000)
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        found = large(folder / "large", options.large)
        found |= catching_up(folder / "many", options.rows, options.days)
    report = Report("files", options.json)
    report.add(
        "files",
        "Rows into a store, and from there into the files of their days, by CPU time.",
        [
            Figure("rows taken", found["taken_per_second"], "/s"),
            Figure("rows written", found["written_per_second"], "/s"),
            Figure("rows, both", found["both_per_second"], "/s", GOAL_ROWS),
            Figure("a day", found["milliseconds_per_day"], "ms"),
            Figure(f"a day of {found['large_rows']:,.0f} rows", found["large_seconds"], "s"),
            Figure(
                "memory for that", found["large_megabytes_more"], "MB", GOAL_MEGABYTES, at_most=True
            ),
        ],
    )
    return report.end()


if __name__ == "__main__":
    sys.exit(main())
