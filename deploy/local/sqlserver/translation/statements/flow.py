"""Statements that steer a batch: variables, settings, blocks, errors, transactions, calls."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias

from deploy.local.sqlserver.results import SqlType
from deploy.local.sqlserver.translation.statements.tables import Parts
from deploy.local.sqlserver.translation.syntax import Expression

if TYPE_CHECKING:
    from deploy.local.sqlserver.translation.statements import Statement


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
class WaitFor:
    delay: Expression


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


FlowStatement: TypeAlias = (
    Declare
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
    | WaitFor
    | Execute
    | ExecuteText
)
