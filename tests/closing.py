"""Days in a folder, for tests that close them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import Any

from schemas.records import UnifiedEntry
from stream_app.closing.closer import Center, Closer
from stream_app.closing.thresholds import Checks
from stream_app.files import day as files
from stream_app.files.manifest import CenterLine, CompleteThrough, Manifest
from stream_app.files.targets import Target
from tests.factories import A_DAY, a_unified_entry

__all__ = ["CENTERS", "MORNING", "a_closer", "a_line", "put", "some_rows"]

CENTERS = {"center_01": "Praxis Süd", "center_02": "Praxis Ost"}
MORNING = datetime(2022, 1, 19, 1, 0, tzinfo=UTC)


def some_rows(count: int = 25, day: date = A_DAY, **changes: Any) -> list[UnifiedEntry]:
    """Give as many rows of each center, all with patients of their own."""
    return [
        a_unified_entry(
            **{
                "center_id": center,
                "center_name": name,
                "date": day,
                "entry_id": number,
                "patient_id": number,
                "chart_entry": f"Füllung {number}",
                **changes,
            }
        )
        for center, name in CENTERS.items()
        for number in range(1, count + 1)
    ]


def a_line(center: str = "center_01", **changes: Any) -> CenterLine:
    """Give a line that is complete through an hour after midnight in Germany."""
    line = CenterLine(center, CENTERS[center], 0, 0, CompleteThrough(MORNING, 7), None)
    return replace(line, **changes)


def put(
    target: Target,
    rows: Sequence[UnifiedEntry],
    *,
    day: date = A_DAY,
    lines: Iterable[CenterLine] | None = None,
    formats: Iterable[str] = ("csv", "json"),
) -> Manifest:
    """Write a day as a worker does; its centers are complete unless lines are given."""
    counts = Counter(row.center_id for row in rows)
    later = CompleteThrough(datetime.combine(day, MORNING.timetz()) + timedelta(days=1), 7)
    given = [a_line(center, complete_through=later) for center in CENTERS]
    lines = given if lines is None else lines
    return files.write(
        target,
        day,
        rows,
        formats=formats,
        centers=[replace(one, record_count=counts[one.center_id]) for one in lines],
        written_at=MORNING,
    )


def a_closer(target: Target, **changes: Any) -> Closer:
    closer = Closer(
        target=target,
        output="here",
        centers=tuple(Center(id_, name, "Europe/Berlin") for id_, name in CENTERS.items()),
        names=CENTERS,
        thresholds=Checks(),
        lines=lambda manifest: manifest.centers,
        now=lambda: MORNING,
        pause=lambda: None,
    )
    return replace(closer, **changes)
