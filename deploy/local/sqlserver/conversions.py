"""Values as they are kept, converted from one SQL Server type to another.

Kept are: whole numbers and bit as int, decimal and money as canonical text, float and real as
float, text as str, binary as bytes, dates and times as temporal.py says, uniqueidentifier as
upper-case text.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from decimal import ROUND_HALF_UP, Context, Decimal, InvalidOperation
from functools import lru_cache
from typing import Any, TypeAlias

from deploy.local.sqlserver import temporal
from deploy.local.sqlserver.errors import SqlError
from deploy.local.sqlserver.results import SqlType
from deploy.local.sqlserver.translation.precedence import (
    APPROXIMATE,
    BYTES,
    EXACT,
    INTEGERS,
    NATIONAL,
    RANGES,
    TEMPORAL,
    TEXT,
    digits,
)

Convert: TypeAlias = Callable[[Any], Any]

_WHOLE = re.compile(r"^\s*[+-]?\d+\s*$")
_GUID = re.compile(r"^\{?([0-9A-Fa-f]{8}(?:-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12})\}?$")
CONTEXT = Context(prec=60, rounding=ROUND_HALF_UP)


@dataclass(frozen=True, slots=True)
class Place:
    """The column a value is stored into; text that does not fit there is error 2628."""

    table: str
    column: str


def overflow(target: SqlType, source: str = "expression") -> SqlError:
    return SqlError(
        8115, f"Arithmetic overflow error converting {source} to data type {target.name}."
    )


def whole(value: int, target: SqlType) -> int:
    """Return a whole number within the range of the target type, else 8115 or 220."""
    if target.name == "bit":
        return 1 if value else 0
    low, high = RANGES[target.name]
    if low <= value <= high:
        return value
    if target.name in ("tinyint", "smallint"):
        raise SqlError(
            220,
            f"Arithmetic overflow error for data type {target.name}, value = {value}.",
        )
    raise overflow(target)


def exact(value: Decimal, target: SqlType) -> str:
    """Return a decimal in the scale of the target type as canonical text, else 8115."""
    precision, scale = digits(target)
    rounded = value.quantize(Decimal(1).scaleb(-scale), context=CONTEXT)
    if rounded.is_zero():
        rounded = abs(rounded)
    elif rounded.adjusted() + 1 > precision - scale:
        raise overflow(target, "numeric" if target.name in EXACT else "expression")
    return format(rounded, "f")


def cp1252(text: str) -> str:
    """Return the text as a Windows-1252 column holds it: what the code page lacks becomes ?."""
    if text.isascii():
        return text
    return text.encode("cp1252", "replace").decode("cp1252", "replace")


def units(text: str) -> int:
    """Return the length of a text in UTF-16 units."""
    if text.isascii():
        return len(text)
    return len(text) + sum(character > "\uffff" for character in text)


def cut(text: str, length: int) -> str:
    """Return the first UTF-16 units of a text; half a character is left out."""
    if units(text) == len(text):
        return text[:length]
    return text.encode("utf-16-le")[: length * 2].decode("utf-16-le", "ignore")


def _conversion_failed(value: str, source: SqlType, target: SqlType) -> SqlError:
    return SqlError(
        245,
        f"Conversion failed when converting the {source.name} value '{value}' "
        f"to data type {target.name}.",
    )


def _to_integer(  # noqa: PLR0911 - one kind of source each
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
    return lambda value: _integer_from_text(value, source, target)


def _signed(raw: bytes, target: SqlType) -> int:
    size = {"bigint": 8, "int": 4, "smallint": 2}.get(target.name, 1)
    raw = raw[-size:].rjust(size, b"\0")
    return int.from_bytes(raw, "big", signed=target.name in ("bigint", "int", "smallint"))


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


def _to_exact(source: SqlType, target: SqlType) -> Convert:
    if source.name in INTEGERS or source.name in EXACT:
        return lambda value: exact(Decimal(value), target)
    if source.name in APPROXIMATE:
        return lambda value: exact(Decimal(repr(value)), target)

    def from_text(value: str) -> str:
        try:
            return exact(Decimal(value.strip().replace(",", "") or "0"), target)
        except InvalidOperation:
            pass
        if target.name == "money":
            raise SqlError(
                235,
                "Cannot convert a char value to money. The char value has incorrect syntax.",
            )
        raise SqlError(8114, f"Error converting data type {source.name} to {target.name}.")

    return from_text


def _to_approximate(source: SqlType, target: SqlType) -> Convert:
    if source.name in TEXT:

        def from_text(value: str) -> float:
            try:
                return float(value.strip() or "0")
            except ValueError:
                pass
            raise SqlError(8114, f"Error converting data type {source.name} to {target.name}.")

        return from_text
    return float


def _plain_text(source: SqlType, style: int | None) -> Convert | None:
    """How a value reads as text, before its length matters; None where it is text already."""
    if source.name in TEXT:
        return None
    if source.name in TEMPORAL:
        return lambda value: temporal.to_text(value, source, style)
    if source.name in ("money", "smallmoney"):
        return lambda value: format(
            Decimal(value).quantize(Decimal("0.0001" if style == 2 else "0.01"), ROUND_HALF_UP), "f"
        )
    if source.name in EXACT or source.name == "uniqueidentifier":
        return str
    if source.name in APPROXIMATE:
        return _float_text
    return str


def _float_text(value: float) -> str:
    """Six significant digits, the way CONVERT writes a float by default."""
    text = f"{value:.6g}"
    if "e" in text:
        mantissa, _, power = text.partition("e")
        return f"{mantissa}e{power[0]}{power[1:].rjust(3, '0')}"
    return text


def _bytes_text(target: SqlType, style: int | None) -> Convert:
    if style in (1, 2):
        prefix = "0x" if style == 1 else ""
        return lambda value: prefix + value.hex().upper()
    encoding = "utf-16-le" if target.name in NATIONAL else "cp1252"
    return lambda value: value.decode(encoding, "replace")


def _to_text(source: SqlType, target: SqlType, style: int | None, place: Place | None) -> Convert:
    read = _bytes_text(target, style) if source.name in BYTES else _plain_text(source, style)
    length = -1 if target.length is None else target.length
    narrow = target.name not in NATIONAL and (source.name in NATIONAL or source.name in BYTES)
    national = target.name in NATIONAL
    pad = target.name in ("char", "nchar")

    def convert(value: Any) -> str:
        text: str = value if read is None else read(value)
        if narrow:
            text = cp1252(text)
        if 0 <= length < (units(text) if national else len(text)):
            text = _shortened(text, source, target, place)
        return text.ljust(length) if pad else text

    return convert


def _shortened(text: str, source: SqlType, target: SqlType, place: Place | None) -> str:
    length = target.length or 1
    kept = cut(text, length)
    if place is not None and source.name in TEXT | BYTES:
        if not text[len(kept) :].strip(" "):
            return kept
        raise truncated(place, kept)
    if source.name in INTEGERS:
        if target.name in NATIONAL:
            raise overflow(target)
        return "*"
    if source.name in EXACT | APPROXIMATE:
        raise overflow(target, source.name)
    if source.name == "uniqueidentifier":
        raise SqlError(8170, "Insufficient result space to convert uniqueidentifier value to char.")
    return kept


def truncated(place: Place, value: str) -> SqlError:
    return SqlError(
        2628,
        f"String or binary data would be truncated in table '{place.table}', "
        f"column '{place.column}'. Truncated value: '{value}'.",
    )


def _to_bytes(source: SqlType, target: SqlType, style: int | None, place: Place | None) -> Convert:
    length = -1 if target.length is None else target.length

    def raw(value: Any) -> bytes:
        if source.name in BYTES:
            return bytes(value)
        if source.name in TEXT:
            if style in (1, 2):
                return bytes.fromhex(value.removeprefix("0x"))
            national = source.name in NATIONAL
            return bytes(value.encode("utf-16-le" if national else "cp1252", "replace"))
        if source.name == "uniqueidentifier":
            return bytes.fromhex(value.replace("-", ""))
        size = {"bigint": 8, "int": 4, "smallint": 2}.get(source.name, 1)
        return int(value).to_bytes(size, "big", signed=size > 1)

    def convert(value: Any) -> bytes:
        found = raw(value)
        if 0 <= length < len(found):
            if source.name in INTEGERS:
                return found[-length:]
            if place is not None:
                raise truncated(place, found[:length].hex())
            found = found[:length]
        return found.ljust(length, b"\0") if target.name == "binary" else found

    return convert


def _to_temporal(source: SqlType, target: SqlType, style: int | None) -> Convert:
    if source.name in TEXT:
        return lambda value: temporal.from_text(value, target, style or 0)
    if source.name in TEMPORAL:
        return lambda value: temporal.between(value, source, target)
    days = date(1900, 1, 1).toordinal()

    def from_number(value: Any) -> str:
        whole_days, rest = divmod(float(value), 1)
        day = date.fromordinal(days + int(whole_days)).isoformat()
        return temporal.rounded(day, round(rest * 864_000_000_000), target)

    return from_number


def _to_guid(source: SqlType, _: SqlType) -> Convert:
    if source.name in BYTES:
        return lambda value: "-".join(
            (
                value.hex()[:8],
                value.hex()[8:12],
                value.hex()[12:16],
                value.hex()[16:20],
                value.hex()[20:32],
            )
        ).upper()

    def from_text(value: str) -> str:
        found = _GUID.match(value.strip())
        if found is None:
            raise SqlError(
                8169,
                "Conversion failed when converting from a character string to uniqueidentifier.",
            )
        return found[1].upper()

    return from_text


def _refuse(source: SqlType, target: SqlType) -> None:
    """Raise 529 for pairs of types between which SQL Server converts nothing."""
    numbers = INTEGERS | EXACT | APPROXIMATE
    pairs = (
        (source.name in numbers and target.name in TEMPORAL - {"datetime", "smalldatetime"})
        or (source.name in TEMPORAL and target.name in numbers)
        or (target.name == "uniqueidentifier" and source.name not in TEXT | BYTES)
        or (source.name == "uniqueidentifier" and target.name not in TEXT | BYTES)
        or (source.name in BYTES and target.name in TEMPORAL | APPROXIMATE | EXACT)
        or (target.name in BYTES and source.name in TEMPORAL | APPROXIMATE | EXACT)
        or ({source.name, target.name} == {"date", "time"})
    )
    if pairs and source.name != target.name:
        raise SqlError(
            529,
            f"Explicit conversion from data type {source.name} to {target.name} is not allowed.",
        )


def _unchanged(source: SqlType, target: SqlType) -> bool:
    if source.name in INTEGERS and target.name in INTEGERS:
        low, high = RANGES[source.name]
        floor, ceiling = RANGES[target.name]
        return target.name != "bit" and floor <= low and high <= ceiling
    if source.name in TEXT and target.name in TEXT:
        if target.name in ("char", "nchar"):
            return source == target
        if target.name == "varchar" and source.name in NATIONAL:
            return False
        return target.length == -1 or 0 < (source.length or 0) <= (target.length or 0)
    if source.name in APPROXIMATE and target.name in APPROXIMATE:
        return True
    return source == target


@lru_cache(maxsize=4096)
def converter(
    source: SqlType,
    target: SqlType,
    style: int | None = None,
    *,
    attempt: bool = False,
    place: Place | None = None,
) -> Convert | None:
    """Return the conversion of kept values, NULL excepted; None where they stay as they are."""
    if _unchanged(source, target):
        return None
    _refuse(source, target)
    convert = _build(source, target, style, place)
    if not attempt:
        return convert

    def tried(value: Any) -> Any:
        try:
            return convert(value)
        except (SqlError, ValueError):
            return None

    return tried


def _build(source: SqlType, target: SqlType, style: int | None, place: Place | None) -> Convert:
    name = target.name
    if name in TEXT:
        return _to_text(source, target, style, place)
    if name in BYTES:
        return _to_bytes(source, target, style, place)
    if name in TEMPORAL:
        return _to_temporal(source, target, style)
    families = (
        (INTEGERS, _to_integer),
        (EXACT, _to_exact),
        (APPROXIMATE, _to_approximate),
    )
    for family, build in families:
        if name in family:
            return build(source, target)
    return _to_guid(source, target)
