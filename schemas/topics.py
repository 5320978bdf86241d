"""The topics: their names, keys, partition rule and what they are created with."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Literal

__all__ = [
    "ALL",
    "CENTER_STATUS",
    "CHART_ENTRIES",
    "CHECKPOINTS",
    "COMMANDS",
    "DEAD_LETTERS",
    "INSURERS",
    "PATIENT_INSURANCES",
    "PROGRESS",
    "SERVICES",
    "SOURCE",
    "UNIFIED_ENTRIES",
    "Layout",
    "Topic",
    "murmur2",
    "partition_of_center",
    "partition_of_day",
    "row_key",
    "unified_key",
]


@dataclass(frozen=True, slots=True)
class Layout:
    """What a cluster lays down for all topics alike."""

    partitions: int
    replication: int
    min_compaction_lag: timedelta
    delete_retention: timedelta


@dataclass(frozen=True, slots=True)
class Topic:
    name: str
    cleanup: Literal["compact", "delete"] = "compact"
    retention: timedelta | None = None
    history: timedelta | None = None
    """How long all records of a compacted topic are kept, where that is not the layout's."""

    def configuration(self, layout: Layout) -> Mapping[str, str]:
        """Return the settings that the topic is created with and must still have."""
        found: dict[str, str] = {"cleanup.policy": self.cleanup}
        if self.cleanup == "compact":
            lag = layout.min_compaction_lag if self.history is None else self.history
            found["min.compaction.lag.ms"] = _milliseconds(lag)
            found["delete.retention.ms"] = _milliseconds(layout.delete_retention)
        if self.history is not None:
            # A segment is compacted when the next one has begun.
            found["segment.ms"] = _milliseconds(self.history)
        if self.retention is not None:
            found["retention.ms"] = _milliseconds(self.retention)
        if layout.replication > 2:
            found["min.insync.replicas"] = "2"
        return found


CHART_ENTRIES = Topic("chartfeed.chart-entries")
SERVICES = Topic("chartfeed.services")
PATIENT_INSURANCES = Topic("chartfeed.patient-insurances")
INSURERS = Topic("chartfeed.insurers")
CHECKPOINTS = Topic("chartfeed.checkpoints")
UNIFIED_ENTRIES = Topic("chartfeed.unified-entries")
# Its past is of use to who measures the last hours; a checkpoint of an idle center makes one more.
PROGRESS = Topic("chartfeed.progress", history=timedelta(days=1))
# A heartbeat every few seconds of each center, of which the last alone says anything.
CENTER_STATUS = Topic("chartfeed.center-status", history=timedelta(hours=1))
COMMANDS = Topic("chartfeed.commands")
DEAD_LETTERS = Topic("chartfeed.dead-letters", cleanup="delete", retention=timedelta(days=30))

SOURCE = (CHART_ENTRIES, SERVICES, PATIENT_INSURANCES, INSURERS)
ALL = (
    *SOURCE,
    CHECKPOINTS,
    UNIFIED_ENTRIES,
    PROGRESS,
    CENTER_STATUS,
    COMMANDS,
    DEAD_LETTERS,
)


def row_key(center_id: str, row_id: int | str) -> bytes:
    """Return the key of a source row's event: `center/row`."""
    return f"{center_id}/{row_id}".encode()


def unified_key(day: date, center_id: str, entry_id: int | str) -> bytes:
    """Return the key of a unified entry: `date/center/row`."""
    return f"{day.isoformat()}/{center_id}/{entry_id}".encode()


def partition_of_center(center_id: str, partitions: int) -> int:
    """Return the one partition that holds all of a center's events, in every topic."""
    return _partition(center_id.encode(), partitions)


def partition_of_day(day: date, partitions: int) -> int:
    """Return the one partition that holds all unified entries of a day."""
    return _partition(day.isoformat().encode(), partitions)


def _partition(name: bytes, partitions: int) -> int:
    return (murmur2(name) & 0x7FFFFFFF) % partitions


def murmur2(data: bytes) -> int:
    """Return the 32-bit hash that Kafka's own clients partition by."""
    mask = 0xFFFFFFFF
    multiplier = 0x5BD1E995
    whole = len(data) & ~3
    found = 0x9747B28C ^ len(data)
    for start in range(0, whole, 4):
        word = int.from_bytes(data[start : start + 4], "little") * multiplier & mask
        word = (word ^ word >> 24) * multiplier & mask
        found = found * multiplier & mask ^ word
    if rest := data[whole:]:
        found = (found ^ int.from_bytes(rest, "little")) * multiplier & mask
    found = (found ^ found >> 13) * multiplier & mask
    return found ^ found >> 15


def _milliseconds(span: timedelta) -> str:
    return str(int(span.total_seconds() * 1000))
