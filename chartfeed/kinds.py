"""Kinds of values that a configuration is made of: durations, names, time zones."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import Annotated, Final
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import AfterValidator, BeforeValidator, ConfigDict, Field

__all__ = ["STRICT", "Duration", "Name", "Text", "Timezone", "duration"]

STRICT: Final = ConfigDict(extra="forbid")
UNITS: Final = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0}


def duration(value: object) -> timedelta:
    """Read 500ms, 1s, 2h or 7d; ValueError for anything else."""
    match = re.fullmatch(r"(\d+(?:\.\d+)?)(ms|s|m|h|d)", str(value).strip())
    if not match:
        raise ValueError(f"{value!r} is not a duration such as 500ms, 1s, 2h or 7d")
    return timedelta(seconds=float(match[1]) * UNITS[match[2]])


def _timezone(value: str) -> str:
    try:
        ZoneInfo(value)
    except (ZoneInfoNotFoundError, ValueError) as error:
        raise ValueError(f"{value!r} is not a time zone such as Europe/Berlin") from error
    return value


Duration = Annotated[timedelta, BeforeValidator(duration)]
Timezone = Annotated[str, AfterValidator(_timezone)]
Name = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9_.-]*$", max_length=100)]
Text = Annotated[str, Field(min_length=1)]
