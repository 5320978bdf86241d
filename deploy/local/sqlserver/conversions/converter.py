"""The conversion between two types, found once for each pair."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

from deploy.local.sqlserver.conversions.binary import to_bytes, to_guid
from deploy.local.sqlserver.conversions.limits import Convert, Place
from deploy.local.sqlserver.conversions.moments import to_temporal
from deploy.local.sqlserver.conversions.numbers import to_approximate, to_exact, to_integer
from deploy.local.sqlserver.conversions.text import to_text
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
)


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
        return to_text(source, target, style, place)
    if name in BYTES:
        return to_bytes(source, target, style, place)
    if name in TEMPORAL:
        return to_temporal(source, target, style)
    families = (
        (INTEGERS, to_integer),
        (EXACT, to_exact),
        (APPROXIMATE, to_approximate),
    )
    for family, build in families:
        if name in family:
            return build(source, target)
    return to_guid(source, target)
