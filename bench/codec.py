"""How fast records become values and values records, beside fastavro alone on plain dicts.

python bench/codec.py [--records N] [--rounds N] [--json]
"""

from __future__ import annotations

import argparse
import gc
import io
import sys
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from time import perf_counter

import fastavro

from bench._figures import Figure, Report
from schemas import avro, records
from schemas.codec import Decoder, Encoder

GOAL = 150_000
TEXTS = (
    "Kontrolle",
    "Füllung 16 mod, Kofferdam, Lokalanästhesie UDS forte 1,7 ml",
    "",
    "PZR " * 30,
)
START = datetime(2022, 1, 18, 8, tzinfo=UTC)


def chart_entries(count: int) -> list[records.ChartEntry]:
    """Give entries as a poll of a busy practice gives them: a new clock every 50 of them."""
    return [
        records.ChartEntry(
            center_id=f"center_{number // 500 % 30 + 1:02}",
            entry_id=100_000 + number,
            patient_id=number * 7919 % 20_000,
            entry_date=date(2022, 1, 1) + timedelta(days=number % 365),
            chart_entry=TEXTS[number % len(TEXTS)],
            source_version=40_000 + number // 10,
            captured_at=START + timedelta(microseconds=500_001 * (number // 50)),
        )
        for number in range(count)
    ]


def rate(work: Callable[[], object], count: int) -> float:
    gc.collect()
    began = perf_counter()
    work()
    return count / (perf_counter() - began)


def ours(
    made: list[records.ChartEntry], values: list[bytes]
) -> tuple[Callable[[], None], Callable[[], None]]:
    encoder, decoder = Encoder(records.ChartEntry, 1), Decoder(records.ChartEntry)
    decoder.learn(1, avro.load(records.ChartEntry))

    def encode() -> None:
        for record in made:
            encoder.encode(record)

    def decode() -> None:
        for value in values:
            decoder.decode(value)

    return encode, decode


def bare(
    made: list[records.ChartEntry], values: list[bytes]
) -> tuple[Callable[[], None], Callable[[], None]]:
    parsed = fastavro.parse_schema(avro.load(records.ChartEntry))
    dicts = [
        {name: getattr(record, name) for name in records.ChartEntry.__slots__} for record in made
    ]

    def encode() -> None:
        for raw in dicts:
            buffer = io.BytesIO()
            buffer.write(b"\x00\x00\x00\x00\x01")
            fastavro.schemaless_writer(buffer, parsed, raw)
            buffer.getvalue()

    def decode() -> None:
        for value in values:
            buffer = io.BytesIO(value)
            buffer.seek(5)
            fastavro.schemaless_reader(buffer, parsed, None)

    return encode, decode


def measure(count: int, rounds: int) -> dict[str, list[float]]:
    made = chart_entries(count)
    encoder = Encoder(records.ChartEntry, 1)
    values = [encoder.encode(record) for record in made]
    work: dict[str, Callable[[], None]] = {}
    work["encode"], work["decode"] = ours(made, values)
    work["fastavro encode"], work["fastavro decode"] = bare(made, values)
    found: dict[str, list[float]] = {name: [] for name in work}
    for _ in range(rounds):
        for name, run in work.items():
            found[name].append(rate(run, count))
    return found


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--records", type=int, default=50_000)
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    found = measure(options.records, options.rounds)
    due = {"encode": GOAL, "decode": GOAL}
    report = Report("codec", options.json)
    report.add(
        "codec",
        "Chart entries to Avro and back, beside fastavro alone.",
        [Figure.median(name, rates, "/s", due.get(name)) for name, rates in found.items()],
    )
    return report.end()


if __name__ == "__main__":
    sys.exit(main())
