"""Statements about schemas, tables and what belongs to a table."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias

from deploy.local.sqlserver.results import SqlType
from deploy.local.sqlserver.translation.syntax import Expression

Parts: TypeAlias = tuple[str, ...]


@dataclass(frozen=True, slots=True)
class ColumnDefinition:
    name: str
    type: SqlType
    nullable: bool | None = None
    collation: str | None = None
    identity: tuple[int, int] | None = None
    default: Expression | None = None
    default_text: str | None = None
    default_name: str | None = None


@dataclass(frozen=True, slots=True)
class KeyDefinition:
    """A primary key, a unique constraint or an index."""

    columns: tuple[str, ...]
    name: str | None = None
    primary: bool = False
    unique: bool = True
    clustered: bool = False
    descending: tuple[bool, ...] = ()


@dataclass(frozen=True, slots=True)
class CreateSchema:
    name: str


@dataclass(frozen=True, slots=True)
class DropSchema:
    name: str
    if_exists: bool


@dataclass(frozen=True, slots=True)
class CreateTable:
    table: Parts
    columns: tuple[ColumnDefinition, ...]
    keys: tuple[KeyDefinition, ...]


@dataclass(frozen=True, slots=True)
class DropTable:
    tables: tuple[Parts, ...]
    if_exists: bool


@dataclass(frozen=True, slots=True)
class AddColumns:
    table: Parts
    columns: tuple[ColumnDefinition, ...]
    keys: tuple[KeyDefinition, ...] = ()
    defaults: tuple[tuple[str | None, str, Expression, str], ...] = ()


@dataclass(frozen=True, slots=True)
class AlterColumn:
    table: Parts
    column: ColumnDefinition


@dataclass(frozen=True, slots=True)
class DropColumns:
    table: Parts
    columns: tuple[str, ...]
    if_exists: bool


@dataclass(frozen=True, slots=True)
class DropConstraint:
    table: Parts
    names: tuple[str, ...]
    if_exists: bool


@dataclass(frozen=True, slots=True)
class TableTracking:
    table: Parts
    enable: bool
    columns: bool = False


@dataclass(frozen=True, slots=True)
class CreateIndex:
    table: Parts
    index: KeyDefinition


@dataclass(frozen=True, slots=True)
class DropIndex:
    table: Parts
    name: str
    if_exists: bool


TableStatement: TypeAlias = (
    CreateSchema
    | DropSchema
    | CreateTable
    | DropTable
    | AddColumns
    | AlterColumn
    | DropColumns
    | DropConstraint
    | TableTracking
    | CreateIndex
    | DropIndex
)
