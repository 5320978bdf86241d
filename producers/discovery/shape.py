"""What the catalog alone tells: which tables could be which, before a value is read."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from producers import canonical
from producers.canonical import Kind
from producers.catalog import Catalog, Table
from producers.discovery import fitness, names
from producers.discovery.names import Match

__all__ = ["Named", "fits", "found_by_name", "likely", "named", "rows_of_all"]

Learned = Callable[[str, str | None], frozenset[str]]
WIDEST = 60
PATKASSE_WIDEST = 20
MOST_OF_A_ROLE = 10


@dataclass(frozen=True, slots=True)
class Named:
    """A table whose name and shape make it possible; `found` is the share of columns by name."""

    table: Table
    match: Match
    found: float


def fits(role: str, table: Table) -> bool:
    """Tell whether each required column has a column of its own that can hold it."""
    kinds = [column.kind for column in canonical.TABLES[role].values() if column.required]
    options = [
        {column.name for column in table.columns if fitness.can_hold(kind, column)}
        for kind in sorted(kinds, key=_strictness)
    ]
    return _assignable(options, frozenset())


def _strictness(kind: Kind) -> int:
    return list(Kind).index(kind)


def _assignable(options: list[set[str]], used: frozenset[str]) -> bool:
    """Tell whether every set can give a name of its own (augmenting paths)."""
    owner: dict[str, int] = {}

    def place(at: int, seen: set[str]) -> bool:
        for name in sorted(options[at] - seen - used):
            seen.add(name)
            if name not in owner or place(owner[name], seen):
                owner[name] = at
                return True
        return False

    return all(place(at, set()) for at in range(len(options)))


def found_by_name(role: str, table: Table, learned: Learned) -> float:
    """Give the share of a role's telling columns that names find; ID and DELKZ tell little."""
    telling = [key for key in canonical.TABLES[role] if key not in {"ID", "DELKZ"}]
    hits = sum(
        any(
            names.column_matches(column.name, role, key, learned(role, key)) < Match.NONE
            for column in table.columns
        )
        for key in telling
    )
    return hits / len(telling)


def named(role: str, catalog: Catalog, learned: Learned) -> list[Named]:
    """Give the tables whose names speak for a role and whose types allow it."""
    words = learned(role, None)
    result = []
    for table in catalog.tables:
        match = names.table_matches(table.name, role, words)
        if match is Match.NONE or not fits(role, table):
            continue
        result.append(Named(table, match, found_by_name(role, table, learned)))
    return sorted(result, key=lambda one: (one.match, -one.found, one.table.schema, one.table.name))


def likely(role: str, catalog: Catalog, most: int) -> list[Table]:
    """Give the tables that could have a role by their shape alone, the fullest first."""
    widest = PATKASSE_WIDEST if role == "PATKASSE" else WIDEST
    tables = [
        table
        for table in catalog.tables
        if table.rows
        and len(table.primary_key) == 1
        and len(table.columns) <= widest
        and fits(role, table)
    ]
    return sorted(tables, key=lambda table: (-table.rows, table.schema, table.name))[:most]


def rows_of_all(roles: Sequence[str], catalog: Catalog) -> int:
    """Give the rows of the fullest tables, 0 unless each role can have a table of its own."""
    possible = [likely(role, catalog, MOST_OF_A_ROLE) for role in roles]
    if not _assignable([{table.name for table in tables} for tables in possible], frozenset()):
        return 0
    return sum(tables[0].rows for tables in possible)
