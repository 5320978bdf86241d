"""Statements about rows: queries, writes and TRUNCATE."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias

from deploy.local.sqlserver.translation.statements.tables import Parts
from deploy.local.sqlserver.translation.syntax import (
    CommonTable,
    Expression,
    Query,
    SelectItem,
    Source,
)


@dataclass(frozen=True, slots=True)
class SelectStatement:
    query: Query


@dataclass(frozen=True, slots=True)
class Insert:
    """`query` and `rows` are both empty for DEFAULT VALUES; a None in a row is DEFAULT."""

    table: Parts
    columns: tuple[str, ...]
    rows: tuple[tuple[Expression | None, ...], ...] = ()
    query: Query | None = None
    output: tuple[SelectItem, ...] = ()
    common: tuple[CommonTable, ...] = ()
    context: Expression | None = None


@dataclass(frozen=True, slots=True)
class Assignment:
    """SET column = value; `value` None is DEFAULT."""

    column: str
    value: Expression | None
    operator: str = "="


@dataclass(frozen=True, slots=True)
class Update:
    table: Parts
    assignments: tuple[Assignment, ...]
    source: Source | None = None
    where: Expression | None = None
    top: Expression | None = None
    output: tuple[SelectItem, ...] = ()
    common: tuple[CommonTable, ...] = ()
    context: Expression | None = None


@dataclass(frozen=True, slots=True)
class Delete:
    table: Parts
    source: Source | None = None
    where: Expression | None = None
    top: Expression | None = None
    output: tuple[SelectItem, ...] = ()
    common: tuple[CommonTable, ...] = ()
    context: Expression | None = None


@dataclass(frozen=True, slots=True)
class Truncate:
    table: Parts


RowStatement: TypeAlias = SelectStatement | Insert | Update | Delete | Truncate
