"""EXECUTE of a procedure or of a text."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING

from deploy.local.sqlserver import plans, stored_procedures
from deploy.local.sqlserver.errors import SqlError
from deploy.local.sqlserver.frame import Frame
from deploy.local.sqlserver.plans import Plan
from deploy.local.sqlserver.results import Event, Parameter, SqlType
from deploy.local.sqlserver.translation import batch, statements, syntax

if TYPE_CHECKING:
    from deploy.local.sqlserver.execution.handler import Handler
    from deploy.local.sqlserver.executor import Executor


def _execute(executor: Executor, node: statements.Execute) -> Iterator[Event]:
    name = ".".join(node.procedure).lower()
    given = []
    for argument in node.arguments:
        plan = _argument(executor, argument.value)
        value = executor.one_row(plan)[0]
        type_ = plan.columns[0].type
        given.append(Parameter(argument.name or "", type_, value, output=argument.output))
    if name.removeprefix("sys.") == "sp_executesql":
        yield from _execute_sql(executor, node, given)
    else:
        yield from stored_procedures.run(executor.session, name, given)


def _argument(executor: Executor, node: syntax.Expression) -> Plan:
    return executor.planned(node, lambda render: plans.of_value(render, node, None), "argument")


def _execute_sql(
    executor: Executor, node: statements.Execute, given: Sequence[Parameter]
) -> Iterator[Event]:
    inner = Frame(executor.session)
    names: dict[str, str] = {}
    if len(given) > 1:
        for place, (name, type_) in enumerate(declared(str(given[1].value))):
            inner.declare(name, type_)
            sent = next(
                (each for each in given[2:] if each.name.lower() == name),
                given[2 + place] if len(given) > 2 + place else None,
            )
            if sent is None:
                raise SqlError(
                    8178,
                    f"The parameterized query expects the parameter '{name}', which was not "
                    "supplied.",
                )
            convert = plans.conversion_of(sent.type, type_)
            value = sent.value
            inner.variables[name] = value if value is None or convert is None else convert(value)
            argument = node.arguments[2 + place] if len(node.arguments) > 2 + place else None
            if (
                argument is not None
                and argument.output
                and isinstance(argument.value, syntax.Variable)
            ):
                names[name] = argument.value.name
    yield from executor.within(inner).nested(str(given[0].value))
    for name, target in names.items():
        executor.frame.variables[target] = inner.variables[name]


def _execute_text(executor: Executor, node: statements.ExecuteText) -> Iterator[Event]:
    yield from executor.within(Frame(executor.session)).nested(executor.text_value(node.text))


def declared(text: str) -> Iterator[tuple[str, SqlType]]:
    """Names and types of a declaration like `@a int, @b nvarchar(10)`."""
    if not text.strip():
        return
    (statement,) = batch.parse(f"DECLARE {text.replace(' OUTPUT', '').replace(' output', '')}")
    if isinstance(statement, statements.Declare):
        for variable in statement.variables:
            yield variable.name, variable.type


HANDLERS: Mapping[type, Handler] = {
    statements.Execute: _execute,
    statements.ExecuteText: _execute_text,
}
