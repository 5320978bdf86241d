"""Records for tests: each call gives one that is right, but for what the caller asks."""

from dataclasses import replace
from datetime import UTC, date, datetime
from typing import Any

from producers import canonical
from producers.canonical import Kind
from producers.mapping import ColumnMapping, Mapping, TableMapping
from schemas.ids import IdType, Role
from schemas.records import ChartEntry, DeadLetter, Progress, UnifiedEntry

A_DAY = date(2022, 1, 18)
A_MOMENT = datetime(2022, 1, 18, 12, 0, 0, 250000, tzinfo=UTC)


def a_chart_entry(**changes: Any) -> ChartEntry:
    entry = ChartEntry(
        center_id="center_01",
        entry_id=12345,
        patient_id=678,
        entry_date=A_DAY,
        chart_entry="Füllung 16 mod, Kofferdam, Lokalanästhesie",
        source_version=77777,
        captured_at=A_MOMENT,
    )
    return replace(entry, **changes)


def a_unified_entry(**changes: Any) -> UnifiedEntry:
    entry = UnifiedEntry(
        center_id="center_01",
        center_name="Zahnarztpraxis München",
        date=A_DAY,
        entry_id=1,
        patient_id=1,
        insurance_status="GKV",
        insurance_name="AOK Bayern",
        chart_entry="Füllung 16",
        service_codes=("01", "1040"),
        revision=0,
        captured_at=A_MOMENT,
    )
    return replace(entry, **changes)


def a_progress(**changes: Any) -> Progress:
    progress = Progress(
        center_id="center_01",
        version=7,
        captured_at=A_MOMENT,
        partial=False,
        checkpoint_offset=3,
        offsets=(),
        dead_letters=0,
        behind=None,
        applied_at=A_MOMENT,
    )
    return replace(progress, **changes)


def a_mapping(
    *,
    center: str = "center_07",
    types: dict[tuple[str, str], str] | None = None,
    ids: dict[Role, IdType] | None = None,
    live: dict[str, tuple[str | None, ...]] | None = None,
    names: dict[str, str] | None = None,
) -> Mapping:
    """Give a complete mapping; `types` and `names` change what they name."""
    types = types or {}
    names = names or {}
    tables = {}
    for table, wanted in canonical.TABLES.items():
        columns = {}
        for column, about in wanted.items():
            keeps = column in {"ID", "DELKZ"}
            usual = "int" if about.kind in {Kind.ID, Kind.DATE, Kind.FLAG} else "nvarchar(100)"
            columns[column] = ColumnMapping(
                name=names.get(f"{table}.{column}", column if keeps else f"{column}_7M"),
                type=types.get((table, column), usual),
                live=(live or {}).get(table) if column == "DELKZ" else None,
                confidence=1.0,
            )
        tables[table] = TableMapping(
            name=names.get(table, f"{table}_8Y"),
            columns=columns,
            primary_key=("ID",),
            confidence=1.0,
        )
    return Mapping(
        center=center,
        database="DentalDB_07",
        schema="ck",
        tables=tables,
        ids=dict.fromkeys(Role, IdType.INTEGER) | (ids or {}),
    )


def a_dead_letter(**changes: Any) -> DeadLetter:
    letter = DeadLetter(
        stage="producer",
        center_id="center_07",
        table="KARTEI",
        key="41",
        reason="invalid-date",
        source_version=12,
        topic=None,
        partition=None,
        offset=None,
        at=A_MOMENT,
    )
    return replace(letter, **changes)
