"""What the engine hands to the session: types, columns, rows, counts and failures."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Protocol, TypeAlias

from deploy.local.sqlserver.errors import SqlError


@dataclass(frozen=True, slots=True)
class SqlType:
    """A SQL Server type: its lower-case name and what is in its brackets.

    `length` counts characters (bytes for binary), -1 for max, None where a type has none.
    Values at this boundary are int (also for bit), float, Decimal, str, bytes, date, time,
    datetime (aware for datetimeoffset), UUID and None.
    """

    name: str
    length: int | None = None
    precision: int | None = None
    scale: int | None = None


@dataclass(frozen=True, slots=True)
class Column:
    name: str
    type: SqlType
    nullable: bool = True
    identity: bool = False


@dataclass(frozen=True, slots=True)
class Parameter:
    name: str
    type: SqlType
    value: object = None
    output: bool = False


@dataclass(frozen=True, slots=True)
class Columns:
    """A result set begins."""

    columns: tuple[Column, ...]


@dataclass(frozen=True, slots=True)
class Rows:
    """Some rows of the result set that is open."""

    rows: Sequence[tuple[object, ...]]


@dataclass(frozen=True, slots=True)
class Done:
    """A statement is over; `count` is None where nothing is counted (DDL, NOCOUNT)."""

    count: int | None = None
    is_select: bool = False


@dataclass(frozen=True, slots=True)
class Info:
    """A message that is no error (PRINT, a changed database)."""

    number: int
    message: str


@dataclass(frozen=True, slots=True)
class Failure:
    """A statement failed; unless the batch is over, further events follow."""

    error: SqlError


@dataclass(frozen=True, slots=True)
class DatabaseChanged:
    old: str
    new: str


@dataclass(frozen=True, slots=True)
class Returned:
    """The return status of a procedure, and values of output parameters by name."""

    status: int = 0
    values: tuple[Parameter, ...] = ()


Event: TypeAlias = Columns | Rows | Done | Info | Failure | DatabaseChanged | Returned


class EngineSession(Protocol):
    """One login's work with the engine; used by one thread."""

    @property
    def spid(self) -> int: ...

    @property
    def database(self) -> str: ...

    @property
    def transaction(self) -> int:
        """The descriptor of the open transaction, 0 where there is none."""

    def run(self, sql: str, parameters: Sequence[Parameter] = ()) -> Iterator[Event]:
        """Run a batch; a prepared or parameterised statement is a batch with parameters."""

    def call(self, procedure: str, parameters: Sequence[Parameter] = ()) -> Iterator[Event]:
        """Run a procedure that arrived as an RPC by its name."""

    def undeclared_parameters(
        self, sql: str, declared: Sequence[Parameter]
    ) -> tuple[Parameter, ...]:
        """Tell the types that a statement's parameters would best have."""

    def begin(self, isolation: str | None) -> None: ...

    def commit(self) -> None: ...

    def rollback(self) -> None: ...

    def save(self, name: str) -> None: ...

    def reset(self) -> None:
        """Back to how the login left it (a pooled connection is used again)."""

    def close(self) -> None: ...


class Engine(Protocol):
    """All databases under one folder."""

    def open(
        self, user: str, password: str, database: str | None, cancelled: Callable[[], bool]
    ) -> EngineSession:
        """Log in, or raise 18456 or 4060.

        `cancelled` is asked often while a statement runs or waits for a lock; when it says
        yes the statement raises Cancelled, when the session is killed ConnectionDropped.
        """

    def close(self) -> None: ...
