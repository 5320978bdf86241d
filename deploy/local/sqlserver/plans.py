"""A statement made ready to run: SQLite's text, the values it wants, the shape of its rows."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from deploy.local.sqlserver import boundary
from deploy.local.sqlserver.errors import SqlError, Unsupported
from deploy.local.sqlserver.rendering.assignments import Write
from deploy.local.sqlserver.rendering.bound import Bound, Runtime, Slot, conversion
from deploy.local.sqlserver.rendering.surroundings import Surroundings
from deploy.local.sqlserver.rendering.writes import WriteRenderer
from deploy.local.sqlserver.results import Column, SqlType
from deploy.local.sqlserver.storage import Definitions
from deploy.local.sqlserver.translation import statements, syntax

Show = Callable[[Sequence[tuple[Any, ...]]], Sequence[tuple[Any, ...]]]


@dataclass(frozen=True, slots=True)
class Plan:
    """`columns` is empty for what answers no rows; `targets` are variables that a SELECT sets."""

    sql: str
    slots: tuple[Slot, ...]
    columns: tuple[Column, ...]
    show: Show | None
    targets: tuple[str, ...]
    needed: frozenset[tuple[int, str]]
    read_data: bool
    write: Write | None = None
    one_row: bool = False

    def values(self, runtime: Runtime) -> list[Any]:
        return [slot.value(runtime) for slot in self.slots]


def _shown(columns: Sequence[Column]) -> Show | None:
    """How rows of kept values become rows of Python's; None where they are that already."""
    showers = {
        number: show
        for number, column in enumerate(columns)
        if (show := boundary.shower(column.type)) is not None
    }
    if not showers:
        return None

    def show_rows(rows: Sequence[tuple[Any, ...]]) -> Sequence[tuple[Any, ...]]:
        by_column: list[Any] = list(zip(*rows, strict=True))
        for number, show in showers.items():
            by_column[number] = [
                None if value is None else show(value) for value in by_column[number]
            ]
        return list(zip(*by_column, strict=True))

    return show_rows


def _columns(outputs: Sequence[tuple[str, Bound]]) -> tuple[Column, ...]:
    return tuple(
        Column(name, bound.kind, bound.nullable, bound.identity) for name, bound in outputs
    )


def renderer(
    definitions: Definitions, types: Mapping[str, SqlType], around: Surroundings
) -> WriteRenderer:
    return WriteRenderer(definitions, types, around)


def of_query(render: WriteRenderer, query: syntax.Query) -> Plan:
    """Return the plan of a SELECT."""
    sql, outputs = render.query(query)
    targets = tuple(render.targets)
    if targets and len(targets) != len(outputs):
        raise SqlError(
            141,
            "A SELECT statement that assigns a value to a variable must not be combined with "
            "data-retrieval operations.",
            severity=15,
        )
    columns = () if targets else _columns(outputs)
    return Plan(
        sql,
        tuple(render.slots.found),
        columns,
        _shown(columns),
        targets,
        frozenset(render.needed),
        render.read_data,
    )


def of_write(render: WriteRenderer, node: Any, identity_insert: int | None) -> Plan:
    """Return the plan of INSERT, UPDATE or DELETE."""
    render.identity_insert = identity_insert
    one_row = False
    if isinstance(node, statements.Insert):
        write = render.insert(node)
        one_row = len(node.rows) == 1
    elif isinstance(node, statements.Update):
        write = render.update(node)
    else:
        write = render.delete(node)
    columns = _columns(write.outputs)
    return Plan(
        write.steps[0],
        tuple(render.slots.found),
        columns,
        _shown(columns),
        (),
        frozenset(render.needed),
        read_data=True,
        write=write,
        one_row=one_row,
    )


def of_value(render: WriteRenderer, node: syntax.Expression, type_: SqlType | None) -> Plan:
    """Return the plan of one value (SET @v, PRINT, an argument), as it is kept."""
    bound = render.scalar(node)
    if type_ is not None:
        bound = render.convert(bound, type_)
    column = Column("", bound.kind)
    return Plan(
        f"SELECT {render.text(bound)}",
        tuple(render.slots.found),
        (column,),
        None,
        (),
        frozenset(render.needed),
        render.read_data,
    )


def of_condition(render: WriteRenderer, node: syntax.Expression) -> Plan:
    """Return the plan of IF's or WHILE's condition: one row with 1, 0 or NULL."""
    sql = f"SELECT {render.predicate(node)}"
    return Plan(
        sql,
        tuple(render.slots.found),
        (Column("", SqlType("bit")),),
        None,
        (),
        frozenset(render.needed),
        render.read_data,
    )


def conversion_of(source: SqlType, target: SqlType) -> Callable[[Any], Any] | None:
    """How a kept value of one type becomes one of another, None where it stays."""
    return conversion(source, target)


def unsupported_into(query: syntax.Query) -> None:
    body = query.body
    if isinstance(body, syntax.Select) and body.into is not None:
        raise Unsupported("SELECT … INTO")
