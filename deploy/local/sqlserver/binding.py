"""What a value sent in one type becomes as a parameter declared in another."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, datetime, time
from decimal import Decimal, InvalidOperation
from uuid import UUID

from deploy.local.sqlserver.errors import SqlError
from deploy.local.sqlserver.results import SqlType
from deploy.local.sqlserver.types import decode_1252, encode_1252

__all__ = ["converted"]

_EXPECTED: dict[str, type | tuple[type, ...]] = {
    **dict.fromkeys(("tinyint", "smallint", "int", "bigint", "bit"), int),
    **dict.fromkeys(("real", "float"), float),
    **dict.fromkeys(("decimal", "numeric", "money", "smallmoney"), Decimal),
    **dict.fromkeys(("char", "varchar", "text", "nchar", "nvarchar", "ntext"), str),
    **dict.fromkeys(("binary", "varbinary", "image"), bytes),
    **dict.fromkeys(("datetime", "datetime2", "smalldatetime", "datetimeoffset"), datetime),
    "time": time,
    "uniqueidentifier": UUID,
}
_NARROW = {"char", "varchar", "text"}


def converted(declared: SqlType, value: object) -> object:
    """Return the value as one of the declared type; 8114 where it can't be."""
    if value is None:
        return None
    name = declared.name
    if name == "date":
        fits = isinstance(value, date) and not isinstance(value, datetime)
    else:
        fits = isinstance(value, _EXPECTED.get(name, object))
    if not fits:
        value = _converted(declared, value)
    if isinstance(value, str):
        if name in _NARROW:
            value = decode_1252(encode_1252(value))
        if declared.length is not None and declared.length > 0:
            value = value[: declared.length]
    elif isinstance(value, bytes) and declared.length is not None and declared.length > 0:
        value = value[: declared.length]
    return value


def _converted(declared: SqlType, value: object) -> object:
    convert = _CONVERSIONS.get(declared.name)
    try:
        if convert is None:
            raise ValueError(declared.name)  # noqa: TRY301 - the same answer as a failed conversion
        return convert(value)
    except (ValueError, TypeError, InvalidOperation, OverflowError):
        raise SqlError(
            8114, f"Error converting data type {_name(value)} to {declared.name}.", state=5
        ) from None


def _integer(value: object) -> int:
    if isinstance(value, str):
        return int(value.strip() or "0")
    if isinstance(value, int | float | Decimal):
        return int(value)
    raise TypeError(type(value))


def _bit(value: object) -> int:
    if isinstance(value, str) and value.strip().lower() in {"true", "false"}:
        return int(value.strip().lower() == "true")
    return int(_integer(value) != 0)


def _float(value: object) -> float:
    if isinstance(value, int | str | Decimal):
        return float(value)
    raise TypeError(type(value))


def _decimal(value: object) -> Decimal:
    if isinstance(value, int | str):
        return Decimal(value)
    if isinstance(value, float):
        return Decimal(repr(value))
    raise TypeError(type(value))


def _text(value: object) -> str:
    if isinstance(value, int | Decimal | date | time):
        return str(value)
    if isinstance(value, float):
        return f"{value:g}"
    if isinstance(value, UUID):
        return str(value).upper()
    if isinstance(value, bytes):
        return decode_1252(value)
    raise TypeError(type(value))


def _bytes(value: object) -> bytes:
    if isinstance(value, int):
        return value.to_bytes(4, "big", signed=True)
    raise TypeError(type(value))


def _date(value: object) -> date:
    if isinstance(value, datetime):
        return value.date()
    if isinstance(value, str):
        return datetime.fromisoformat(value.strip()).date()
    raise TypeError(type(value))


def _datetime(value: object) -> datetime:
    if isinstance(value, date):
        return datetime(value.year, value.month, value.day)  # noqa: DTZ001 - no zone in SQL
    if isinstance(value, str):
        return datetime.fromisoformat(value.strip())
    raise TypeError(type(value))


def _time(value: object) -> time:
    if isinstance(value, datetime):
        return value.time()
    if isinstance(value, str):
        return time.fromisoformat(value.strip())
    raise TypeError(type(value))


def _uuid(value: object) -> UUID:
    if isinstance(value, str):
        return UUID(value.strip())
    if isinstance(value, bytes):
        return UUID(bytes_le=value)
    raise TypeError(type(value))


_CONVERSIONS: dict[str, Callable[[object], object]] = {
    **dict.fromkeys(("tinyint", "smallint", "int", "bigint"), _integer),
    "bit": _bit,
    **dict.fromkeys(("real", "float"), _float),
    **dict.fromkeys(("decimal", "numeric", "money", "smallmoney"), _decimal),
    **dict.fromkeys(("char", "varchar", "text", "nchar", "nvarchar", "ntext"), _text),
    **dict.fromkeys(("binary", "varbinary", "image"), _bytes),
    **dict.fromkeys(("datetime", "datetime2", "smalldatetime", "datetimeoffset"), _datetime),
    "date": _date,
    "time": _time,
    "uniqueidentifier": _uuid,
}


def _name(value: object) -> str:
    return {str: "nvarchar", int: "int", float: "float", bytes: "varbinary"}.get(
        type(value), type(value).__name__.lower()
    )
