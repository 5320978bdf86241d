"""Ids as they travel: one type per role and center, and one order everywhere."""

from __future__ import annotations

from decimal import Decimal
from enum import StrEnum
from typing import TYPE_CHECKING, TypeAlias
from uuid import UUID

from schemas.errors import SkipRecord

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["Id", "IdType", "Role", "normalise", "normaliser", "sort_key"]

Id: TypeAlias = int | str

LONGEST = 2**63


class Role(StrEnum):
    """What an id names; every column that holds a role's ids has the role's type."""

    PATIENT = "patient"
    INSURER = "insurer"
    ENTRY = "entry"
    SERVICE = "service"
    LINK = "link"


class IdType(StrEnum):
    """How a center's ids of one role travel: as numbers where every column converts."""

    INTEGER = "integer"
    TEXT = "text"


def sort_key(value: Id) -> tuple[int, int, bytes]:
    """Order ids: integers before texts, integers by value, texts by their UTF-8 bytes."""
    if isinstance(value, int):
        return (0, value, b"")
    return (1, 0, value.encode("utf-8", "surrogatepass"))


def normalise(value: object, kind: IdType) -> Id | None:
    """Give an id its role's type, or None where the source has none (NULL or blank).

    So '17 ' in one table meets 17 in another. An id that its role's type can't hold raises
    SkipRecord with the reason `invalid-id`.
    """
    if value is None:
        return None
    if kind is IdType.INTEGER:
        return _integer(value)
    return _text(value)


def normaliser(kind: IdType) -> Callable[[object], Id | None]:
    """Give `normalise` for one type, for loops over many rows."""
    return _optional_integer if kind is IdType.INTEGER else _optional_text


def _optional_integer(value: object) -> int | None:
    # The usual case first: these run for every id of every row.
    if type(value) is int and -LONGEST <= value < LONGEST:
        return value
    return None if value is None else _integer(value)


def _optional_text(value: object) -> str | None:
    return None if value is None else _text(value)


def _integer(value: object) -> int | None:
    match value:
        case bool():
            number = None
        case int():
            number = value
        case Decimal():
            number = int(value) if value.is_finite() and value == value.to_integral() else None
        case str():
            text = value.strip()
            if not text:
                return None
            digits = text[1:] if text[0] in "+-" else text
            number = int(text) if digits.isascii() and digits.isdigit() else None
        case _:
            number = None
    if number is None or not -LONGEST <= number < LONGEST:
        raise SkipRecord(f"{value!r} is no integer id", reason="invalid-id")
    return number


def _text(value: object) -> str | None:
    match value:
        case str():
            text = value.rstrip(" ")
        case UUID():
            text = str(value).upper()
        case bool():
            raise SkipRecord(f"{value!r} is no id", reason="invalid-id")
        case int():
            text = str(value)
        case Decimal() if value.is_finite():
            text = f"{value:f}"
        case _:
            raise SkipRecord(f"{value!r} is no id", reason="invalid-id")
    return text or None
