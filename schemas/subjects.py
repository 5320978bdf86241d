"""Subjects of the registry: which record a topic's values are."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from schemas import records, topics
from schemas.topics import Topic

__all__ = ["RECORDS", "subject"]

RECORDS: Final[Mapping[Topic, type[Any]]] = {
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
    """Return the subject under which the schema of a topic's values is registered."""
    return f"{topic.name}-value"
