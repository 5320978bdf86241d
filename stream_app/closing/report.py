"""What closing a day found, for programs; it holds centers and counts, and nothing of a row."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, Final, Literal

import orjson

from schemas import dates
from stream_app.closing.checks import Outcome
from stream_app.closing.completion import Missing
from stream_app.closing.content import Problem
from stream_app.closing.marker import Change
from stream_app.files.manifest import CenterLine, DataFile

__all__ = ["FORMAT", "Report", "State", "content", "identity", "is_quiet", "render"]

FORMAT: Final = 1
State = Literal["final", "incomplete", "stopped"]


@dataclass(frozen=True, slots=True)
class Report:
    """A day as it was found. `final` is closed; `incomplete` lacks centers; `stopped` is unsound.

    `revision` is the marker's, None where the day has none; `usual` has the medians of the rows.
    """

    day: date
    state: State
    at: datetime
    output: str
    revision: int | None
    record_count: int
    files: dict[str, DataFile]
    missing: tuple[Missing, ...]
    problems: tuple[Problem, ...]
    outcomes: tuple[Outcome, ...]
    centers: tuple[CenterLine, ...]
    usual: dict[str, int]
    changed: Change | None = None

    @property
    def warnings(self) -> list[Outcome]:
        return [one for one in self.outcomes if one.result == "warn"]

    @property
    def stops(self) -> list[Outcome]:
        return [one for one in self.outcomes if one.result == "stop"]


def identity(said: Mapping[str, Any]) -> str:
    """Give what is the same for two reports that say the same, though not at the same time."""
    passing = {"at", "centers", "changed_since"}
    same = {name: value for name, value in said.items() if name not in passing}
    same["missing"] = [(one["center_id"], one["reason"]) for one in said["missing"]]
    return hashlib.sha256(orjson.dumps(same, option=orjson.OPT_SORT_KEYS)).hexdigest()


def is_quiet(said: Mapping[str, Any]) -> bool:
    """Tell whether a day is closed without a remark."""
    remarks = [one for one in said["checks"] if one["result"] not in {"ok", "off"}]
    return said["state"] == "final" and not remarks and said["revision"] == 1


def content(report: Report) -> dict[str, Any]:
    """Give the report as it stands in JSON."""
    changed = report.changed
    return {
        "format": FORMAT,
        "date": report.day.isoformat(),
        "state": report.state,
        "at": dates.utc(report.at),
        "output": report.output,
        "revision": report.revision,
        "record_count": report.record_count,
        "changed_since": changed
        and {
            "revision": changed.revision,
            "closed_at": dates.utc(changed.closed_at),
            "record_count": changed.record_count,
            "centers": list(changed.centers),
        },
        "missing": [
            {
                "center_id": one.center_id,
                "reason": one.reason,
                "complete_through": one.complete_through and dates.utc(one.complete_through),
            }
            for one in report.missing
        ],
        "problems": [{"file": one.file, "what": one.what} for one in report.problems],
        "checks": [_outcome(one) for one in report.outcomes],
        "centers": [
            {
                "center_id": line.center_id,
                "center_name": line.center_name,
                "record_count": line.record_count,
                "usual": report.usual.get(line.center_id),
                "withdrawn": line.dead_letters,
                "complete_through": line.complete_through
                and dates.utc(line.complete_through.captured_at),
                "behind": line.behind,
            }
            for line in report.centers
        ],
        "files": {
            format_: {"name": file.name, "bytes": file.bytes, "sha256": file.sha256}
            for format_, file in report.files.items()
        },
    }


def _outcome(one: Outcome) -> dict[str, Any]:
    return {
        "name": one.name,
        "action": one.action,
        "result": one.result,
        "findings": [
            {
                "center_id": finding.center_id,
                "what": finding.what,
                "count": finding.count,
                "of": finding.of,
                "first_row": finding.first_row,
            }
            for finding in one.findings
        ],
    }


def render(report: Report) -> bytes:
    """Give the JSON file's bytes."""
    return orjson.dumps(content(report), option=orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE)
