"""Which tables and columns a query can name, and which one a name means."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from deploy.local.sqlserver.errors import SqlError
from deploy.local.sqlserver.rendering.bound import Bound
from deploy.local.sqlserver.storage import Table


@dataclass(slots=True)
class BoundSource:
    """A table in FROM: the names it goes by, its columns, its SQLite text."""

    names: tuple[str, ...]
    columns: dict[str, tuple[str, Bound]]
    sql: str
    alias: str
    table: Table | None = None

    def matches(self, parts: tuple[str, ...]) -> bool:
        lower = tuple(part.lower() for part in parts)
        return bool(lower) and self.names[-len(lower) :] == lower

    def weaken(self) -> None:
        """Let all columns be NULL, as an outer join may leave them."""
        self.columns = {
            key: (name, replace(bound, nullable=True, identity=False))
            for key, (name, bound) in self.columns.items()
        }


@dataclass(slots=True)
class CommonTableColumns:
    """What is known of a common table: its SQLite name and columns."""

    sql: str
    columns: dict[str, tuple[str, Bound]]


@dataclass(slots=True)
class Scope:
    """The sources of one SELECT, and outside of it those of the query around it."""

    parent: Scope | None = None
    sources: list[BoundSource] = field(default_factory=list)
    common: dict[str, CommonTableColumns] = field(default_factory=dict)
    grouped: frozenset[str] | None = None

    def common_table(self, name: str) -> CommonTableColumns | None:
        scope: Scope | None = self
        while scope is not None:
            found = scope.common.get(name.lower())
            if found is not None:
                return found
            scope = scope.parent
        return None

    def column(self, parts: tuple[str, ...]) -> tuple[Bound, Scope]:
        """Return the column a name means and the scope that has it; else 207, 209 or 4104."""
        scope: Scope | None = self
        qualified_known = False
        while scope is not None:
            candidates = [
                source for source in scope.sources if not parts[:-1] or source.matches(parts[:-1])
            ]
            qualified_known = qualified_known or bool(parts[:-1] and candidates)
            found = [
                source.columns[parts[-1].lower()][1]
                for source in candidates
                if parts[-1].lower() in source.columns
            ]
            if len(found) > 1:
                raise SqlError(209, f"Ambiguous column name '{parts[-1]}'.")
            if found:
                return found[0], scope
            if parts[:-1] and candidates:
                break
            scope = scope.parent
        if parts[:-1] and not qualified_known:
            raise SqlError(
                4104, f'The multi-part identifier "{".".join(parts)}" could not be bound.'
            )
        raise SqlError(207, f"Invalid column name '{parts[-1]}'.")

    def add(self, source: BoundSource) -> None:
        if any(other.names == source.names for other in self.sources):
            raise SqlError(
                1012 if len(source.names) > 1 else 1011,
                f"The correlation name '{source.names[-1]}' is specified multiple times in a FROM "
                "clause.",
            )
        self.sources.append(source)


def by_name(columns: Mapping[str, Bound]) -> dict[str, tuple[str, Bound]]:
    return {name.lower(): (name, bound) for name, bound in columns.items()}
