"""Arithmetic with dates and times as they are kept."""

from __future__ import annotations

import calendar
from collections.abc import Callable
from datetime import date, datetime, timedelta

from deploy.local.sqlserver import temporal
from deploy.local.sqlserver.errors import SqlError
from deploy.local.sqlserver.results import SqlType

_SECONDS = {"week": 604800, "hour": 3600, "minute": 60, "second": 1}
_MONTHS = {"year": 12, "quarter": 3, "month": 1}
_MICROSECONDS = {"millisecond": 1000, "microsecond": 1}


def _overflow() -> SqlError:
    return SqlError(517, "Adding a value to a 'datetime' column caused an overflow.")


def date_added(part: str, number: int, text: str | None, name: str) -> str | None:
    """DATEADD: the moment moved, in the form it had."""
    if text is None or number is None:
        return None
    if name == "datetimeoffset":
        moved = date_added(part, number, text[:27], "datetime2")
        return f"{moved}{text[27:]}"
    if name == "time":
        return str(date_added(part, number, f"2000-01-01 {text}", "datetime2"))[11:]
    moment = datetime.fromisoformat(text[:26])
    ticks = int(text[26]) if len(text) > 26 else 0
    try:
        if part in _MONTHS:
            moment = _months_added(moment, number * _MONTHS[part])
        elif part in ("day", "dayofyear", "weekday"):
            moment += timedelta(days=number)
        elif part in _SECONDS:
            moment += timedelta(seconds=number * _SECONDS[part])
        elif part == "nanosecond":
            carried, ticks = divmod(ticks + number // 100, 10)
            moment += timedelta(microseconds=carried)
        else:
            moment += timedelta(microseconds=number * _MICROSECONDS[part])
    except (OverflowError, ValueError):
        raise _overflow() from None
    if name == "date":
        return moment.date().isoformat()
    moved = temporal.moment_text(moment, ticks)
    return temporal.between(moved, SqlType("datetime2", scale=7), SqlType(name, scale=7))


def _months_added(moment: datetime, months: int) -> datetime:
    year, month = divmod(moment.year * 12 + moment.month - 1 + months, 12)
    day = min(moment.day, calendar.monthrange(year, month + 1)[1])
    return moment.replace(year=year, month=month + 1, day=day)


def date_difference(part: str, start: str | None, end: str | None) -> int | None:
    """DATEDIFF: how many borders of the part lie between two moments."""
    if start is None or end is None:
        return None
    first, second = (datetime.fromisoformat(text[:26]) for text in (start, end))
    if part in _MONTHS:
        months = _MONTHS[part]
        return (second.year * 12 + second.month - 1) // months - (
            first.year * 12 + first.month - 1
        ) // months
    days = second.toordinal() - first.toordinal()
    if part in ("day", "dayofyear", "weekday"):
        return days
    if part == "week":
        return second.toordinal() // 7 - first.toordinal() // 7
    ticks = days * 864_000_000_000 + temporal.ticks_of(end[11:]) - temporal.ticks_of(start[11:])
    if part == "nanosecond":
        return ticks * 100
    grain = {"hour": 36_000_000_000, "minute": 600_000_000, "second": 10_000_000}
    grain |= {"millisecond": 10_000, "microsecond": 10}
    size = grain[part]
    begin = temporal.ticks_of(start[11:])
    return (begin + ticks) // size - begin // size


_PARTS: dict[str, Callable[[datetime], int]] = {
    "year": lambda moment: moment.year,
    "quarter": lambda moment: (moment.month + 2) // 3,
    "month": lambda moment: moment.month,
    "day": lambda moment: moment.day,
    "dayofyear": lambda moment: moment.timetuple().tm_yday,
    "weekday": lambda moment: moment.isoweekday() % 7 + 1,
    "week": lambda moment: (
        (moment.timetuple().tm_yday + date(moment.year, 1, 1).isoweekday() % 7 - 1) // 7 + 1
    ),
    "iso_week": lambda moment: moment.isocalendar().week,
    "hour": lambda moment: moment.hour,
    "minute": lambda moment: moment.minute,
    "second": lambda moment: moment.second,
    "millisecond": lambda moment: moment.microsecond // 1000,
    "microsecond": lambda moment: moment.microsecond,
}


def date_part(part: str, text: str | None) -> int | None:
    if text is None:
        return None
    if part == "nanosecond":
        return int(text[20:27]) * 100
    return _PARTS[part](datetime.fromisoformat(text[:26]))


def date_name(part: str, text: str | None) -> str | None:
    if text is None:
        return None
    moment = datetime.fromisoformat(text[:26])
    if part == "month":
        return f"{moment:%B}"
    if part == "weekday":
        return f"{moment:%A}"
    return str(date_part(part, text))


def days_added(text: str | None, days: float | None) -> str | None:
    """Return a datetime plus a number of days, fractions included."""
    if text is None or days is None:
        return None
    moment = datetime.fromisoformat(text[:26]) + timedelta(days=days)
    return temporal.rounded(
        moment.date().isoformat(),
        temporal.ticks_of(temporal.moment_text(moment)[11:]),
        SqlType("datetime"),
    )


def date_from_parts(year: int | None, month: int | None, day: int | None) -> str | None:
    if year is None or month is None or day is None:
        return None
    try:
        return date(year, month, day).isoformat()
    except ValueError:
        pass
    raise SqlError(
        289,
        "Cannot construct data type date, some of the arguments have values which are not valid.",
    )


def end_of_month(text: str | None) -> str | None:
    if text is None:
        return None
    day = date.fromisoformat(text[:10])
    return day.replace(day=calendar.monthrange(day.year, day.month)[1]).isoformat()
