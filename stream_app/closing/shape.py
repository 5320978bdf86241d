"""The checks on a row's form: what has to be there, the day, and the types."""

from __future__ import annotations

from datetime import date
from typing import Any, Final

from stream_app.closing.content import Row
from stream_app.closing.tally import Finding, Tally, is_blank
from stream_app.closing.thresholds import Nulls

__all__ = ["DatesCheck", "NullsCheck", "TypesCheck"]

STATUSES: Final = ("GKV", "PKV", "Selbstzahler")
NEEDED: Final = ("center_id", "center_name", "date", "patient_id", "insurance_status")


class NullsCheck:
    """What has to be there is; texts may be empty, but not most of them."""

    TEXTS: Final = "an empty text"

    def __init__(self, given: Nulls) -> None:
        self._given = given
        self._tally = Tally()

    def see(self, row: Row, number: int) -> None:
        center = self._tally.row(row)
        for column in NEEDED:
            if is_blank(row.get(column)):
                self._tally.add(center, f"no {column}", number)
        if row.get("chart_entry") is None:
            self._tally.add(center, "no chart_entry", number)
        elif is_blank(row["chart_entry"]):
            self._tally.add(center, self.TEXTS, number)
        if row.get("service_codes") is None:
            self._tally.add(center, "no service_codes", number)

    def found(self) -> list[Finding]:
        given = self._given
        texts = [
            self._tally.finding(center, self.TEXTS)
            for center, rows in sorted(self._tally.rows.items())
            if self._tally.count(center, self.TEXTS) > max(given.margin, given.texts * rows)
        ]
        return self._tally.found(but={self.TEXTS}) + texts


class DatesCheck:
    """Every row is of the day that its file is named for."""

    def __init__(self, day: date) -> None:
        self._day = day
        self._tally = Tally()

    def see(self, row: Row, number: int) -> None:
        center = self._tally.row(row)
        if row.get("date") not in (self._day, self._day.isoformat()):
            self._tally.add(center, "a row of another day", number)

    def found(self) -> list[Finding]:
        return self._tally.found()


class TypesCheck:
    """Every column has its type; of a center, all patients are numbers or all are texts."""

    def __init__(self) -> None:
        self._tally = Tally()
        self._patients: dict[str, type[Any]] = {}

    def see(self, row: Row, number: int) -> None:
        center = self._tally.row(row)
        for column in ("center_id", "center_name", "chart_entry"):
            if not isinstance(row.get(column), str):
                self._tally.add(center, f"{column} is no text", number)
        if not isinstance(row.get("insurance_name"), str | None):
            self._tally.add(center, "insurance_name is no text", number)
        if row.get("insurance_status") not in STATUSES:
            self._tally.add(center, "insurance_status is no status", number)
        if not _is_day(row.get("date")):
            self._tally.add(center, "date is no day", number)
        codes = row.get("service_codes")
        if not isinstance(codes, list | tuple) or not all(isinstance(one, str) for one in codes):
            self._tally.add(center, "service_codes is no list of texts", number)
        self._patient(center, row.get("patient_id"), number)

    def _patient(self, center: str, patient: object, number: int) -> None:
        if isinstance(patient, bool) or not isinstance(patient, int | str):
            self._tally.add(center, "patient_id is no number and no text", number)
        elif self._patients.setdefault(center, type(patient)) is not type(patient):
            self._tally.add(center, "patient_id is of two types", number)

    def found(self) -> list[Finding]:
        return self._tally.found()


def _is_day(value: object) -> bool:
    if isinstance(value, date):
        return True
    try:
        return isinstance(value, str) and date.fromisoformat(value).isoformat() == value
    except ValueError:
        return False
