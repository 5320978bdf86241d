"""Which centers a day's files hold through midnight, by what the manifest claims of each."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from stream_app.files.manifest import CenterLine

__all__ = ["Due", "Missing", "dues", "end", "is_through", "missing", "overdue"]

# A record that can't be used: the files lack a row, whatever was applied since.
UNUSABLE = "dead-letter"


@dataclass(frozen=True, slots=True)
class Due:
    """A center that has to be in the day, and when the day ends there."""

    center_id: str
    ends_at: datetime


@dataclass(frozen=True, slots=True)
class Missing:
    """A center that is not complete through the day's end, and the manifest's word for why."""

    center_id: str
    reason: str
    complete_through: datetime | None


def end(day: date, timezone: str) -> datetime:
    """Give the midnight that ends a day in a time zone."""
    following = day + timedelta(days=1)
    return datetime.combine(following, time.min, ZoneInfo(timezone)).astimezone(UTC)


def dues(day: date, timezones: Iterable[tuple[str, str]]) -> tuple[Due, ...]:
    """Give what is due of centers, each given with its time zone."""
    return tuple(Due(center, end(day, timezone)) for center, timezone in timezones)


def is_through(line: CenterLine, ends_at: datetime) -> bool:
    """Tell whether a line claims all of a day that ended then."""
    through = line.complete_through
    return through is not None and through.captured_at >= ends_at and line.behind != UNUSABLE


def missing(wanted: Iterable[Due], lines: Iterable[CenterLine] | None) -> tuple[Missing, ...]:
    """Give the centers that a day lacks, in their order; without lines it has no files."""
    if lines is None:
        return tuple(Missing(due.center_id, "no-files", None) for due in wanted)
    by_id = {line.center_id: line for line in lines}
    found = []
    for due in wanted:
        line = by_id.get(due.center_id)
        if line is None:
            found.append(Missing(due.center_id, "not-in-manifest", None))
        elif not is_through(line, due.ends_at):
            through = line.complete_through
            found.append(
                Missing(
                    due.center_id,
                    line.behind or "not-yet",
                    None if through is None else through.captured_at,
                )
            )
    return tuple(found)


def overdue(
    centers: Iterable[tuple[str, str]],
    lines: Callable[[date], Sequence[CenterLine] | None],
    now: datetime,
) -> dict[str, float]:
    """Give for each center how many seconds ago its yesterday ended; 0 where that is complete.

    Each center comes with its time zone, and `lines` gives what a day's files claim.
    """
    found: dict[str, float] = {}
    claimed: dict[date, Sequence[CenterLine] | None] = {}
    for center, timezone in centers:
        yesterday = now.astimezone(ZoneInfo(timezone)).date() - timedelta(days=1)
        if yesterday not in claimed:
            claimed[yesterday] = lines(yesterday)
        due = Due(center, end(yesterday, timezone))
        lacks = missing((due,), claimed[yesterday])
        found[center] = (now - due.ends_at).total_seconds() if lacks else 0.0
    return found
