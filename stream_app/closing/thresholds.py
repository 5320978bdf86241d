"""What the configuration says of the checks on a day: what each does, and from where on."""

from __future__ import annotations

import re
from dataclasses import field
from typing import Annotated, Final, Literal

from pydantic import AfterValidator, BeforeValidator, ConfigDict, Field
from pydantic.dataclasses import dataclass

__all__ = [
    "Action",
    "Checks",
    "Dates",
    "Duplicates",
    "Nulls",
    "References",
    "Rows",
    "Types",
    "Values",
]

STRICT: Final = ConfigDict(extra="forbid")


def _off(value: object) -> object:
    """Take YAML's word: `off` without quotes is a false there."""
    return "off" if value is False else value


def _pattern(value: str) -> str:
    try:
        re.compile(value)
    except re.error as error:
        raise ValueError(f"{value!r} is no regular expression: {error}") from error
    return value


Action = Annotated[Literal["stop", "warn", "off"], BeforeValidator(_off)]
Share = Annotated[float, Field(ge=0, le=1)]
Count = Annotated[int, Field(ge=0)]
Pattern = Annotated[str, AfterValidator(_pattern)]


@dataclass(frozen=True, slots=True, config=STRICT)
class Rows:
    """A center's rows against the median of the same weekday."""

    action: Action = "warn"
    weeks: Annotated[int, Field(ge=1, le=104)] = 8
    known: Annotated[int, Field(ge=1, le=104)] = 3
    low: Annotated[float, Field(ge=0, le=1)] = 0.5
    high: Annotated[float, Field(ge=1)] = 2.0
    margin: Count = 10


@dataclass(frozen=True, slots=True, config=STRICT)
class Nulls:
    """What every row has to have, and how many texts may be empty."""

    action: Action = "stop"
    texts: Share = 0.5
    margin: Count = 10


@dataclass(frozen=True, slots=True, config=STRICT)
class Dates:
    """Every row is of the day, and the day is what the file says."""

    action: Action = "stop"


@dataclass(frozen=True, slots=True, config=STRICT)
class Duplicates:
    """Rows that are the same in everything; a few are usual, for an entry may be made twice."""

    action: Action = "warn"
    share: Share = 0.1
    margin: Count = 10


@dataclass(frozen=True, slots=True, config=STRICT)
class References:
    """How many rows find their patient's insurer, and their services."""

    action: Action = "warn"
    insurers: Share = 0.5
    services: Share = 0.1
    rows: Count = 20


@dataclass(frozen=True, slots=True, config=STRICT)
class Types:
    """Every column has its type, and a center's patients are all numbers or all texts."""

    action: Action = "stop"


@dataclass(frozen=True, slots=True, config=STRICT)
class Values:
    """What a column may say: statuses, known centers, codes, readable texts."""

    action: Action = "warn"
    codes: Pattern = r"[0-9A-Za-zÄÖÜäöü./-]{1,12}"


@dataclass(frozen=True, slots=True, config=STRICT)
class Checks:
    rows: Rows = field(default_factory=Rows)
    nulls: Nulls = field(default_factory=Nulls)
    dates: Dates = field(default_factory=Dates)
    duplicates: Duplicates = field(default_factory=Duplicates)
    references: References = field(default_factory=References)
    types: Types = field(default_factory=Types)
    values: Values = field(default_factory=Values)
