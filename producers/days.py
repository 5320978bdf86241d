"""All of a center's days at once, from one snapshot, and what changed since a version of it.

The rules are those of `extract`; only what is read at a time differs.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import TYPE_CHECKING, Any, Final

import pyodbc

from producers import statements
from producers.capture.source import Source
from producers.connection import translated
from producers.errors import StatementFailed
from producers.rows import Rules
from schemas import dates
from schemas.errors import SkipRecord
from schemas.ids import Role, sort_key
from schemas.records import UnifiedEntry
from schemas.unified import file_order, service_codes

if TYPE_CHECKING:
    from producers.capture.clock import Clock
    from producers.mapping import Mapping
    from schemas.ids import Id
    from schemas.insurance import StatusTable

__all__ = ["CenterDays", "Changes", "Span", "changes", "read"]

Row = Sequence[Any]
Place = tuple["Id", date]

FETCH: Final = 2000


@dataclass(frozen=True, slots=True)
class Span:
    """The days that are read; without an end, all."""

    first: date | None = None
    last: date | None = None

    def __contains__(self, day: date) -> bool:
        return (self.first is None or day >= self.first) and (self.last is None or day <= self.last)


@dataclass(frozen=True, slots=True)
class CenterDays:
    """A center's rows, each day's in the order of files, and which insurer each patient has."""

    days: dict[date, list[UnifiedEntry]]
    insurers: dict[Id, Id | None]
    captured_at: datetime
    version: int


@dataclass(frozen=True, slots=True)
class Changes:
    """What changed after a version, each with the version of its last change.

    `entries`, `services` and `links` are rows that were changed or deleted: where they were
    before, nothing tells.
    """

    places: dict[Place, int] = field(default_factory=dict)
    patients: dict[Id, int] = field(default_factory=dict)
    entries: list[int] = field(default_factory=list)
    services: list[int] = field(default_factory=list)
    links: list[int] = field(default_factory=list)


def read(
    connection: pyodbc.Connection,
    mapping: Mapping,
    span: Span,
    clock: Clock,
    *,
    center_name: str,
    table: StatusTable,
) -> CenterDays:
    """Read a center's days inside the snapshot that is open, each table once.

    The mapping must have been found to fit (invariant 1), and the clock read in the snapshot.
    """
    rules, version, at = Rules.of(mapping), clock.version or 0, clock.captured_at

    def rows(name: str) -> Iterator[Row]:
        return _rows(connection, statements.span(mapping, name, span.first, span.last), mapping)

    insurers = {}
    for row in rows("KASSEN"):
        try:
            insurer = rules.insurer(row, version, at)
        except SkipRecord:
            continue
        insurers[insurer.insurer_id] = (str(table.status(insurer.kind)), insurer.name)
    insurer_of = _latest_links(rules, rows("PATKASSE"), version, at)
    codes = _codes(rules, rows("LEISTUNG"), version, at)
    days: dict[date, list[UnifiedEntry]] = defaultdict(list)
    nobody = (str(table.status(None)), None)
    for row in rows("KARTEI"):
        try:
            entry = rules.chart_entry(row, version, at)
        except SkipRecord:
            continue
        if entry is None or entry.entry_date not in span:
            continue
        insurer_id = insurer_of.get(entry.patient_id)
        status, name = nobody if insurer_id is None else insurers.get(insurer_id, nobody)
        days[entry.entry_date].append(
            UnifiedEntry(
                center_id=entry.center_id,
                center_name=center_name,
                date=entry.entry_date,
                entry_id=entry.entry_id,
                patient_id=entry.patient_id,
                insurance_status=status,
                insurance_name=name,
                chart_entry=entry.chart_entry,
                service_codes=codes.get((entry.patient_id, entry.entry_date), ()),
                revision=0,
                captured_at=at,
            )
        )
    for found in days.values():
        found.sort(key=file_order)
    return CenterDays(dict(days), insurer_of, at, version)


def _rows(
    connection: pyodbc.Connection, statement: statements.Statement, mapping: Mapping
) -> Iterator[Row]:
    with translated(mapping.center), connection.cursor() as cursor:
        # As in `extract`: a text compares with a varchar column as varchar.
        cursor.setinputsizes(
            [
                (pyodbc.SQL_VARCHAR, len(value), 0) if isinstance(value, str) else None
                for value in statement.parameters
            ]
        )
        cursor.execute(statement.text, *statement.parameters)
        try:
            while batch := cursor.fetchmany(FETCH):
                yield from batch
        except UnicodeDecodeError:
            # The error holds the text, which is nobody's business here.
            raise StatementFailed(
                f"{mapping.center}: a text is no Unicode (half a character)",
                hint="correct the text at the source",
                center=mapping.center,
            ) from None


def _latest_links(
    rules: Rules, rows: Iterator[Row], version: int, at: datetime
) -> dict[Id, Id | None]:
    """Give each patient's insurer, by the live link with the highest id."""
    latest: dict[Id, tuple[tuple[int, int, bytes], Id | None]] = {}
    for row in rows:
        try:
            link = rules.patient_insurance(row, version, at)
        except SkipRecord:
            continue
        if link is None:
            continue
        rank = sort_key(link.link_id)
        before = latest.get(link.patient_id)
        if before is None or rank > before[0]:
            latest[link.patient_id] = (rank, link.insurer_id)
    return {patient: insurer for patient, (_, insurer) in latest.items()}


def _codes(
    rules: Rules, rows: Iterator[Row], version: int, at: datetime
) -> dict[Place, tuple[str, ...]]:
    services: dict[Place, list[tuple[Id, str]]] = defaultdict(list)
    for row in rows:
        try:
            service = rules.service(row, version, at)
        except SkipRecord:
            continue
        if service is not None:
            place = (service.patient_id, service.service_date)
            services[place].append((service.service_id, service.code))
    return {place: service_codes(found) for place, found in services.items()}


def changes(
    source: Source, mapping: Mapping, found: CenterDays, clock: Clock, since: int
) -> Changes | None:
    """Give what changed after a version, in the open snapshot; None where that is not known.

    It is not known where changes have been cleaned up, or tracking begun anew, since that version.
    """
    for table in clock.tables:
        if table.min_valid is None or table.begin_version is None:
            return None
        if since < max(table.min_valid, table.begin_version):
            return None
    rules = Rules.of(mapping)
    result = Changes()
    by_insurer: dict[Id | None, list[Id]] = defaultdict(list)
    for patient, insurer in found.insurers.items():
        by_insurer[insurer].append(patient)
    for table_name, batch in source.changes(since, found.version):
        for change in batch:
            try:
                _note(result, rules, table_name, change, by_insurer)
            except SkipRecord:
                continue  # A row that breaks a rule belongs to no day.
    return result


def _note(
    result: Changes,
    rules: Rules,
    table: str,
    change: Row,
    by_insurer: dict[Id | None, list[Id]],
) -> None:
    version, operation, key, *row = change
    former = {"KARTEI": result.entries, "LEISTUNG": result.services, "PATKASSE": result.links}
    if table in former and operation != "I":
        former[table].append(version)
    if table == "KASSEN":
        for patient in by_insurer[rules.row_id(table, key)]:
            _raise(result.patients, patient, version)
    elif operation != "D":
        patient_id = rules.ids[Role.PATIENT](row[1])
        if patient_id is None:
            return
        if table == "PATKASSE":
            _raise(result.patients, patient_id, version)
        else:
            _raise(result.places, (patient_id, dates.parse(row[2])), version)


def _raise(versions: dict[Any, int], of: object, version: int) -> None:
    versions[of] = max(version, versions.get(of, 0))
