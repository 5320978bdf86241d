"""The .avsc files, by record: as they are registered, and as the codec runs them."""

from __future__ import annotations

import json
from importlib import resources
from typing import Any, Final, TypeAlias

from schemas import records

__all__ = ["FILES", "Json", "bare", "load", "meaning", "text"]

Json: TypeAlias = Any

FILES: Final[dict[type[Any], str]] = {
    records.ChartEntry: "chart_entry",
    records.Service: "service",
    records.PatientInsurance: "patient_insurance",
    records.Insurer: "insurer",
    records.Checkpoint: "checkpoint",
    records.UnifiedEntry: "unified_entry",
    records.Progress: "progress",
    records.CenterStatus: "center_status",
    records.Command: "command",
    records.DeadLetter: "dead_letter",
}
NOT_ON_THE_WIRE: Final = frozenset({"logicalType", "doc"})


def text(record: type[Any]) -> str:
    """Give a record's schema as it stands in its file and goes to the registry."""
    file = resources.files("schemas.avsc") / f"{FILES[record]}.avsc"
    return file.read_text(encoding="utf-8")


def load(record: type[Any]) -> Json:
    """Give a record's schema as JSON."""
    return json.loads(text(record))


def bare(schema: Json, space: str | None = None) -> Json:
    """Give a schema without logical types: the same bytes, with numbers for dates and times.

    A namespace that is the enclosing one's goes too: registries leave it out.
    """
    match schema:
        case list():
            return [bare(branch, space) for branch in schema]
        case {"type": str(name), "logicalType": _} if set(schema) == {"type", "logicalType"}:
            return name
        case dict():
            here = schema.get("namespace", space)
            return {
                key: value if key == "default" else bare(value, here)
                for key, value in schema.items()
                if key not in NOT_ON_THE_WIRE and (key, value) != ("namespace", space)
            }
        case _:
            return schema


def meaning(schema: Json) -> str:
    """Give the name of what a schema's values mean: its logical type, or else its type."""
    match schema:
        case {"logicalType": str(name)} | {"type": str(name)} | str(name):
            return name
        case _:
            return "union"
