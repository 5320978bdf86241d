"""SET of what the session goes by."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING

from deploy.local.sqlserver import plans
from deploy.local.sqlserver.errors import SqlError, Unsupported
from deploy.local.sqlserver.results import Event
from deploy.local.sqlserver.translation import statements

if TYPE_CHECKING:
    from deploy.local.sqlserver.execution.handler import Handler
    from deploy.local.sqlserver.executor import Executor


_REFUSED_WHEN_ON = frozenset(
    ("IMPLICIT_TRANSACTIONS", "FMTONLY", "PARSEONLY", "NOEXEC", "NUMERIC_ROUNDABORT")
)


_REFUSED_WHEN_OFF = frozenset(("ANSI_NULLS", "QUOTED_IDENTIFIER", "CONCAT_NULL_YIELDS_NULL"))
# What dates and weekdays are read by; with another value the same text would mean another day.
_FIXED = {
    "LANGUAGE": frozenset(("us_english", "english")),
    "DATEFORMAT": frozenset(("mdy",)),
    "DATEFIRST": frozenset(("7",)),
}


def _set_option(executor: Executor, node: statements.SetOption) -> Iterator[Event]:
    session = executor.session
    on = node.value == "ON"
    for name in node.name.split(","):
        if name == "NOCOUNT":
            session.nocount = on
        elif name == "XACT_ABORT":
            session.xact_abort = on
        elif name == "LOCK_TIMEOUT":
            session.lock_timeout = int(node.value)
        elif name in _REFUSED_WHEN_ON and on:
            raise Unsupported(f"SET {name} ON")
        elif name in _REFUSED_WHEN_OFF and not on:
            raise Unsupported(f"SET {name} OFF")
        elif name in _FIXED and node.value.strip("'").lower() not in _FIXED[name]:
            raise Unsupported(f"SET {name} {node.value}")
        elif name == "ROWCOUNT" and node.value != "0":
            raise Unsupported("SET ROWCOUNT")
    yield from ()


def _set_isolation(executor: Executor, node: statements.SetIsolation) -> Iterator[Event]:
    session = executor.session
    if node.level == "SNAPSHOT" and session.isolation != "SNAPSHOT" and session.work.active:
        raise SqlError(
            3951,
            f"Transaction failed in database '{session.database}' because the statement was "
            "run under snapshot isolation but the transaction did not start in snapshot "
            "isolation.",
        )
    session.isolation = node.level
    yield from ()


def _set_identity_insert(executor: Executor, node: statements.SetIdentityInsert) -> Iterator[Event]:
    session = executor.session
    render = plans.renderer(session.definitions, {}, session)
    table = render.find_table(node.table)
    if table.identity is None:
        raise SqlError(
            8106,
            f"Table '{table.name}' does not have the identity property. Cannot perform SET "
            "operation.",
        )
    if node.on and session.identity_insert not in (None, table.object_id):
        raise SqlError(
            8107, "IDENTITY_INSERT is already ON for a table. Cannot perform SET operation."
        )
    session.identity_insert = table.object_id if node.on else None
    yield from ()


HANDLERS: Mapping[type, Handler] = {
    statements.SetOption: _set_option,
    statements.SetIsolation: _set_isolation,
    statements.SetIdentityInsert: _set_identity_insert,
}
