"""Conversions to numbers."""

from __future__ import annotations

import math
import re
from decimal import Decimal, InvalidOperation

from deploy.local.sqlserver.conversions.limits import Convert, exact, whole
from deploy.local.sqlserver.errors import SqlError
from deploy.local.sqlserver.results import SqlType
from deploy.local.sqlserver.translation.precedence import (
    APPROXIMATE,
    BYTES,
    EXACT,
    INTEGERS,
    RANGES,
    TEXT,
)

_WHOLE = re.compile(r"^\s*[+-]?\d+\s*$")


def _conversion_failed(value: str, source: SqlType, target: SqlType) -> SqlError:
    return SqlError(
        245,
        f"Conversion failed when converting the {source.name} value '{value}' "
        f"to data type {target.name}.",
    )


def to_integer(  # noqa: PLR0911 - one kind of source each
    source: SqlType, target: SqlType
) -> Convert:
    if source.name in INTEGERS:
        return lambda value: whole(value, target)
    if source.name in EXACT:
        if target.name == "bit":
            return lambda value: 0 if Decimal(value).is_zero() else 1
        return lambda value: whole(int(Decimal(value)), target)
    if source.name in APPROXIMATE:
        if target.name == "bit":
            return lambda value: 1 if value else 0
        return lambda value: whole(math.trunc(value), target)
    if source.name in BYTES:
        return lambda value: whole(_signed(value[-8:], target), target)
    return _integers_from_text(source, target)


def _signed(raw: bytes, target: SqlType) -> int:
    size = {"bigint": 8, "int": 4, "smallint": 2}.get(target.name, 1)
    raw = raw[-size:].rjust(size, b"\0")
    return int.from_bytes(raw, "big", signed=target.name in ("bigint", "int", "smallint"))


def _integers_from_text(source: SqlType, target: SqlType) -> Convert:
    low, high = RANGES[target.name]

    def convert(value: str) -> int:
        # Nearly all are nothing but digits, and there are many when a practice is loaded.
        if value.isdecimal() and low <= (number := int(value)) <= high:
            return number
        return _integer_from_text(value, source, target)

    return convert


def _integer_from_text(value: str, source: SqlType, target: SqlType) -> int:
    if _WHOLE.match(value):
        number = int(value)
        if target.name == "bit":
            return 1 if number else 0
        low, high = RANGES[target.name]
        if not low <= number <= high:
            if target.name == "bigint":
                raise SqlError(8114, f"Error converting data type {source.name} to bigint.")
            raise SqlError(
                248 if target.name == "int" else 244,
                f"The conversion of the {source.name} value '{value.strip()}' overflowed "
                f"an {target.name} column.",
            )
        return number
    stripped = value.strip().lower()
    if not stripped:
        return 0
    if target.name == "bit" and stripped in ("true", "false"):
        return int(stripped == "true")
    if target.name == "bigint":
        raise SqlError(8114, f"Error converting data type {source.name} to bigint.")
    raise _conversion_failed(value, source, target)


def to_exact(source: SqlType, target: SqlType) -> Convert:
    convert = exact(target)
    if source.name in INTEGERS or source.name in EXACT:
        return lambda value: convert(Decimal(value))
    if source.name in APPROXIMATE:
        return lambda value: convert(Decimal(repr(value)))

    def from_text(value: str) -> str:
        try:
            return convert(Decimal(value.strip().replace(",", "") or "0"))
        except InvalidOperation:
            pass
        if target.name == "money":
            raise SqlError(
                235,
                "Cannot convert a char value to money. The char value has incorrect syntax.",
            )
        raise SqlError(8114, f"Error converting data type {source.name} to {target.name}.")

    return from_text


def to_approximate(source: SqlType, target: SqlType) -> Convert:
    if source.name in TEXT:

        def from_text(value: str) -> float:
            try:
                return float(value.strip() or "0")
            except ValueError:
                pass
            raise SqlError(8114, f"Error converting data type {source.name} to {target.name}.")

        return from_text
    return float
