"""How a day's rows divide: by center and status, by insurer, by code; counted on Arrow columns."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Final

import pyarrow as pa
import pyarrow.compute as pc

from chartfeed.console.days.columns import Columns

__all__ = ["STATUSES", "CenterShare", "Shares", "shares_of"]

STATUSES: Final = ("GKV", "PKV", "Selbstzahler")
MOST: Final = 12


@dataclass(frozen=True, slots=True)
class CenterShare:
    """A center's rows of the day, by insurance status."""

    center_id: str
    center_name: str
    by_status: tuple[int, ...]

    @property
    def rows(self) -> int:
        return sum(self.by_status)


@dataclass(frozen=True, slots=True)
class Shares:
    """What the charts of a day show; the most frequent first, centers in the file's order."""

    rows: int
    patients: int
    centers: tuple[CenterShare, ...]
    insurers: tuple[tuple[str, int], ...]
    codes: tuple[tuple[str, int], ...]

    @property
    def by_status(self) -> tuple[int, ...]:
        """Give the rows of each of STATUSES."""
        return tuple(
            sum(center.by_status[at] for center in self.centers) for at in range(len(STATUSES))
        )


def shares_of(columns: Columns) -> Shares:
    """Count a day's rows; a patient is one of a center, for ids are a center's own."""
    named = pa.table(
        {name: columns.column(name) for name in ("center_id", "center_name", "insurance_status")}
    )
    counted = named.group_by(named.column_names).aggregate([([], "count_all")])
    by_center: dict[tuple[str, str], Counter[str]] = {}
    for center, name, status, count in _rows_of(counted):
        by_center.setdefault((center, name), Counter())[status] += count
    centers = tuple(
        CenterShare(center, name, tuple(counts[status] for status in STATUSES))
        for (center, name), counts in by_center.items()
    )
    return Shares(
        rows=columns.rows,
        patients=_patients(columns),
        centers=centers,
        insurers=_most(columns.column("insurance_name")),
        codes=_most(pc.list_flatten(columns.column("service_codes"))),
    )


def _patients(columns: Columns) -> int:
    pairs = pa.table({name: columns.column(name) for name in ("center_id", "patient_id")})
    return int(pairs.group_by(pairs.column_names).aggregate([]).num_rows)


def _most(column: Any) -> tuple[tuple[str, int], ...]:
    counted = Counter[str]()
    for one in pc.value_counts(column).to_pylist():
        if one["values"] is not None:
            counted[one["values"]] += one["counts"]
    return tuple(sorted(counted.items(), key=lambda item: (-item[1], item[0]))[:MOST])


def _rows_of(table: Any) -> Iterable[tuple[Any, ...]]:
    return zip(*(column.to_pylist() for column in table.columns), strict=True)
