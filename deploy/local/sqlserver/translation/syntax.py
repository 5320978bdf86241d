"""What a parsed T-SQL expression or query is made of."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias

from deploy.local.sqlserver.results import SqlType


@dataclass(frozen=True, slots=True)
class Literal:
    """A constant; `type` None is the untyped NULL."""

    value: object
    type: SqlType | None


@dataclass(frozen=True, slots=True)
class Name:
    parts: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Star:
    parts: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Variable:
    name: str


@dataclass(frozen=True, slots=True)
class SystemVariable:
    name: str


@dataclass(frozen=True, slots=True)
class Unary:
    operator: str
    operand: Expression


@dataclass(frozen=True, slots=True)
class Binary:
    """Arithmetic, comparison, AND and OR."""

    operator: str
    left: Expression
    right: Expression


@dataclass(frozen=True, slots=True)
class Not:
    operand: Expression


@dataclass(frozen=True, slots=True)
class IsNull:
    operand: Expression
    negated: bool


@dataclass(frozen=True, slots=True)
class InList:
    operand: Expression
    items: tuple[Expression, ...]
    negated: bool


@dataclass(frozen=True, slots=True)
class InQuery:
    operand: Expression
    query: Query
    negated: bool


@dataclass(frozen=True, slots=True)
class Between:
    operand: Expression
    low: Expression
    high: Expression
    negated: bool


@dataclass(frozen=True, slots=True)
class Like:
    operand: Expression
    pattern: Expression
    escape: Expression | None
    negated: bool


@dataclass(frozen=True, slots=True)
class Exists:
    query: Query


@dataclass(frozen=True, slots=True)
class Subquery:
    query: Query


@dataclass(frozen=True, slots=True)
class Case:
    operand: Expression | None
    whens: tuple[tuple[Expression, Expression], ...]
    otherwise: Expression | None


@dataclass(frozen=True, slots=True)
class Cast:
    """CAST, CONVERT and their TRY_ forms."""

    operand: Expression
    type: SqlType
    style: Expression | None = None
    attempt: bool = False


@dataclass(frozen=True, slots=True)
class Collate:
    operand: Expression
    collation: str


@dataclass(frozen=True, slots=True)
class Over:
    partition: tuple[Expression, ...]
    order: tuple[OrderItem, ...]
    frame: str | None = None


@dataclass(frozen=True, slots=True)
class Function:
    name: str
    arguments: tuple[Expression, ...]
    distinct: bool = False
    within: tuple[OrderItem, ...] = ()
    over: Over | None = None


@dataclass(frozen=True, slots=True)
class OrderItem:
    expression: Expression
    descending: bool = False


@dataclass(frozen=True, slots=True)
class SelectItem:
    """One item of a select list; `target` is the variable it is assigned to."""

    expression: Expression
    alias: str | None = None
    target: str | None = None


@dataclass(frozen=True, slots=True)
class TableName:
    parts: tuple[str, ...]
    alias: str | None = None


@dataclass(frozen=True, slots=True)
class Derived:
    query: Query
    alias: str
    columns: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class RowValues:
    """VALUES as a table."""

    rows: tuple[tuple[Expression, ...], ...]
    alias: str
    columns: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class ChangeTable:
    """CHANGETABLE; `keys` is empty for CHANGES."""

    table: tuple[str, ...]
    baseline: Expression | None
    keys: tuple[tuple[str, Expression], ...]
    alias: str
    columns: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class JsonColumn:
    name: str
    type: SqlType
    path: str | None


@dataclass(frozen=True, slots=True)
class OpenJson:
    document: Expression
    path: Expression | None
    columns: tuple[JsonColumn, ...]
    alias: str | None


@dataclass(frozen=True, slots=True)
class TableFunction:
    name: str
    arguments: tuple[Expression, ...]
    alias: str | None


@dataclass(frozen=True, slots=True)
class Join:
    """`kind` is INNER, LEFT, RIGHT, FULL, CROSS."""

    kind: str
    left: Source
    right: Source
    on: Expression | None


@dataclass(frozen=True, slots=True)
class Select:
    items: tuple[SelectItem, ...]
    source: Source | None = None
    where: Expression | None = None
    group: tuple[Expression, ...] = ()
    having: Expression | None = None
    distinct: bool = False
    top: Expression | None = None
    into: tuple[str, ...] | None = None


@dataclass(frozen=True, slots=True)
class SetOperation:
    """`operator` is UNION, UNION ALL, EXCEPT or INTERSECT."""

    operator: str
    left: Body
    right: Body


@dataclass(frozen=True, slots=True)
class CommonTable:
    name: str
    columns: tuple[str, ...]
    query: Query


@dataclass(frozen=True, slots=True)
class Query:
    body: Body
    common: tuple[CommonTable, ...] = ()
    order: tuple[OrderItem, ...] = ()
    offset: Expression | None = None
    fetch: Expression | None = None


Body: TypeAlias = Select | SetOperation | Query
Source: TypeAlias = TableName | Derived | RowValues | ChangeTable | OpenJson | TableFunction | Join
Expression: TypeAlias = (
    Literal
    | Name
    | Star
    | Variable
    | SystemVariable
    | Unary
    | Binary
    | Not
    | IsNull
    | InList
    | InQuery
    | Between
    | Like
    | Exists
    | Subquery
    | Case
    | Cast
    | Collate
    | Function
)
