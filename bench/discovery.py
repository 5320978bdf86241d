"""How right discovery is, how its confidence is to be read, and how fast it is.

python -m bench discovery [--centers 12] [--seeds 3] [--no-server] [--tables 500] [--document]

The first part takes generated practices of every family as values, lets discovery propose, and
compares with the truth; `--document` writes docs/calibration.md of it. The second runs the
command's own code over thirty practices of many tables on the stand-in.
"""

from __future__ import annotations

import argparse
import secrets
import sys
import tempfile
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from time import perf_counter

from bench._figures import Figure, Report
from bench._gathered import machine
from chartfeed import mappings
from chartfeed import settings as configuration
from deploy.local import practices
from deploy.local.practice import fillers, truth
from deploy.local.practices import FAMILIES, Practice, Request
from producers.catalog import Catalog, Table
from producers.mapping import Mapping
from tests import approved
from tests.practices_on import settings as login_of
from tests.standin import running
from tests.unit.discovery.in_memory import Center, Row, a_column

DOCUMENT = Path(__file__).resolve().parents[1] / "docs" / "calibration.md"
GOAL_SECONDS = 10.0
SURE = 0.9
GOALS = {"clean": 1.0, "suffixed": 1.0, "one-suffix": 1.0, "ambiguous": 1.0} | {
    "synonyms": 0.99,
    "nameless": 0.95,
}
BANDS = (0.0, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 0.95)
# Small and large practices: few rows say little, many tables hold many that look alike.
TINY = {"patients": 15, "years": 1, "tables": 20, "insurers": 40}
SIZES = (
    {"patients": 120, "tables": 45},
    {"patients": 60, "tables": 60, "insurers": 150},
    {"patients": 400, "years": 1, "tables": 160},
)


@dataclass(frozen=True, slots=True)
class Answer:
    """One name of one center: what was said, how surely, and whether it is so."""

    family: str
    point: str
    confidence: float | None
    right: bool


def in_memory(practice: Practice) -> Center:
    """Give a planned practice as values."""
    tables, rows = [], {}
    for table, made in fillers.rows(practice):
        stored: list[Row] = [tuple(row) for row in made]
        # As the server gives them: newest first.
        stored.reverse()
        columns = tuple(
            a_column(column.name, column.type, nullable=column.nullable) for column in table.columns
        )
        tables.append(Table(practice.schema, table.name, columns, (table.key.name,), len(stored)))
        rows[practice.schema, table.name] = stored
    return Center(Catalog(tuple(tables)), rows)


def judged(practice: Practice, mapping: Mapping) -> Iterator[Answer]:
    """Compare what discovery says with the truth; a rival in the truth must leave it open."""
    known = truth.of(practice)
    for point, actual in known.names.items():
        role, _, key = point.partition(".")
        said = mapping.tables[role].columns[key] if key else mapping.tables[role]
        open_is_right = point in known.rivals or role in known.rivals
        right = said.name is None if open_is_right else said.name == actual
        if key == "DELKZ" and right and said.name is not None:
            right = mapping.live(role) == known.live.get(point)
        yield Answer(practice.family, point, None if said.name is None else said.confidence, right)


def answers(family: str, centers: int, seed: int, size: dict[str, int]) -> Iterator[Answer]:
    request = Request(count=centers, families=(family,), seed=seed, **size)  # type: ignore[arg-type]
    for practice in practices.plan(request):
        yield from judged(practice, in_memory(practice).propose())


def everything(centers: int, seeds: int) -> Iterator[Answer]:
    """Give the answers for every family, each seed with a size of its own."""
    for family in FAMILIES:
        for seed in range(1, seeds + 1):
            yield from answers(family, centers, seed, SIZES[(seed - 1) % len(SIZES)])


def band(confidence: float) -> int:
    return max(at for at, low in enumerate(BANDS) if confidence >= low)


def bands(found: list[Answer]) -> Iterator[tuple[str, int, int]]:
    """Give each band of confidence that has answers, with how many and how many are right."""
    sure = [(band(one.confidence), one.right) for one in found if one.confidence is not None]
    total, right = Counter(at for at, _ in sure), Counter(at for at, good in sure if good)
    tops = (*(f"{low:.2f}" for low in BANDS[1:]), "1.00")
    for at, low in enumerate(BANDS):
        if total[at]:
            yield f"{low:.2f} to {tops[at]}", total[at], right[at]


def _rows(found: list[Answer], tiny: list[Answer]) -> Iterator[tuple[str, list[Answer]]]:
    for family in FAMILIES:
        yield family, [one for one in found if one.family == family]
    yield "nameless, 15 patients (no goal)", tiny


def document(found: list[Answer], tiny: list[Answer], centers: int, seeds: int) -> str:
    """Give the calibration table as it stands in the docs."""
    each = centers * seeds
    about = ", ".join(machine().values())
    lines = [
        "# How sure is sure",
        "",
        f"Made by `python -m bench discovery --document`: {each} generated practices of each",
        f"family, {each * len(FAMILIES)} in all, {len(found):,} names; the login reads all tables.",
        f"{about}.",
        "",
        "| confidence | names | right | share right |",
        "|---|---|---|---|",
    ]
    lines += [
        f"| {label} | {total:,} | {right:,} | {right / total:.1%} |"
        for label, total, right in bands(found)
    ]
    lines += [
        "",
        "| family | names right | left open although there is one | wrong | wrong at 0.9 or more |",
        "|---|---|---|---|---|",
    ]
    for family, of_family in _rows(found, tiny):
        good = sum(one.right for one in of_family)
        left = sum(not one.right and one.confidence is None for one in of_family)
        wrong = [one for one in of_family if not one.right and one.confidence is not None]
        sure = sum((one.confidence or 0) >= SURE for one in wrong)
        share = f"{good / len(of_family):.2%}"
        lines.append(f"| {family} | {share} | {left} | {len(wrong)} | {sure} |")
    return "\n".join(lines) + "\n"


def rightness(found: list[Answer]) -> list[Figure]:
    """Give the share that is right of each family, and how many are wrong and sure."""
    figures = []
    for family, goal in GOALS.items():
        right = [one.right for one in found if one.family == family]
        share = 100 * sum(right) / len(right)
        figures.append(Figure(f"right names, {family}", share, "%", 100 * goal))
    for label, total, good in bands(found):
        figures.append(Figure(f"right of those with confidence {label}", 100 * good / total, "%"))
    sure = [one for one in found if not one.right and (one.confidence or 0) >= SURE]
    wrong = ", ".join(f"{one.family} {one.point}" for one in sure)
    return [*figures, Figure(f"wrong and sure {wrong}".strip(), len(sure), "", 0, at_most=True)]


def seconds_for_thirty(tables: int) -> list[float]:
    """Give how long thirty practices take on the stand-in, Python started, logins included."""
    planned = practices.plan(Request(count=30, families=("suffixed",), tables=tables, seed=7))
    reader = "Aa1-" + secrets.token_urlsafe(12)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        with running(folder / "server") as standin:
            sa = login_of(standin)
            practices.load_missing(
                planned, practices.connector(sa), user="chartfeed", password=reader, threads=2
            )
            path = approved.configure(folder, {sa.server: planned}, reader)
            settings = configuration.load(path, {})
            took = []
            for _ in range(3):
                began = perf_counter()
                outcomes = mappings.write(
                    settings, settings.centers, by="bench", now=lambda: datetime.now(UTC)
                )
                took.append(perf_counter() - began)
                for outcome in outcomes:
                    if outcome.mapping is None or list(outcome.mapping.open_points()):
                        raise SystemExit(f"{outcome.center.id}: {outcome.error or 'open points'}")
    return took


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--centers", type=int, default=12, help="per family and seed")
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--tables", type=int, default=500)
    parser.add_argument("--no-server", action="store_true")
    parser.add_argument("--document", action="store_true", help=f"write docs/{DOCUMENT.name} anew")
    parser.add_argument("--json", action="store_true")
    given = parser.parse_args()
    report = Report("discovery", given.json)
    began = perf_counter()
    found = list(everything(given.centers, given.seeds))
    tiny = list(answers("nameless", given.centers, 2, TINY))
    took = perf_counter() - began
    count = given.centers * given.seeds * len(FAMILIES)
    if given.document:
        text = document(found, tiny, given.centers, given.seeds)
        DOCUMENT.write_text(text, encoding="utf-8")
    report.add("rightness", f"{count} centers in {took:.1f} s.", rightness(found))
    if not given.no_server:
        first, *later = seconds_for_thirty(given.tables)
        report.add(
            "speed",
            f"Thirty centers of {given.tables} tables on the stand-in.",
            [
                Figure("with cold plans", first, "s", GOAL_SECONDS, at_most=True),
                Figure.median("again", later, "s", GOAL_SECONDS, at_most=True),
            ],
        )
    return report.end()


if __name__ == "__main__":
    sys.exit(main())
