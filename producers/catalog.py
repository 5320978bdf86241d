"""A database's catalog as values: what tables there are and what their columns can hold."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["Catalog", "Column", "Family", "Table", "family"]

WHOLE = frozenset({"int", "bigint", "smallint", "tinyint"})
EXACT = frozenset({"decimal", "numeric"})
TEXTS = frozenset({"char", "varchar", "nchar", "nvarchar", "text", "ntext"})
Family = str  # "number", "text", "bit", "uuid" or "other"


@dataclass(frozen=True, slots=True)
class Column:
    """A column; `length` counts characters, None for max or where a type has none."""

    name: str
    type: str
    length: int | None = None
    precision: int | None = None
    scale: int | None = None
    nullable: bool = True

    @property
    def described(self) -> str:
        """Give the type as it is written in a table's definition."""
        if self.type in {"char", "varchar", "nchar", "nvarchar", "binary", "varbinary"}:
            return f"{self.type}({'max' if self.length is None else self.length})"
        if self.type in EXACT:
            return f"{self.type}({self.precision},{self.scale})"
        return self.type

    @property
    def family(self) -> Family:
        return family(self)

    def holds_text(self, characters: int) -> bool:
        """Tell whether a text of that many characters fits."""
        return self.type in TEXTS and (self.length is None or self.length >= characters)


def family(column: Column) -> Family:
    """Give what sort of values a column holds, as far as comparing them goes."""
    if column.type in WHOLE or (column.type in EXACT and not column.scale):
        return "number"
    if column.type in TEXTS:
        return "text"
    return {"bit": "bit", "uniqueidentifier": "uuid"}.get(column.type, "other")


@dataclass(frozen=True, slots=True)
class Table:
    schema: str
    name: str
    columns: tuple[Column, ...]
    primary_key: tuple[str, ...] = ()
    rows: int = 0

    def column(self, name: str) -> Column | None:
        """Give the column of exactly that name, or the one that differs in case alone."""
        for column in self.columns:
            if column.name == name:
                return column
        same = [column for column in self.columns if column.name.casefold() == name.casefold()]
        return same[0] if len(same) == 1 else None


@dataclass(frozen=True, slots=True)
class Catalog:
    tables: tuple[Table, ...]

    def table(self, schema: str | None, name: str) -> Table | None:
        """Give the table of exactly that name, or the one that differs in case alone."""
        here = [table for table in self.tables if schema is None or table.schema == schema]
        exact = [table for table in here if table.name == name]
        if exact:
            return exact[0]
        same = [table for table in here if table.name.casefold() == name.casefold()]
        return same[0] if len(same) == 1 else None
