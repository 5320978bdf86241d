"""Days: the one place where YYYYMMDD is read and written."""

from __future__ import annotations

from datetime import UTC, date, datetime

from schemas.errors import SkipRecord

__all__ = ["iso", "moment", "parse", "utc", "yyyymmdd"]

EIGHT_DIGITS = range(1000_00_00, 10000_00_00)


def parse(value: int | str | None) -> date:
    """Read 20220118 or '20220118' as a day of the calendar.

    Anything else raises SkipRecord: `missing-date` for NULL or blank, `invalid-date` for a day
    that does not exist (20240230) or a value of another form.
    """
    if type(value) is int:
        number = value
    elif value is None:
        raise SkipRecord("no date is given", reason="missing-date")
    else:
        # varchar comparisons at the source ignore trailing blanks; nothing else is forgiven.
        text = str(value).rstrip(" ")
        if not text:
            raise SkipRecord("no date is given", reason="missing-date")
        if len(text) != 8 or not (text.isascii() and text.isdigit()):
            raise SkipRecord(f"{value!r} is no date as YYYYMMDD", reason="invalid-date")
        number = int(text)
    if number not in EIGHT_DIGITS:
        raise SkipRecord(f"{value!r} is no date as YYYYMMDD", reason="invalid-date")
    try:
        return date(number // 10000, number // 100 % 100, number % 100)
    except ValueError:
        raise SkipRecord(f"{value!r} is no day of the calendar", reason="invalid-date") from None


def yyyymmdd(day: date) -> int:
    """Give the day as the sources write it, as a number."""
    return day.year * 10000 + day.month * 100 + day.day


def iso(text: str) -> date:
    """Read 2022-01-18, as people and topics write a day; ValueError for anything else."""
    day = date.fromisoformat(text)
    if day.isoformat() != text:
        raise ValueError(f"{text!r} is no date as YYYY-MM-DD")
    return day


def utc(moment: datetime) -> str:
    """Give a moment as files and commands write it: 2022-01-18T12:00:00.000000Z."""
    text = moment.astimezone(UTC).isoformat(timespec="microseconds")
    return text.removesuffix("+00:00") + "Z"


def moment(text: str) -> datetime:
    """Read what `utc` writes, and any other ISO 8601 moment with its offset from UTC."""
    value = datetime.fromisoformat(text)
    if value.tzinfo is None:
        raise ValueError(f"{text!r} does not say its offset from UTC")
    return value.astimezone(UTC)
