"""A day read straight from a center: today's batch, and the oracle of the stream."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import TYPE_CHECKING, Any, Final

import pyodbc

from producers import statements
from producers.connection import translated
from producers.errors import StatementFailed
from producers.rows import COLUMNS, Rules
from schemas.errors import ChartfeedError, SkipRecord
from schemas.records import ChartEntry, Insurer, PatientInsurance, Service, UnifiedEntry
from schemas.unified import file_order, latest, service_codes

if TYPE_CHECKING:
    from producers.mapping import Mapping
    from schemas.ids import Id
    from schemas.insurance import StatusTable

__all__ = ["CenterDay", "read", "unify"]

Row = Sequence[Any]

NO_SNAPSHOT: Final = 3952
ENTRY_END: Final = len(COLUMNS["KARTEI"])
LINK_END: Final = ENTRY_END + len(COLUMNS["PATKASSE"])


@dataclass(frozen=True, slots=True)
class CenterDay:
    """A center's rows of a day in the order of files, and what they are complete through.

    `version` is None where the database gives no snapshot or tracks no changes; `dead_letters`
    counts the day's entries that break a rule, by reason.
    """

    center_id: str
    rows: tuple[UnifiedEntry, ...]
    captured_at: datetime
    version: int | None
    dead_letters: Counter[str]
    unknown_kinds: Counter[str]


def read(
    connection: pyodbc.Connection,
    mapping: Mapping,
    wanted: date,
    *,
    center_name: str,
    table: StatusTable,
) -> CenterDay:
    """Read a center's day in one round trip, from one snapshot where the database gives any.

    The mapping must have been found to fit (invariant 1); the caller asks for that.
    """
    try:
        sets = _fetch(connection, statements.day(mapping, wanted), mapping.center)
    except ChartfeedError as error:
        if error.fields.get("number") != NO_SNAPSHOT:
            raise
        _leave_transaction(connection, mapping.center)
        plain = statements.day(mapping, wanted, snapshot=False)
        sets = _fetch(connection, plain, mapping.center)
    ((clock,),), ((version,),), entries, services = sets
    return unify(
        mapping,
        wanted,
        entries,
        services,
        center_name=center_name,
        table=table,
        captured_at=clock.replace(tzinfo=UTC),
        version=version,
    )


def unify(
    mapping: Mapping,
    wanted: date,
    entries: Iterable[Row],
    services: Iterable[Row],
    *,
    center_name: str,
    table: StatusTable,
    captured_at: datetime,
    version: int | None,
) -> CenterDay:
    """Give a center's day from the rows that the statement of the day gives."""
    seen = _records(Rules.of(mapping), entries, services, version or 0, captured_at)
    rows = _joined(seen, wanted, center_name=center_name, table=table)
    return CenterDay(
        center_id=mapping.center,
        rows=tuple(rows),
        captured_at=captured_at,
        version=version,
        dead_letters=seen.dead_letters,
        unknown_kinds=table.unknown(insurer.kind for insurer in seen.insurers.values()),
    )


def _fetch(
    connection: pyodbc.Connection, statement: statements.Statement, center: str
) -> list[list[Row]]:
    with translated(center), connection.cursor() as cursor:
        # A text compares with a varchar column as varchar; as nvarchar it would cost the index.
        cursor.setinputsizes(
            [
                (pyodbc.SQL_VARCHAR, len(value), 0) if isinstance(value, str) else None
                for value in statement.parameters
            ]
        )
        cursor.execute(statement.text, *statement.parameters)
        sets: list[list[Row]] = []
        more = True
        try:
            while more:
                if cursor.description is not None:
                    sets.append(list(cursor.fetchall()))
                more = bool(cursor.nextset())
        except UnicodeDecodeError:
            # The error holds the text, which is nobody's business here.
            raise StatementFailed(
                f"{center}: a text of that day is no Unicode (half a character)",
                hint="correct the text at the source",
                center=center,
            ) from None
        return sets


def _leave_transaction(connection: pyodbc.Connection, center: str) -> None:
    with translated(center):
        if connection.execute("SELECT @@TRANCOUNT;").fetchval():
            connection.execute("ROLLBACK TRANSACTION;")


@dataclass(frozen=True, slots=True)
class Seen:
    """What a center's rows say about a day, each row once."""

    entries: dict[Id, ChartEntry]
    links: dict[Id, dict[Id, PatientInsurance]]
    insurers: dict[Id, Insurer]
    services: dict[Id, list[Service]]
    dead_letters: Counter[str]


def _records(
    rules: Rules, entries: Iterable[Row], services: Iterable[Row], version: int, clock: datetime
) -> Seen:
    seen = Seen({}, defaultdict(dict), {}, defaultdict(list), Counter())
    refused: set[object] = set()
    for row in entries:
        try:
            entry = rules.chart_entry(row[:ENTRY_END], version, clock)
        except SkipRecord as error:
            # The row comes once for each link of its patient, and counts once.
            if row[0] not in refused:
                refused.add(row[0])
                seen.dead_letters[error.reason] += 1
            continue
        if entry is None:
            continue
        seen.entries[entry.entry_id] = entry
        _link(rules, row, seen, version, clock)
    for row in services:
        try:
            service = rules.service(row, version, clock)
        except SkipRecord:
            continue  # It belongs to no entry; only the stream, which sees all, counts it.
        if service is not None:
            seen.services[service.patient_id].append(service)
    return seen


def _link(rules: Rules, row: Row, seen: Seen, version: int, clock: datetime) -> None:
    if row[ENTRY_END] is None:
        return
    try:
        link = rules.patient_insurance(row[ENTRY_END:LINK_END], version, clock)
        if link is None:
            return
        seen.links[link.patient_id][link.link_id] = link
        if row[LINK_END] is not None:
            insurer = rules.insurer(row[LINK_END:], version, clock)
            seen.insurers[insurer.insurer_id] = insurer
    except SkipRecord:
        return  # A link or insurer that breaks a rule is withdrawn from the stream too.


def _joined(
    seen: Seen, wanted: date, *, center_name: str, table: StatusTable
) -> list[UnifiedEntry]:
    codes = {
        patient: service_codes(
            (service.service_id, service.code)
            for service in services
            if service.service_date == wanted
        )
        for patient, services in seen.services.items()
    }
    rows = []
    for entry in seen.entries.values():
        if entry.entry_date != wanted:
            continue
        insurer = _insurer(seen, entry.patient_id)
        rows.append(
            UnifiedEntry(
                center_id=entry.center_id,
                center_name=center_name,
                date=wanted,
                entry_id=entry.entry_id,
                patient_id=entry.patient_id,
                insurance_status=str(table.status(insurer.kind if insurer else None)),
                insurance_name=insurer.name if insurer else None,
                chart_entry=entry.chart_entry,
                service_codes=codes.get(entry.patient_id, ()),
                revision=0,
                captured_at=entry.captured_at,
            )
        )
    return sorted(rows, key=file_order)


def _insurer(seen: Seen, patient: Id) -> Insurer | None:
    links = seen.links.get(patient, {})
    highest = latest(links)
    if highest is None:
        return None
    insurer_id = links[highest].insurer_id
    return None if insurer_id is None else seen.insurers.get(insurer_id)
