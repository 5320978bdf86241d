"""Links between tables: which column's values are another table's ids."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from producers.catalog import Column, Table
from producers.discovery.evidence import Evidence
from producers.discovery.profiles import Profile

__all__ = ["Found", "Link", "Links", "alike", "coverage", "evidence", "key_of", "linkable"]


@dataclass(frozen=True, slots=True, order=True)
class Link:
    """The question whether a child's column holds a parent's ids."""

    schema: str
    child: str
    column: str
    parent: str
    key: str


@dataclass(frozen=True, slots=True)
class Found:
    """How many of the asked values the parent has."""

    asked: int
    found: int

    @property
    def share(self) -> float:
        return self.found / self.asked if self.asked else 0.0


Links = Mapping[Link, Found]
MANY = 250
FEW = 20


def linkable(column: Column, key: Column) -> bool:
    """Tell whether a column can hold the ids of `key` as far as types go."""
    comparable = {"number", "text"}
    return (
        column.family == key.family or {column.family, key.family} <= comparable
    ) and column.family in {"number", "text", "uuid"}


def evidence(link: Link, found: Found | None, *, alike: bool = True) -> Evidence | None:
    """Say what the answer is worth; less where a text column would refer to numbers."""
    if found is None or not found.asked:
        return None
    text = f"{100 * found.share:.0f} % of {found.asked:,} values found in {link.parent}.{link.key}"
    if found.share >= 0.97:
        return Evidence(text, 0.6 if alike else 0.3)
    if found.share >= 0.9:
        return Evidence(text, 0.4 if alike else 0.2)
    if found.share >= 0.5:
        return Evidence(text, 0.1)
    return Evidence(text, -0.5)


def alike(child: Table, column: str, parent: Table) -> bool:
    """Tell whether a column and the parent's key hold the same sort of values."""
    own, key = child.column(column), key_of(parent)
    return own is not None and key is not None and own.family == key.family


def coverage(profile: Profile, parent: Table, *, many: bool) -> Evidence:
    """Say how many different ids a sample names; a table about all patients names `many` of them.

    A number from 1 to 9 is found in any table's ids; that it names few of them gives it away.
    """
    expected = min(parent.rows, MANY) if many else min(parent.rows, profile.given, FEW)
    share = min(1.0, profile.distinct / max(1, expected))
    text = f"{profile.distinct:,} different values for {parent.rows:,} rows of {parent.name}"
    return Evidence(text, 0.75 * share)


def key_of(table: Table) -> Column | None:
    """Give the only column of a table's primary key."""
    return table.column(table.primary_key[0]) if len(table.primary_key) == 1 else None
