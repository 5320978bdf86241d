"""Conversions to text."""

from __future__ import annotations

from decimal import ROUND_HALF_UP, Decimal
from typing import Any

from deploy.local.sqlserver import temporal
from deploy.local.sqlserver.conversions.limits import (
    Convert,
    Place,
    cp1252,
    cut,
    overflow,
    truncated,
    units,
)
from deploy.local.sqlserver.errors import SqlError
from deploy.local.sqlserver.results import SqlType
from deploy.local.sqlserver.translation.precedence import (
    APPROXIMATE,
    BYTES,
    EXACT,
    INTEGERS,
    NATIONAL,
    TEMPORAL,
    TEXT,
)


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


def to_text(source: SqlType, target: SqlType, style: int | None, place: Place | None) -> Convert:
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
