"""What a parsed T-SQL statement is made of."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias

from deploy.local.sqlserver.results import SqlType
from deploy.local.sqlserver.translation.syntax import (
    CommonTable,
    Expression,
    Query,
    SelectItem,
    Source,
)

Parts: TypeAlias = tuple[str, ...]


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
class CreateDatabase:
    name: str
    collation: str | None = None


@dataclass(frozen=True, slots=True)
class DropDatabase:
    names: tuple[str, ...]
    if_exists: bool


@dataclass(frozen=True, slots=True)
class AlterDatabase:
    """`option` is one of the words parsed in ddl.py, `value` what belongs to it."""

    name: str | None
    option: str
    value: object = None


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


@dataclass(frozen=True, slots=True)
class CreateLogin:
    name: str
    password: str


@dataclass(frozen=True, slots=True)
class AlterLogin:
    name: str
    password: str


@dataclass(frozen=True, slots=True)
class DropLogin:
    name: str
    if_exists: bool


@dataclass(frozen=True, slots=True)
class CreateUser:
    name: str
    login: str


@dataclass(frozen=True, slots=True)
class DropUser:
    name: str
    if_exists: bool


@dataclass(frozen=True, slots=True)
class AlterRole:
    role: str
    member: str
    add: bool


@dataclass(frozen=True, slots=True)
class Permission:
    """`action` is GRANT, REVOKE or DENY; `scope` is OBJECT, SCHEMA, DATABASE or SERVER."""

    action: str
    rights: tuple[str, ...]
    scope: str
    target: Parts
    users: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Declaration:
    name: str
    type: SqlType
    value: Expression | None


@dataclass(frozen=True, slots=True)
class Declare:
    variables: tuple[Declaration, ...]


@dataclass(frozen=True, slots=True)
class SetVariable:
    name: str
    value: Expression
    operator: str = "="


@dataclass(frozen=True, slots=True)
class SetOption:
    name: str
    value: str


@dataclass(frozen=True, slots=True)
class SetIdentityInsert:
    table: Parts
    on: bool


@dataclass(frozen=True, slots=True)
class SetIsolation:
    level: str


@dataclass(frozen=True, slots=True)
class Block:
    statements: tuple[Statement, ...]


@dataclass(frozen=True, slots=True)
class If:
    condition: Expression
    then: Statement
    otherwise: Statement | None


@dataclass(frozen=True, slots=True)
class While:
    condition: Expression
    body: Statement


@dataclass(frozen=True, slots=True)
class Break:
    pass


@dataclass(frozen=True, slots=True)
class Continue:
    pass


@dataclass(frozen=True, slots=True)
class Return:
    pass


@dataclass(frozen=True, slots=True)
class TryCatch:
    body: Block
    handler: Block


@dataclass(frozen=True, slots=True)
class Print:
    value: Expression


@dataclass(frozen=True, slots=True)
class RaiseError:
    message: Expression
    severity: Expression
    state: Expression
    arguments: tuple[Expression, ...]


@dataclass(frozen=True, slots=True)
class Throw:
    """Without values it raises again what was caught."""

    number: Expression | None = None
    message: Expression | None = None
    state: Expression | None = None


@dataclass(frozen=True, slots=True)
class BeginTransaction:
    pass


@dataclass(frozen=True, slots=True)
class CommitTransaction:
    pass


@dataclass(frozen=True, slots=True)
class RollbackTransaction:
    name: str | None = None


@dataclass(frozen=True, slots=True)
class SaveTransaction:
    name: str


@dataclass(frozen=True, slots=True)
class Use:
    database: str


@dataclass(frozen=True, slots=True)
class WaitFor:
    delay: Expression


@dataclass(frozen=True, slots=True)
class Kill:
    spid: int


@dataclass(frozen=True, slots=True)
class Argument:
    name: str | None
    value: Expression
    output: bool = False


@dataclass(frozen=True, slots=True)
class Execute:
    procedure: Parts
    arguments: tuple[Argument, ...]


@dataclass(frozen=True, slots=True)
class ExecuteText:
    """EXEC ('text')."""

    text: Expression


@dataclass(frozen=True, slots=True)
class Backup:
    database: str
    path: Expression


@dataclass(frozen=True, slots=True)
class Restore:
    database: str
    path: Expression
    replace: bool


@dataclass(frozen=True, slots=True)
class Checkpoint:
    pass


Statement: TypeAlias = (
    SelectStatement
    | Insert
    | Update
    | Delete
    | Truncate
    | CreateDatabase
    | DropDatabase
    | AlterDatabase
    | CreateSchema
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
    | CreateLogin
    | AlterLogin
    | DropLogin
    | CreateUser
    | DropUser
    | AlterRole
    | Permission
    | Declare
    | SetVariable
    | SetOption
    | SetIdentityInsert
    | SetIsolation
    | Block
    | If
    | While
    | Break
    | Continue
    | Return
    | TryCatch
    | Print
    | RaiseError
    | Throw
    | BeginTransaction
    | CommitTransaction
    | RollbackTransaction
    | SaveTransaction
    | Use
    | WaitFor
    | Kill
    | Execute
    | ExecuteText
    | Backup
    | Restore
    | Checkpoint
)
