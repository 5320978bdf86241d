"""Values on their way in (parameters) and out (rows): Python's types outside, kept ones here."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, date, datetime, time
from decimal import Decimal
from typing import Any
from uuid import UUID

from deploy.local.sqlserver import temporal
from deploy.local.sqlserver.results import SqlType


def _kept_time(value: Any) -> object:
    if isinstance(value, time):
        return f"{value:%H:%M:%S}.{value.microsecond:06d}0"
    return value


def _kept_moment(value: Any) -> object:
    if isinstance(value, datetime):
        if value.tzinfo is not None:
            value = value.astimezone(UTC).replace(tzinfo=None)
        return temporal.moment_text(value)
    if isinstance(value, date):
        return f"{value.isoformat()} 00:00:00.0000000"
    return value


def _kept_offset(value: Any) -> object:
    if isinstance(value, datetime):
        aware = value if value.tzinfo is not None else value.replace(tzinfo=UTC)
        return temporal.offset_text(aware)
    return value


def _kept_date(value: Any) -> object:
    return value.isoformat()[:10] if isinstance(value, date) else value


def _kept_decimal(value: Any) -> object:
    return format(Decimal(value), "f")


_KEEP: dict[str, Callable[[Any], object]] = {
    "date": _kept_date,
    "time": _kept_time,
    "datetime": _kept_moment,
    "datetime2": _kept_moment,
    "smalldatetime": _kept_moment,
    "datetimeoffset": _kept_offset,
    "decimal": _kept_decimal,
    "numeric": _kept_decimal,
    "money": _kept_decimal,
    "smallmoney": _kept_decimal,
    "uniqueidentifier": lambda value: str(value).upper(),
    "bit": int,
    "float": float,
    "real": float,
    "binary": bytes,
    "varbinary": bytes,
}


def keeper(type_: SqlType) -> Callable[[Any], object] | None:
    """How a parameter's value is kept; None where it stays as it is. NULL is not for it."""
    return _KEEP.get(type_.name)


def _moment(value: Any) -> datetime:
    return datetime.fromisoformat(value)


_SHOW: dict[str, Callable[[Any], object]] = {
    "date": date.fromisoformat,
    "time": temporal.time_value,
    "datetime": _moment,
    "datetime2": _moment,
    "smalldatetime": _moment,
    "datetimeoffset": temporal.read_offset,
    "decimal": Decimal,
    "numeric": Decimal,
    "money": Decimal,
    "smallmoney": Decimal,
    "uniqueidentifier": UUID,
}
# A whole number that SQLite computed where a float was promised.
_SHOW_NUMBERS: dict[str, Callable[[Any], object]] = {"float": float, "real": float}


def shower(type_: SqlType) -> Callable[[Any], object] | None:
    """How a kept value is shown in a row; None where it stays as it is."""
    return _SHOW.get(type_.name) or _SHOW_NUMBERS.get(type_.name)
