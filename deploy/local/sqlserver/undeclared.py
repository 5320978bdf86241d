"""The types that a statement's undeclared parameters would best have."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from deploy.local.sqlserver.errors import Unsupported
from deploy.local.sqlserver.rendering.bound import Bound, Slot
from deploy.local.sqlserver.rendering.surroundings import Surroundings
from deploy.local.sqlserver.rendering.writes import WriteRenderer
from deploy.local.sqlserver.results import Parameter, SqlType
from deploy.local.sqlserver.storage import Definitions
from deploy.local.sqlserver.translation import batch, lexer, statements, syntax

_ANYTHING = SqlType("nvarchar", length=4000)


class GuessingRenderer(WriteRenderer):
    """Renders as always, and notes what a variable of unknown type meets."""

    def __init__(
        self, definitions: Definitions, types: Mapping[str, SqlType], around: Surroundings
    ) -> None:
        super().__init__(definitions, types, around)
        self.met: dict[str, SqlType] = {}

    def scalar(self, node: Any) -> Bound:
        if isinstance(node, syntax.Variable) and node.name not in self.types:
            return Bound("NULL", None, slot=Slot(lambda _: None, key=("unknown", node.name)))
        return super().scalar(node)

    def convert(self, bound: Bound, target: SqlType, *rest: Any, **options: Any) -> Bound:
        self._note(bound, target)
        return super().convert(bound, target, *rest, **options)

    def compare(self, operator: str, left: Bound, right: Bound) -> str:
        for one, other in ((left, right), (right, left)):
            if other.type is not None:
                self._note(one, other.type)
        return super().compare(operator, left, right)

    def _note(self, bound: Bound, target: SqlType) -> None:
        if bound.type is None and bound.slot is not None and bound.slot.key[:1] == ("unknown",):
            self.met.setdefault(str(bound.slot.key[1]), target)


def of(
    sql: str,
    declared: Mapping[str, SqlType],
    definitions: Definitions,
    around: Surroundings,
    identity_insert: int | None,
) -> tuple[Parameter, ...]:
    """List the undeclared variables in the order in which they appear, each with a type."""
    render = GuessingRenderer(definitions, declared, around)
    render.identity_insert = identity_insert
    for statement in batch.parse(sql):
        _render(render, statement)
    names: list[str] = []
    for token in lexer.tokens(sql):
        known = token.text in declared or token.text in names
        if token.kind is lexer.Kind.VARIABLE and not known:
            names.append(token.text)
    return _parameters(names, render.met)


def _parameters(names: Sequence[str], met: Mapping[str, SqlType]) -> tuple[Parameter, ...]:
    return tuple(Parameter(name, met.get(name, _ANYTHING)) for name in names)


def _render(render: GuessingRenderer, statement: Any) -> None:
    match statement:
        case statements.SelectStatement():
            render.query(statement.query)
        case statements.Insert():
            render.insert(statement)
        case statements.Update():
            render.update(statement)
        case statements.Delete():
            render.delete(statement)
        case _:
            raise Unsupported(f"the types of parameters in {type(statement).__name__}")
