"""What a day's file must hold, told the simplest way there is: the rules of the join in a loop.

It knows nothing of the product: from the generated rows and the staff's journal it tells the
unified rows. Slow on purpose, so that it can be checked by reading.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, cast

from deploy.local.practice import content, layout
from deploy.local.practice.blueprint import Practice
from deploy.local.practice.layout import Store
from deploy.local.staff.journal import Commit

Rows = dict[str, dict[int, dict[str, Any]]]


@dataclass(frozen=True, slots=True)
class Expected:
    """A unified row as the source means it."""

    center_id: str
    date: dt.date
    entry_id: int
    patient_id: int | str
    insurance_status: str
    insurance_name: str | None
    chart_entry: str
    service_codes: tuple[str, ...]


@dataclass(slots=True)
class Center:
    """The rows of one center, as generated and as the journal has changed them."""

    center_id: str
    rows: Rows
    version: int = 0
    ids: Store = Store.PLAIN

    @classmethod
    def of(cls, practice: Practice) -> Center:
        rows: Rows = {}
        for role, found in content.of(practice).items():
            names = [layout.split(spec)[0] for spec in layout.COLUMNS[role]]
            images: list[dict[str, Any]] = [dict(zip(names, row, strict=True)) for row in found]
            rows[role] = {row["ID"]: row for row in images}
        return cls(practice.center_id, rows, ids=practice.table("KARTEI").column("PATNR").store)

    def apply(self, commits: Iterable[Commit]) -> Center:
        """Replay this center's commits; a row that is not as it was before is an error."""
        for commit in commits:
            if commit.center != self.center_id:
                continue
            for change in commit.changes:
                rows = self.rows[change.table]
                before = rows.get(change.key)
                if before != change.before:
                    raise AssertionError(
                        f"{self.center_id} {commit.id}: {change.table} {change.key} "
                        f"is {before}, the journal says {change.before}"
                    )
                if change.after is None:
                    del rows[change.key]
                else:
                    rows[change.key] = dict(change.after)
            self.version = max(self.version, commit.version or 0)
        return self

    def expected(self, day: dt.date) -> list[Expected]:
        """Give the rows of a day in the order of the file: patient, then entry."""
        wanted = day.year * 10000 + day.month * 100 + day.day
        rows = [
            self._unified(row, day)
            for row in self.rows["KARTEI"].values()
            if not row["DELKZ"] and row["DATUM"] == wanted and row["PATNR"] is not None
        ]
        return sorted(rows, key=lambda row: (_in_order(row.patient_id), row.entry_id))

    def days(self) -> list[dt.date]:
        """Give the days that have a row."""
        found = set()
        for row in self.rows["KARTEI"].values():
            day = date_of(row["DATUM"])
            if not row["DELKZ"] and day is not None and row["PATNR"] is not None:
                found.add(day)
        return sorted(found)

    def dead_letters(self) -> list[int]:
        """Give the ids of live entries that can't be used: no such date, or no patient."""
        return sorted(
            key
            for key, row in self.rows["KARTEI"].items()
            if not row["DELKZ"] and (date_of(row["DATUM"]) is None or row["PATNR"] is None)
        )

    def _unified(self, row: dict[str, Any], day: dt.date) -> Expected:
        status, name = self._insurance(row["PATNR"])
        return Expected(
            center_id=self.center_id,
            date=day,
            entry_id=row["ID"],
            patient_id=cast("int | str", self.ids.stored(row["PATNR"])),
            insurance_status=status,
            insurance_name=name,
            chart_entry=row["BEMERKUNG"] or "",
            service_codes=self._codes(row["PATNR"], row["DATUM"]),
        )

    def _insurance(self, patient: int) -> tuple[str, str | None]:
        links = [
            row
            for row in self.rows["PATKASSE"].values()
            if row["PATNR"] == patient and not row["DELKZ"]
        ]
        if not links:
            return "Selbstzahler", None
        insurer = self.rows["KASSEN"].get(max(links, key=lambda row: row["ID"])["KASSENID"])
        if insurer is None:
            return "Selbstzahler", None
        kind = (insurer["ART"] or "").strip().upper()
        if kind in {"P", "PKV"}:
            return "PKV", insurer["NAME"]
        if kind in {"1", "2", "3", "4", "5", "6", "7", "8", "9", "G", "GKV"}:
            return "GKV", insurer["NAME"]
        return "Selbstzahler", insurer["NAME"]

    def _codes(self, patient: int, day: int) -> tuple[str, ...]:
        codes: list[str] = []
        for _, row in sorted(self.rows["LEISTUNG"].items()):
            if (row["PATIENTID"], row["DATUM"]) == (patient, day) and not row["DELKZ"]:
                code = (row["LEISTUNG"] or "").strip()
                if code and code not in codes:
                    codes.append(code)
        return tuple(codes)


def _in_order(key: int | str) -> tuple[bool, int, bytes]:
    """Put integers before texts, and texts by their bytes."""
    return (True, 0, key.encode()) if isinstance(key, str) else (False, key, b"")


def date_of(number: int | None) -> dt.date | None:
    """Give the day of a number like 20220118, None where the calendar has no such day."""
    if number is None:
        return None
    try:
        return dt.date(number // 10000, number // 100 % 100, number % 100)
    except ValueError:
        return None
