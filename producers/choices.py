"""What a reviewer sets by hand: `KARTEI=KARTEI_X7K`, `KARTEI.BEMERKUNG=NOTIZ_X9`, `….live=J,1`."""

from __future__ import annotations

import difflib
from collections.abc import Iterable
from collections.abc import Mapping as Dict
from dataclasses import dataclass, field, replace

from producers import canonical
from producers.mapping import Mapping
from schemas.errors import BadInput

__all__ = ["Choices", "apply_live", "parse"]


@dataclass(frozen=True, slots=True)
class Choices:
    """Names by schema, TABLE or TABLE.COLUMN, and the live values of flags by TABLE."""

    names: Dict[str, str] = field(default_factory=dict)
    live: Dict[str, tuple[str | None, ...] | None] = field(default_factory=dict)


def points() -> list[str]:
    """Give everything that can be set."""
    flags = [f"{table}.DELKZ.live" for table in canonical.TABLES]
    columns = [f"{table}.{column}" for table, column in canonical.columns()]
    return ["schema", *canonical.TABLES, *columns, *flags]


def parse(settings: Iterable[str]) -> Choices:
    """Read what `--set` was given, or say which point does not exist."""
    names: dict[str, str] = {}
    live: dict[str, tuple[str | None, ...] | None] = {}
    known = points()
    given: dict[str, str] = {}
    for setting in settings:
        point, equals, value = setting.partition("=")
        if not equals or not value:
            raise BadInput(
                f"--set {setting!r} is no POINT=NAME", hint="--set KARTEI.DATUM=DATUM_7M"
            )
        if point not in known:
            near = difflib.get_close_matches(point, known, n=1, cutoff=0.4)
            also = f"; did you mean {near[0]}?" if near else ""
            raise BadInput(
                f"--set: there is no {point}{also}", hint="chartfeed show-mapping CENTER"
            )
        if given.setdefault(point, value) != value:
            raise BadInput(
                f"--set: {point} is given twice, as {given[point]} and as {value}",
                hint=f"keep one {point}",
            )
        if point.endswith(".live"):
            live[point.partition(".")[0]] = _live(value)
        else:
            names[point] = value
    return Choices(names, live)


def _live(value: str) -> tuple[str | None, ...] | None:
    """Read J,1 or 0,NULL; `usual` is the usual 0, NULL or false."""
    if value == "usual":
        return None
    given = [part.strip().upper() for part in value.split(",")]
    return tuple(None if part == "NULL" else part for part in given)


def apply_live(mapping: Mapping, choices: Choices) -> Mapping:
    """Give the mapping with the flags' values as they were chosen."""
    tables = dict(mapping.tables)
    for table, live in choices.live.items():
        columns = dict(tables[table].columns)
        columns["DELKZ"] = replace(columns["DELKZ"], live=live)
        tables[table] = replace(tables[table], columns=columns)
    return replace(mapping, tables=tables)
