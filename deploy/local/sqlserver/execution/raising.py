"""Errors raised and caught by a batch, and what it prints."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING

from deploy.local.sqlserver import failures
from deploy.local.sqlserver.errors import SqlError
from deploy.local.sqlserver.execution.control import run_block
from deploy.local.sqlserver.results import Event, Info, SqlType
from deploy.local.sqlserver.translation import statements

if TYPE_CHECKING:
    from deploy.local.sqlserver.execution.handler import Handler
    from deploy.local.sqlserver.executor import Executor


def _try(executor: Executor, node: statements.TryCatch) -> Iterator[Event]:
    frame = executor.frame
    frame.catching += 1
    try:
        yield from run_block(executor, node.body)
    except SqlError as error:
        frame.catching -= 1
        outer, frame.caught = frame.caught, error
        try:
            yield from run_block(executor, node.handler)
        finally:
            frame.caught = outer
        return
    except BaseException:
        frame.catching -= 1
        raise
    frame.catching -= 1


def _print(executor: Executor, node: statements.Print) -> Iterator[Event]:
    yield Info(0, executor.text_value(node.value))


def _raise_error(executor: Executor, node: statements.RaiseError) -> Iterator[Event]:
    severity = int(executor.value(node.severity, SqlType("int")) or 0)
    state = int(executor.value(node.state, SqlType("int")) or 0)
    values = [executor.value(argument) for argument in node.arguments]
    message = failures.formatted(executor.text_value(node.message), values)
    if severity <= 10:
        yield Info(50000, message)
        return
    raise failures.Raised(50000, message, severity=severity, state=max(state, 1))


def _throw(executor: Executor, node: statements.Throw) -> Iterator[Event]:
    if node.number is None or node.message is None or node.state is None:
        if executor.frame.caught is None:
            raise SqlError(
                10704,
                "To rethrow an error, a THROW statement must be used inside a CATCH block.",
                severity=15,
            )
        caught = executor.frame.caught
        raise failures.Thrown(
            caught.number, caught.message, severity=caught.severity, state=caught.state
        )
    number = int(executor.value(node.number, SqlType("int")))
    state = int(executor.value(node.state, SqlType("int")))
    raise failures.Thrown(number, executor.text_value(node.message), state=state)


HANDLERS: Mapping[type, Handler] = {
    statements.TryCatch: _try,
    statements.Print: _print,
    statements.RaiseError: _raise_error,
    statements.Throw: _throw,
}
