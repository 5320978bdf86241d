"""The arguments of a function: counted, rendered, taken as text."""

from __future__ import annotations

from collections.abc import Callable

from deploy.local.sqlserver.errors import SqlError
from deploy.local.sqlserver.rendering.bound import Bound
from deploy.local.sqlserver.rendering.predicates import PredicateRenderer
from deploy.local.sqlserver.translation import precedence, syntax
from deploy.local.sqlserver.translation.precedence import NATIONAL, TEXT


class ArgumentRenderer(PredicateRenderer):
    def arguments(self, node: syntax.Function, least: int, most: int) -> list[Bound]:
        check_count(node, least, most)
        return [self.scalar(argument) for argument in node.arguments]

    def as_text(self, bound: Bound) -> Bound:
        """Return the argument as text; what is text already stays what it is."""
        if bound.kind.name in TEXT and bound.type is not None:
            return bound
        length = precedence.text_length(bound.kind)
        return self.convert(bound, precedence.text("varchar", length))


Function = Callable[[ArgumentRenderer, syntax.Function], Bound]


def check_count(node: syntax.Function, least: int, most: int) -> None:
    if not least <= len(node.arguments) <= most:
        wanted = str(least) if least == most else f"{least} to {most}"
        raise SqlError(
            174, f"The {node.name.lower()} function requires {wanted} argument(s).", severity=15
        )


def text_result(sql: str, bound: Bound, length: int | None = None) -> Bound:
    """Return a text of the argument's kind and collation."""
    kind = bound.kind
    name = "nvarchar" if kind.name in NATIONAL else "varchar"
    type_ = precedence.text(name, length if length is not None else kind.length or 1)
    return Bound(sql, type_, bound.nullable, bound.collation)
