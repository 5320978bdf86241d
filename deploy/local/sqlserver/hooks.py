"""The stand-in's own procedures: time that passes, statements that fail, a database that is slow.

What is planned for a database holds for every session in it until it is used up or `reset`.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Protocol, TypeVar

import apsw

from deploy.local.sqlserver import change_tracking
from deploy.local.sqlserver.errors import ConnectionDropped, SqlError, Unsupported
from deploy.local.sqlserver.results import Event, Info, Returned

_T = TypeVar("_T")
_GLANCE = 0.05  # seconds between two looks at whether the client still waits

_MESSAGES = {
    1205: (
        "Transaction (Process ID {spid}) was deadlocked on lock resources with another process and"
        " has been chosen as the deadlock victim. Rerun the transaction."
    ),
    1222: "Lock request time out period exceeded.",
    3952: (
        "Snapshot isolation transaction failed accessing database '{database}' because snapshot"
        " isolation is not allowed in this database."
    ),
    3960: (
        "Snapshot isolation transaction aborted due to update conflict. You cannot use snapshot"
        " isolation to access a row that has changed since the snapshot began."
    ),
}
_SEVERITIES = {1205: 13}


@dataclass(slots=True)
class _Plan:
    """What waits for the statements of one database."""

    error: int = 0
    count: int = 0
    after_rows: int = 0
    seconds: float = 0.0
    over: threading.Event = field(default_factory=threading.Event)


class Faults:
    """What is planned for each database of an instance; safe to use from every session."""

    def __init__(self) -> None:
        self._guard = threading.Lock()
        self._plans: dict[str, _Plan] = {}
        self._sent: dict[int, int] = {}

    def fail_next(self, database: str, error: int, count: int, after_rows: int) -> None:
        """Let the next `count` statements that send more than `after_rows` rows fail."""
        with self._guard:
            plan = self._plans.setdefault(database, _Plan())
            plan.error, plan.count, plan.after_rows = error, count, after_rows

    def slow(self, database: str, seconds: float) -> None:
        """Let every statement wait that long before it begins."""
        with self._guard:
            self._plans.setdefault(database, _Plan()).seconds = seconds

    def reset(self, database: str) -> None:
        """Forget what is planned for a database and let go whoever waits."""
        with self._guard:
            plan = self._plans.pop(database, None)
        if plan is not None:
            plan.over.set()

    def waiting(self, database: str) -> tuple[float, threading.Event] | None:
        """Return how long a statement has to wait now, and what ends the wait."""
        plan = self._plans.get(database)
        return (plan.seconds, plan.over) if plan is not None and plan.seconds > 0 else None

    def begun(self, database: str, spid: int) -> int | None:
        """Note that a statement begins; return the error that it shall end with at once."""
        if not self._plans:
            return None
        with self._guard:
            self._sent[spid] = 0
            plan = self._plans.get(database)
            return None if plan is None or plan.after_rows else _take(plan)

    def sent(self, database: str, spid: int, rows: int) -> int | None:
        """Note rows that were sent; return the error that the statement shall end with now."""
        if not self._plans:
            return None
        with self._guard:
            self._sent[spid] = sent = self._sent.get(spid, 0) + rows
            plan = self._plans.get(database)
            due = plan is not None and 0 < plan.after_rows <= sent
            return _take(plan) if plan is not None and due else None


def _take(plan: _Plan) -> int | None:
    if plan.count <= 0:
        return None
    plan.count -= 1
    return plan.error


class Session(Protocol):
    """What the hooks ask of a session."""

    spid: int
    database: str

    @property
    def faults(self) -> Faults: ...

    def check(self) -> None:
        """Raise Cancelled or ConnectionDropped where the statement shall not go on."""

    def write(self, work: Callable[[apsw.Connection], _T]) -> _T:
        """Do the work in the open transaction, or in one of its own that is then committed."""


def before_statement(session: Session) -> None:
    """Wait or fail as it was planned, before a statement begins."""
    waiting = session.faults.waiting(session.database)
    if waiting is not None:
        seconds, over = waiting
        until = time.monotonic() + seconds
        while (left := until - time.monotonic()) > 0 and not over.wait(min(left, _GLANCE)):
            session.check()
    _fail(session, session.faults.begun(session.database, session.spid))


def on_rows(session: Session, rows: int) -> None:
    """Fail as it was planned, after that many more rows of a statement were sent."""
    _fail(session, session.faults.sent(session.database, session.spid, rows))


def _fail(session: Session, error: int | None) -> None:
    if error is None:
        return
    if error == 0:
        raise ConnectionDropped
    message = _MESSAGES.get(error, "The stand-in was told to let this statement fail.")
    raise SqlError(
        error,
        message.format(spid=session.spid, database=session.database),
        severity=_SEVERITIES.get(error, 16),
    )


class _Arguments:
    """The arguments of a call, each asked for by its name; what nobody asks for is an error."""

    def __init__(self, procedure: str, given: Mapping[str, object]) -> None:
        self._procedure = procedure
        self._given = {name.lower().removeprefix("@"): value for name, value in given.items()}

    def number(self, name: str, default: int | None = None) -> int:
        value = self._given.pop(name, None)
        if value is None:
            value = default
        if value is None:
            raise SqlError(
                201,
                f"Procedure or function '{self._procedure}' expects parameter '@{name}', which"
                " was not supplied.",
            )
        try:
            return int(str(value))
        except ValueError:
            raise SqlError(8114, "Error converting data type nvarchar to int.") from None

    def end(self) -> None:
        for name in self._given:
            raise SqlError(8145, f"@{name} is not a parameter for procedure {self._procedure}.")


def _age_changes(session: Session, given: Mapping[str, object]) -> Iterator[Event]:
    arguments = _Arguments("age_changes", given)
    seconds = arguments.number("seconds")
    arguments.end()
    session.write(lambda db: change_tracking.age(db, seconds))
    yield Returned(0)


def _fail_next(session: Session, given: Mapping[str, object]) -> Iterator[Event]:
    arguments = _Arguments("fail_next", given)
    error, count = arguments.number("error"), arguments.number("count", 1)
    after_rows = arguments.number("after_rows", 0)
    arguments.end()
    session.faults.fail_next(session.database, error, count, after_rows)
    yield Returned(0)


def _slow(session: Session, given: Mapping[str, object]) -> Iterator[Event]:
    arguments = _Arguments("slow", given)
    milliseconds = arguments.number("milliseconds")
    arguments.end()
    session.faults.slow(session.database, milliseconds / 1000)
    yield Returned(0)


def _reset(session: Session, given: Mapping[str, object]) -> Iterator[Event]:
    _Arguments("reset", given).end()
    session.faults.reset(session.database)
    yield Returned(0)


def _flush(session: Session, given: Mapping[str, object]) -> Iterator[Event]:
    table = next(iter(given.values()), None)
    if table is not None:
        raise Unsupported("sp_flush_CT_internal_table_on_demand for a single table")
    dropped = session.write(change_tracking.cleanup)
    yield Info(0, f"Total rows deleted: {dropped}.")
    yield Returned(0)


Procedure = Callable[[Session, Mapping[str, object]], Iterator[Event]]

PROCEDURES: Mapping[str, Procedure] = {
    "standin.age_changes": _age_changes,
    "standin.fail_next": _fail_next,
    "standin.slow": _slow,
    "standin.reset": _reset,
    "sys.sp_flush_ct_internal_table_on_demand": _flush,
}
"""By lower-case name; called with the session and the arguments by name."""

PARAMETERS: Mapping[str, tuple[str, ...]] = {
    "standin.age_changes": ("seconds",),
    "standin.fail_next": ("error", "count", "after_rows"),
    "standin.slow": ("milliseconds",),
    "standin.reset": (),
    "sys.sp_flush_ct_internal_table_on_demand": ("tabletoclean",),
}
"""The names of the parameters in the order in which they may be given without."""
