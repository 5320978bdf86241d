"""The seven checks on a day, and what they say together."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from statistics import median
from typing import Any, Final, Literal

import orjson

from stream_app.closing.content import Row
from stream_app.closing.sense import DuplicatesCheck, ReferencesCheck, ValuesCheck
from stream_app.closing.shape import DatesCheck, NullsCheck, TypesCheck
from stream_app.closing.tally import Finding, RowCheck
from stream_app.closing.thresholds import Checks, Rows

__all__ = ["CenterRows", "Outcome", "Seen", "row_counts", "run"]

NAMES: Final = ("rows", "nulls", "dates", "duplicates", "references", "types", "values")
Result = Literal["ok", "warn", "stop", "off"]


@dataclass(frozen=True, slots=True)
class Outcome:
    """What one check says: `ok`, or its action where it found something, or `off`."""

    name: str
    action: str
    result: Result
    findings: tuple[Finding, ...] = ()


@dataclass(frozen=True, slots=True)
class CenterRows:
    """A center's rows of the day: how many, and a hash over all of them."""

    center_id: str
    record_count: int
    sha256: str


@dataclass(frozen=True, slots=True)
class Seen:
    """What one pass over the rows gives."""

    outcomes: tuple[Outcome, ...]
    tallies: tuple[CenterRows, ...]

    @property
    def counts(self) -> Counter[str]:
        return Counter({one.center_id: one.record_count for one in self.tallies})


def row_counts(
    given: Rows, counts: Mapping[str, int], usual: Mapping[str, Sequence[int]]
) -> list[Finding]:
    """Give the centers whose rows are far fewer, or far more, than the median of earlier days."""
    found = []
    for center, count in sorted(counts.items()):
        earlier = usual.get(center, ())
        if len(earlier) < given.known:
            continue
        middle = median(earlier)
        if abs(count - middle) <= given.margin:
            continue
        if count < given.low * middle:
            found.append(Finding(center, "fewer rows than usual", count, round(middle)))
        elif count > given.high * middle:
            found.append(Finding(center, "more rows than usual", count, round(middle)))
    return found


def run(
    given: Checks,
    day: date,
    rows: Iterable[Row],
    names: Mapping[str, str],
    usual: Mapping[str, Sequence[int]],
) -> Seen:
    """Show all rows to all checks; `names` are the centers that are due, by their ids."""
    wanted: dict[str, RowCheck] = {
        "nulls": NullsCheck(given.nulls),
        "dates": DatesCheck(day),
        "duplicates": DuplicatesCheck(given.duplicates),
        "references": ReferencesCheck(given.references),
        "types": TypesCheck(),
        "values": ValuesCheck(given.values, names),
    }
    wanted = {name: one for name, one in wanted.items() if _action(given, name) != "off"}
    counts: Counter[str] = Counter(dict.fromkeys(names, 0))
    hashes: dict[str, Any] = {}
    for number, row in enumerate(rows, 1):
        center = str(row.get("center_id"))
        counts[center] += 1
        hashes.setdefault(center, hashlib.sha256()).update(orjson.dumps(row, default=str))
        for check in wanted.values():
            check.see(row, number)
    found = {name: check.found() for name, check in wanted.items()}
    if given.rows.action != "off":
        found["rows"] = row_counts(given.rows, counts, usual)
    nothing = hashlib.sha256()
    tallies = tuple(
        CenterRows(center, count, hashes.get(center, nothing).hexdigest())
        for center, count in sorted(counts.items())
    )
    return Seen(tuple(_outcome(given, name, found.get(name)) for name in NAMES), tallies)


def _action(given: Checks, name: str) -> str:
    return str(getattr(given, name).action)


def _outcome(given: Checks, name: str, findings: list[Finding] | None) -> Outcome:
    action = _action(given, name)
    if findings is None:
        return Outcome(name, action, "off")
    if not findings:
        return Outcome(name, action, "ok")
    return Outcome(name, action, "stop" if action == "stop" else "warn", tuple(findings))
