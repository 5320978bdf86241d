"""How text compares: case-insensitive for every letter, accents count, trailing blanks don't."""

from __future__ import annotations

import unicodedata
from decimal import Decimal
from functools import lru_cache

import apsw


@lru_cache(maxsize=65536)
def sort_key(text: str) -> tuple[str, str]:
    """Tell what a text sorts by: its letters without accents and case, then the accents."""
    folded = text.rstrip(" ").casefold()
    if folded.isascii():
        return folded, ""
    taken_apart = unicodedata.normalize("NFD", folded)
    letters = "".join(mark for mark in taken_apart if not unicodedata.combining(mark))
    return letters, unicodedata.normalize("NFC", folded)


def compare(left: str, right: str) -> int:
    if left == right:
        return 0
    first, second = sort_key(left), sort_key(right)
    return (first > second) - (first < second)


def compare_with_case(left: str, right: str) -> int:
    """Return the order of a _CS_AS collation: as `compare`, lower case before upper."""
    found = compare(left, right)
    if found:
        return found
    first, second = left.rstrip(" ").swapcase(), right.rstrip(" ").swapcase()
    return (first > second) - (first < second)


def compare_decimals(left: str, right: str) -> int:
    if left == right:
        return 0
    first, second = Decimal(left), Decimal(right)
    return (first > second) - (first < second)


def compare_guids(left: str, right: str) -> int:
    """Return SQL Server's own order: the last six bytes first, then group by group to the left."""
    first, second = guid_key(left), guid_key(right)
    return (first > second) - (first < second)


@lru_cache(maxsize=65536)
def guid_key(text: str) -> str:
    """Tell what a uniqueidentifier sorts by, its first three groups byte by byte from their end."""
    one, two, three, four, five = text.split("-")
    return five + four + _reversed(three) + _reversed(two) + _reversed(one)


def _reversed(group: str) -> str:
    return bytes.fromhex(group)[::-1].hex().upper()


def register(db: apsw.Connection) -> None:
    db.create_collation("MSSQL", compare)
    db.create_collation("MSSQL_CS", compare_with_case)
    db.create_collation("DECIMAL", compare_decimals)
    db.create_collation("GUID", compare_guids)
