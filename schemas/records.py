"""The records that travel, one to one with the .avsc files beside them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from typing import TypeAlias

from schemas.ids import Id

__all__ = [
    "CenterStatus",
    "ChartEntry",
    "Checkpoint",
    "Command",
    "DeadLetter",
    "Insurer",
    "Offset",
    "PatientInsurance",
    "Progress",
    "Record",
    "Service",
    "SnapshotProgress",
    "SourceEvent",
    "TablePosition",
    "UnifiedEntry",
]


@dataclass(frozen=True, slots=True)
class ChartEntry:
    """A live row of KARTEI."""

    center_id: str
    entry_id: Id
    patient_id: Id
    entry_date: date
    chart_entry: str
    source_version: int
    captured_at: datetime


@dataclass(frozen=True, slots=True)
class Service:
    """A live row of LEISTUNG."""

    center_id: str
    service_id: Id
    patient_id: Id
    service_date: date
    code: str
    source_version: int
    captured_at: datetime


@dataclass(frozen=True, slots=True)
class PatientInsurance:
    """A live row of PATKASSE; without an insurer it still competes by its id."""

    center_id: str
    link_id: Id
    patient_id: Id
    insurer_id: Id | None
    source_version: int
    captured_at: datetime


@dataclass(frozen=True, slots=True)
class Insurer:
    """A row of KASSEN."""

    center_id: str
    insurer_id: Id
    name: str | None
    kind: str | None
    source_version: int
    captured_at: datetime


SourceEvent: TypeAlias = ChartEntry | Service | PatientInsurance | Insurer


@dataclass(frozen=True, slots=True)
class Offset:
    """Where something ends in a topic's partition: the offset of its last record."""

    topic: str
    partition: int
    offset: int


@dataclass(frozen=True, slots=True)
class TablePosition:
    """What a table was when it was read, so that a recreated or emptied one is noticed."""

    table: str
    object_id: int
    begin_version: int | None


@dataclass(frozen=True, slots=True)
class SnapshotProgress:
    """How far the reading of whole tables has come; `last_id` is where the next chunk starts."""

    reason: str
    table: str
    last_id: Id | None
    rows_done: int
    rows_total: int
    started_at: datetime


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """A center's position, committed with the events that it covers."""

    center_id: str
    version: int
    captured_at: datetime
    partial: bool
    database_identity: str
    tables: tuple[TablePosition, ...]
    mapping_fingerprint: str
    snapshot: SnapshotProgress | None
    instance_id: str
    offsets: tuple[Offset, ...]
    dead_letters: int


@dataclass(frozen=True, slots=True)
class UnifiedEntry:
    """A row of a day's file: an entry with its patient's insurance and services."""

    center_id: str
    center_name: str
    date: date
    entry_id: Id
    patient_id: Id
    insurance_status: str
    insurance_name: str | None
    chart_entry: str
    service_codes: tuple[str, ...]
    revision: int
    captured_at: datetime


@dataclass(frozen=True, slots=True)
class Progress:
    """A checkpoint that the join has applied, and where its rows end."""

    center_id: str
    version: int
    captured_at: datetime
    partial: bool
    checkpoint_offset: int
    offsets: tuple[Offset, ...]
    dead_letters: int
    behind: str | None
    applied_at: datetime


@dataclass(frozen=True, slots=True)
class CenterStatus:
    """A center's state in words, with a heartbeat that expires."""

    center_id: str
    state: str
    detail: str | None
    next_command: str | None
    instance_id: str
    version: int | None
    source_version: int | None
    lag_seconds: float | None
    last_event_at: datetime | None
    events_total: int
    dead_letters: int
    snapshot: SnapshotProgress | None
    retention_headroom_seconds: int | None
    restarts: int
    heartbeat_at: datetime
    expires_at: datetime


@dataclass(frozen=True, slots=True)
class Command:
    """What an operator asks of the one who owns a center."""

    center_id: str
    command_id: str
    action: str
    arguments: dict[str, str]
    requested_by: str
    requested_at: datetime


@dataclass(frozen=True, slots=True)
class DeadLetter:
    """A record that could not be used, and why; without free text or a name."""

    stage: str
    center_id: str | None
    table: str | None
    key: str | None
    reason: str
    source_version: int | None
    topic: str | None
    partition: int | None
    offset: int | None
    at: datetime


Record: TypeAlias = (
    ChartEntry
    | Service
    | PatientInsurance
    | Insurer
    | Checkpoint
    | UnifiedEntry
    | Progress
    | CenterStatus
    | Command
    | DeadLetter
)
