"""Links between tables: which column's values are another table's ids."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from producers.catalog import Column, Table
from producers.discovery.evidence import Evidence

__all__ = ["Found", "Link", "Links", "evidence", "linkable"]


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


def linkable(column: Column, key: Column) -> bool:
    """Tell whether a column can hold the ids of `key` as far as types go."""
    comparable = {"number", "text"}
    return (
        column.family == key.family or {column.family, key.family} <= comparable
    ) and column.family in {"number", "text", "uuid"}


def evidence(link: Link, found: Found | None) -> Evidence | None:
    """Say what the answer is worth."""
    if found is None or not found.asked:
        return None
    text = f"{found.share:.0%} of {found.asked:,} values found in {link.parent}.{link.key}"
    if found.share >= 0.9:
        return Evidence(text, 0.6)
    if found.share >= 0.5:
        return Evidence(text, 0.1)
    return Evidence(text, -0.5)


def key_of(table: Table) -> Column | None:
    """Give the only column of a table's primary key."""
    return table.column(table.primary_key[0]) if len(table.primary_key) == 1 else None
