"""Variables declared and set."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING

from deploy.local.sqlserver import plans
from deploy.local.sqlserver.errors import SqlError
from deploy.local.sqlserver.results import Event
from deploy.local.sqlserver.translation import statements, syntax

if TYPE_CHECKING:
    from deploy.local.sqlserver.execution.handler import Handler
    from deploy.local.sqlserver.executor import Executor


def _declare(executor: Executor, node: statements.Declare) -> Iterator[Event]:
    for variable in node.variables:
        executor.frame.declare(variable.name, variable.type)
    executor.signature = executor.frame.signature()
    for variable in node.variables:
        if variable.value is not None:
            value = executor.value(variable.value, variable.type)
            executor.frame.variables[variable.name] = value
    yield from ()


def _set_variable(executor: Executor, node: statements.SetVariable) -> Iterator[Event]:
    type_ = executor.frame.types.get(node.name)
    if type_ is None:
        raise SqlError(137, f'Must declare the scalar variable "{node.name}".', severity=15)
    value = node.value
    if node.operator != "=":
        value = syntax.Binary(node.operator[0], syntax.Variable(node.name), value)
        plan = plans.of_value(
            plans.renderer(executor.session.definitions, executor.frame.types, executor.session),
            value,
            type_,
        )
        executor.frame.variables[node.name] = executor.one_row(plan)[0]
    else:
        executor.frame.variables[node.name] = executor.value(value, type_)
    yield from ()


HANDLERS: Mapping[type, Handler] = {
    statements.Declare: _declare,
    statements.SetVariable: _set_variable,
}
