"""A stand-in without a socket: sessions of an Instance, and what their batches answer."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from deploy.local.sqlserver.results import (
    Column,
    Columns,
    Done,
    Event,
    Failure,
    Info,
    Parameter,
    Rows,
    SqlType,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

    from deploy.local.sqlserver.engine_session import Session
    from deploy.local.sqlserver.instance import Instance

INT = SqlType("int")
BIGINT = SqlType("bigint")
_TYPES = {int: BIGINT, str: SqlType("nvarchar", length=4000), type(None): INT}


def parameters(*values: object) -> list[Parameter]:
    """Name values @P1, @P2 and so on, as the driver does."""
    return [
        Parameter(f"@P{number}", _TYPES[type(value)], value)
        for number, value in enumerate(values, 1)
    ]


@dataclass(frozen=True, slots=True)
class Answer:
    """The events of a batch, by what one wants to know of them."""

    events: Sequence[Event]

    @property
    def rows(self) -> list[tuple[Any, ...]]:
        return [row for event in self.events if isinstance(event, Rows) for row in event.rows]

    @property
    def columns(self) -> list[Column]:
        return [c for event in self.events if isinstance(event, Columns) for c in event.columns]

    @property
    def errors(self) -> list[int]:
        return [event.error.number for event in self.events if isinstance(event, Failure)]

    @property
    def counts(self) -> list[int | None]:
        return [event.count for event in self.events if isinstance(event, Done)]

    @property
    def messages(self) -> list[str]:
        return [event.message for event in self.events if isinstance(event, Info)]


@dataclass(slots=True)
class Client:
    """One session; `run` is for batches that must succeed, `ask` for any."""

    instance: Instance
    session: Session
    others: list[Client] = field(default_factory=list)

    def ask(self, sql: str, *values: object) -> Answer:
        return Answer(list(self.session.run(sql, parameters(*values))))

    def run(self, sql: str, *values: object) -> Answer:
        answer = self.ask(sql, *values)
        failed = [event.error for event in answer.events if isinstance(event, Failure)]
        assert not failed, failed
        return answer

    def rows(self, sql: str, *values: object) -> list[tuple[Any, ...]]:
        return self.run(sql, *values).rows

    def value(self, sql: str, *values: object) -> Any:
        ((value,),) = self.rows(sql, *values)
        return value

    def another(self, user: str = "sa", password: str = "secret") -> Client:
        """Open one more session in the same database."""
        session = self.instance.open(user, password, self.session.database, lambda: False)
        client = Client(self.instance, session)
        self.others.append(client)
        return client
