"""Sample values of the columns that a point could be, in forms that name nobody."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from producers import canonical, shown, survey
from producers.canonical import Kind
from producers.errors import Denied, StatementFailed

if TYPE_CHECKING:
    import pyodbc

    from producers.catalog import Catalog
    from producers.mapping import Mapping
    from producers.review import Step

__all__ = ["Example", "of", "shows_none"]


@dataclass(frozen=True, slots=True)
class Example:
    """Values of a column as they may be shown, or why they can't be read."""

    column: str
    type: str
    values: tuple[str, ...] = ()
    problem: str | None = None


def shows_none(point: str) -> bool:
    """Tell whether nothing is shown for a point: tables have no values, and people's are secret."""
    role, _, key = point.partition(".")
    return not key or canonical.TABLES[role][key].kind is Kind.PERSON


def of(
    connection: pyodbc.Connection,
    catalog: Catalog,
    mapping: Mapping,
    step: Step,
    *,
    every: bool = False,
) -> list[Example]:
    """Give examples of the column that is named, else, or where `every` one is wanted, of rivals.

    Of persons there are none.
    """
    role, _, key = step.point.partition(".")
    if shows_none(step.point) or mapping.tables[role].name is None:
        return []
    table = catalog.table(mapping.schema, mapping.table(role))
    names = [step.name] if step.name else []
    if every or not names:
        names += [rival.name for rival in step.rivals]
    found = []
    for name in names:
        column = table.column(name) if table and name else None
        if table is None or column is None:
            continue
        try:
            values = survey.read_examples(connection, mapping.center, table, column.name)
        except (Denied, StatementFailed) as error:
            found.append(Example(column.name, column.described, problem=error.message))
            continue
        kind = canonical.TABLES[role][key].kind
        found.append(Example(column.name, column.described, tuple(shown.values(kind, values))))
    return found
