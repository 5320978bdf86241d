"""Rows of a source as records: the rules that hold for one row alone.

A row that breaks them stops nothing: it is a dead letter with its reason (invariant 9).

The producers and the direct extract both read rows through here, so what is live, which id is
meant and which row is refused can't differ between the stream and its oracle.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import TYPE_CHECKING, Any, Final

from schemas import dates
from schemas.errors import SkipRecord
from schemas.ids import Id, Role, normaliser
from schemas.records import ChartEntry, Insurer, PatientInsurance, Service
from schemas.unified import chart_text

if TYPE_CHECKING:
    from datetime import datetime

    from producers.mapping import Mapping

__all__ = ["COLUMNS", "Rules", "liveness"]

# What is read of each table, in this order.
COLUMNS: Final[dict[str, tuple[str, ...]]] = {
    "KASSEN": ("ID", "NAME", "ART"),
    "PATKASSE": ("ID", "PATNR", "KASSENID", "DELKZ"),
    "KARTEI": ("ID", "PATNR", "DATUM", "BEMERKUNG", "DELKZ"),
    "LEISTUNG": ("ID", "PATIENTID", "DATUM", "LEISTUNG", "DELKZ"),
}
ROLES: Final = {
    "KASSEN": Role.INSURER,
    "PATKASSE": Role.LINK,
    "KARTEI": Role.ENTRY,
    "LEISTUNG": Role.SERVICE,
}

Row = Sequence[Any]
Normaliser = Callable[[object], Id | None]


def liveness(live: Sequence[str | None] | None) -> Callable[[object], bool]:
    """Give the test whether a DELKZ means a live row; without values 0, NULL and false do."""
    if live is None:
        return _usual
    meant = frozenset(live)
    return lambda value: _flag(value) in meant


def _usual(value: object) -> bool:
    if value is None or value == 0:
        return True
    # A flag kept as text compares with 0 at the source, where blank is 0 too.
    return isinstance(value, str) and (_flag(value) or "0").lstrip("0") in {"", "FALSE"}


def _flag(value: object) -> str | None:
    match value:
        case None:
            return None
        case bool():
            return str(int(value))
        case Decimal():
            return f"{value.normalize():f}"
        case _:
            return str(value).strip().upper()


@dataclass(frozen=True, slots=True)
class Rules:
    """How one center's rows become records: None for a dead row, SkipRecord for a broken one."""

    center_id: str
    ids: dict[Role, Normaliser]
    live: dict[str, Callable[[object], bool]]

    @classmethod
    def of(cls, mapping: Mapping) -> Rules:
        return cls(
            center_id=mapping.center,
            ids={role: normaliser(mapping.id_type(role)) for role in Role},
            live={table: liveness(mapping.live(table)) for table in COLUMNS if table != "KASSEN"},
        )

    def row_id(self, table: str, value: object) -> Id:
        """Give the id of a row of that table, also of a row that is gone."""
        return _given(self.ids[ROLES[table]](value), "missing-id")

    def chart_entry(
        self, row: Row, source_version: int, captured_at: datetime
    ) -> ChartEntry | None:
        """Give the record of a row of KARTEI."""
        id_, patient, day, text, flag = row
        if not self.live["KARTEI"](flag):
            return None
        return ChartEntry(
            center_id=self.center_id,
            entry_id=self.row_id("KARTEI", id_),
            patient_id=self._patient(patient),
            entry_date=dates.parse(day),
            chart_entry=chart_text(text),
            source_version=source_version,
            captured_at=captured_at,
        )

    def service(self, row: Row, source_version: int, captured_at: datetime) -> Service | None:
        """Give the record of a row of LEISTUNG."""
        id_, patient, day, code, flag = row
        if not self.live["LEISTUNG"](flag):
            return None
        return Service(
            center_id=self.center_id,
            service_id=self.row_id("LEISTUNG", id_),
            patient_id=self._patient(patient),
            service_date=dates.parse(day),
            code="" if code is None else str(code),
            source_version=source_version,
            captured_at=captured_at,
        )

    def patient_insurance(
        self, row: Row, source_version: int, captured_at: datetime
    ) -> PatientInsurance | None:
        """Give the record of a row of PATKASSE."""
        id_, patient, insurer, flag = row
        if not self.live["PATKASSE"](flag):
            return None
        return PatientInsurance(
            center_id=self.center_id,
            link_id=self.row_id("PATKASSE", id_),
            patient_id=self._patient(patient),
            insurer_id=self.ids[Role.INSURER](insurer),
            source_version=source_version,
            captured_at=captured_at,
        )

    def insurer(self, row: Row, source_version: int, captured_at: datetime) -> Insurer:
        """Give the record of a row of KASSEN; its DELKZ drops nothing."""
        id_, name, kind = row
        return Insurer(
            center_id=self.center_id,
            insurer_id=self.row_id("KASSEN", id_),
            name=name,
            kind=None if kind is None else str(kind),
            source_version=source_version,
            captured_at=captured_at,
        )

    def _patient(self, value: object) -> Id:
        return _given(self.ids[Role.PATIENT](value), "missing-patient")


def _given(value: Id | None, reason: str) -> Id:
    if value is None:
        raise SkipRecord("an id that must be given is not", reason=reason)
    return value
