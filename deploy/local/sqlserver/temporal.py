"""Dates and times as the stand-in keeps them: ISO text that sorts as time does.

A date is `YYYY-MM-DD`, a time `HH:MM:SS.fffffff`, a moment both with a blank between; a
datetimeoffset is the UTC moment, a blank and its offset.
"""

from __future__ import annotations

import re
from datetime import UTC, date, datetime, time, timedelta

from deploy.local.sqlserver.errors import SqlError
from deploy.local.sqlserver.results import SqlType

_TICKS = 10_000_000
_TIME = re.compile(r"^(\d{1,2}):(\d{1,2})(?::(\d{1,2})(?:[.:](\d{1,9}))?)?\s*([AaPp][Mm])?$")
_ZONE = re.compile(r"\s*(Z|[+-]\d{2}:\d{2})$")
_ISO = re.compile(r"^(\d{4})-(\d{1,2})-(\d{1,2})$")
_COMPACT = re.compile(r"^(\d{4})(\d{2})(\d{2})$")
_NUMERIC = re.compile(r"^(\d{1,2})[./-](\d{1,2})[./-](\d{4})$")
_DAY_FIRST = frozenset((103, 104, 105, 3, 4, 5))


def failure() -> SqlError:
    return SqlError(
        241, "Conversion failed when converting date and/or time from character string."
    )


def moment_text(moment: datetime, ticks: int = 0) -> str:
    """Return a moment as it is kept; `ticks` are the 100 ns beyond its microseconds."""
    return f"{moment:%Y-%m-%d %H:%M:%S}.{moment.microsecond:06d}{ticks}".rjust(27, "0")


def offset_text(moment: datetime) -> str:
    shift = moment.utcoffset() or timedelta()
    utc = moment.astimezone(UTC).replace(tzinfo=None)
    return f"{moment_text(utc)} {_shift_text(shift)}"


def _shift_text(shift: timedelta) -> str:
    minutes = int(shift.total_seconds()) // 60
    return f"{'-' if minutes < 0 else '+'}{abs(minutes) // 60:02d}:{abs(minutes) % 60:02d}"


def read_offset(text: str) -> datetime:
    """Return the aware datetime of a datetimeoffset as it is kept."""
    shift = datetime.strptime(text[28:], "%z").tzinfo
    utc = datetime.fromisoformat(text[:27]).replace(tzinfo=UTC)
    return utc.astimezone(shift)


def parse(text: str, style: int = 0) -> tuple[date | None, int, timedelta | None]:
    """Day, 100 ns ticks since midnight and offset of a text; error 241 if it is none."""
    rest = text.strip()
    shift: timedelta | None = None
    zone = _ZONE.search(rest)
    if zone is not None and ":" in rest[: zone.start()]:
        shift = _zone(zone.group(1))
        rest = rest[: zone.start()]
    if not rest:
        return None, 0, shift
    day_text, _, time_text = rest.replace("T", " ", 1).partition(" ")
    if ":" in day_text:
        return None, _ticks(rest), shift
    return _day(day_text, style), _ticks(time_text.strip()) if time_text.strip() else 0, shift


def _zone(text: str) -> timedelta:
    if text == "Z":
        return timedelta()
    shift = timedelta(hours=int(text[1:3]), minutes=int(text[4:]))
    return -shift if text[0] == "-" else shift


def _day(text: str, style: int) -> date:
    try:
        if found := _COMPACT.match(text) or _ISO.match(text):
            return date(int(found[1]), int(found[2]), int(found[3]))
        if found := _NUMERIC.match(text):
            first, second, year = (int(part) for part in found.groups())
            month, day = (second, first) if style in _DAY_FIRST else (first, second)
            return date(year, month, day)
    except ValueError:
        raise failure() from None
    raise failure()


def _ticks(text: str) -> int:
    found = _TIME.match(text)
    if found is None:
        raise failure()
    hours, minutes, seconds = int(found[1]), int(found[2]), int(found[3] or 0)
    if found[5]:
        if not 1 <= hours <= 12:
            raise failure()
        hours = hours % 12 + (12 if found[5].upper() == "PM" else 0)
    if hours > 23 or minutes > 59 or seconds > 59:
        raise failure()
    fraction = int((found[4] or "0").ljust(7, "0")[:7])
    return ((hours * 60 + minutes) * 60 + seconds) * _TICKS + fraction


def ticks_text(ticks: int) -> str:
    seconds, fraction = divmod(ticks, _TICKS)
    return f"{seconds // 3600:02d}:{seconds // 60 % 60:02d}:{seconds % 60:02d}.{fraction:07d}"


def ticks_of(text: str) -> int:
    """Ticks since midnight of a time as it is kept."""
    return ((int(text[0:2]) * 60 + int(text[3:5])) * 60 + int(text[6:8])) * _TICKS + int(text[9:16])


def rounded(day: str, ticks: int, target: SqlType) -> str:
    """Return the moment (or time, where `day` is empty) in the grain of the target type."""
    if target.name == "datetime":
        thirds = (ticks * 300 + _TICKS // 2) // _TICKS
        milliseconds = (thirds * 10 + 1) // 3
        ticks = milliseconds * 10_000
    elif target.name == "smalldatetime":
        ticks = (ticks + 30 * _TICKS) // (60 * _TICKS) * 60 * _TICKS
    else:
        grain = 10 ** (7 - (7 if target.scale is None else target.scale))
        ticks = (ticks + grain // 2) // grain * grain
    if ticks >= 86400 * _TICKS:
        ticks -= 86400 * _TICKS
        if day:
            day = (date.fromisoformat(day) + timedelta(days=1)).isoformat()
    return f"{day} {ticks_text(ticks)}" if day else ticks_text(ticks)


def from_text(text: str, target: SqlType, style: int = 0) -> str:
    """Read a text as a date, a time or a moment of the target type."""
    day, ticks, shift = parse(text, style)
    if target.name == "date":
        return (day or date(1900, 1, 1)).isoformat()
    if target.name == "time":
        return rounded("", ticks, target)
    day = day or date(1900, 1, 1)
    if target.name == "datetimeoffset":
        shift = shift or timedelta()
        local = rounded(day.isoformat(), ticks, target)
        utc = datetime.fromisoformat(local[:26]) - shift
        return f"{moment_text(utc, int(local[26]))} {_shift_text(shift)}"
    if target.name == "datetime" and day.year < 1753:
        raise SqlError(
            242,
            "The conversion of a varchar data type to a datetime data type resulted in an "
            "out-of-range value.",
        )
    return rounded(day.isoformat(), ticks, target)


def _local(text: str) -> str:
    """Return the local moment of a datetimeoffset as it is kept."""
    return moment_text(read_offset(text).replace(tzinfo=None))


def between(text: str, source: SqlType, target: SqlType) -> str:
    """Return a date, time or moment as another one of these types."""
    if source.name == "datetimeoffset" and target.name == "datetimeoffset":
        return text
    if source.name == "datetimeoffset":
        text = _local(text)
    day = "" if source.name == "time" else text[:10]
    clock = text if source.name == "time" else text[11:]
    if target.name == "date":
        return day or "1900-01-01"
    if target.name == "time":
        return rounded("", ticks_of(clock) if clock else 0, target)
    moment = rounded(day or "1900-01-01", ticks_of(clock) if clock else 0, target)
    return f"{moment} +00:00" if target.name == "datetimeoffset" else moment


_FORMATS = {
    101: "%m/%d/%Y",
    103: "%d/%m/%Y",
    104: "%d.%m.%Y",
    105: "%d-%m-%Y",
    108: "%H:%M:%S",
    110: "%m-%d-%Y",
    111: "%Y/%m/%d",
    112: "%Y%m%d",
    23: "%Y-%m-%d",
    20: "%Y-%m-%d %H:%M:%S",
    120: "%Y-%m-%d %H:%M:%S",
}


def to_text(text: str, source: SqlType, style: int | None) -> str:
    """Return a date, time or moment as CONVERT writes it in a style."""
    if style in _FORMATS and source.name != "time":
        moment = _local(text) if source.name == "datetimeoffset" else text
        return datetime.fromisoformat(moment[:19]).strftime(_FORMATS[style])
    if source.name == "date":
        return _default_day(text, style)
    if source.name == "time":
        return _clipped(text, source)
    if source.name == "datetimeoffset":
        return f"{_clipped(_local(text), source)} {text[28:]}"
    if style in (21, 25, 121, 126, 127) or (style in (None, 0) and source.name == "datetime2"):
        clipped = _clipped(text, source)
        return clipped.replace(" ", "T") if style in (126, 127) else clipped
    if style in (None, 0, 100):
        seen = datetime.fromisoformat(text[:19])
        hour = f"{seen.hour % 12 or 12}".rjust(2)
        return f"{seen:%b} {seen.day:>2} {seen.year} {hour}:{seen:%M%p}"
    raise SqlError(
        281, f"{style} is not a valid style number when converting from datetime to a string."
    )


def _default_day(text: str, style: int | None) -> str:
    if style in (None, 0, 21, 25, 121, 126, 127):
        return text
    if style == 100:
        day = date.fromisoformat(text)
        return f"{day:%b} {day.day:>2} {day.year}"
    raise SqlError(
        281, f"{style} is not a valid style number when converting from date to a string."
    )


def _clipped(text: str, source: SqlType) -> str:
    scale = {"datetime": 3, "smalldatetime": 0}.get(source.name, source.scale)
    scale = 7 if scale is None else scale
    whole, _, fraction = text.partition(".")
    return f"{whole}.{fraction[:scale]}" if scale else whole


def time_value(text: str) -> time:
    return time.fromisoformat(text[:15])
