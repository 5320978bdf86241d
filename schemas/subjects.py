"""Which record each topic holds, and the name that its schema is registered under."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from schemas import avro, records, topics
from schemas.topics import Topic

__all__ = ["RECORDS", "subject", "texts"]

RECORDS: Final[Mapping[Topic, type[records.Record]]] = {
    topics.CHART_ENTRIES: records.ChartEntry,
    topics.SERVICES: records.Service,
    topics.PATIENT_INSURANCES: records.PatientInsurance,
    topics.INSURERS: records.Insurer,
    topics.CHECKPOINTS: records.Checkpoint,
    topics.UNIFIED_ENTRIES: records.UnifiedEntry,
    topics.PROGRESS: records.Progress,
    topics.CENTER_STATUS: records.CenterStatus,
    topics.COMMANDS: records.Command,
    topics.DEAD_LETTERS: records.DeadLetter,
}


def subject(topic: Topic) -> str:
    """Give the subject of a topic's values, named as Confluent's clients expect it."""
    return f"{topic.name}-value"


def texts() -> dict[str, str]:
    """Give every subject with the schema that is registered under it."""
    return {subject(topic): avro.text(record) for topic, record in RECORDS.items()}
