"""What a type can hold: ranges, scales, lengths, and the errors beyond them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from decimal import ROUND_HALF_UP, Context, Decimal
from typing import Any, TypeAlias

from deploy.local.sqlserver.errors import SqlError
from deploy.local.sqlserver.results import SqlType
from deploy.local.sqlserver.translation.precedence import EXACT, RANGES, digits

Convert: TypeAlias = Callable[[Any], Any]


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


def exact(target: SqlType) -> Callable[[Decimal], str]:
    """Tell how a decimal reads in the scale of the target type, as canonical text; else 8115."""
    precision, scale = digits(target)
    grain, most = Decimal(1).scaleb(-scale), precision - scale

    def convert(value: Decimal) -> str:
        rounded = value.quantize(grain, context=CONTEXT)
        if rounded.is_zero():
            rounded = abs(rounded)
        elif rounded.adjusted() >= most:
            raise overflow(target, "numeric" if target.name in EXACT else "expression")
        return format(rounded, "f")

    return convert


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


def truncated(place: Place, value: str) -> SqlError:
    return SqlError(
        2628,
        f"String or binary data would be truncated in table '{place.table}', "
        f"column '{place.column}'. Truncated value: '{value}'.",
    )
