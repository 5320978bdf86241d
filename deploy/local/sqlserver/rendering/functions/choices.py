"""Functions that choose one of their arguments rendered."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from deploy.local.sqlserver.rendering.bound import Bound
from deploy.local.sqlserver.rendering.functions.arguments import ArgumentRenderer, Function
from deploy.local.sqlserver.translation import syntax
from deploy.local.sqlserver.translation.precedence import INT


def _coalesce(render: ArgumentRenderer, node: syntax.Function) -> Bound:
    type_, values = render.unified(render.arguments(node, 2, 254))
    texts = ", ".join(render.text(value) for value in values)
    nullable = all(value.nullable for value in values)
    return Bound(f"coalesce({texts})", type_, nullable, _kept_collation(values))


def _isnull(render: ArgumentRenderer, node: syntax.Function) -> Bound:
    """ISNULL: the type is the first argument's."""
    first, second = render.arguments(node, 2, 2)
    type_ = first.type or second.type or INT
    values = [render.convert(first, type_), render.convert(second, type_)]
    texts = ", ".join(render.text(value) for value in values)
    return Bound(
        f"coalesce({texts})", type_, second.nullable and first.nullable, _kept_collation(values)
    )


def _nullif(render: ArgumentRenderer, node: syntax.Function) -> Bound:
    first, second = render.arguments(node, 2, 2)
    condition = render.compare("=", first, second)
    return Bound(f"CASE WHEN {condition} THEN NULL ELSE {render.text(first)} END", first.type)


def _choose(render: ArgumentRenderer, node: syntax.Function) -> Bound:
    index, *values = render.arguments(node, 2, 254)
    type_, values = render.unified(values)
    cases = " ".join(
        f"WHEN {number} THEN {render.text(value)}" for number, value in enumerate(values, 1)
    )
    return Bound(f"CASE {render.text(render.convert(index, INT))} {cases} END", type_)


def _kept_collation(values: Sequence[Bound]) -> str | None:
    return next((value.collation for value in values if value.collation), None)


FUNCTIONS: Mapping[str, Function] = {
    "COALESCE": _coalesce,
    "ISNULL": _isnull,
    "NULLIF": _nullif,
    "CHOOSE": _choose,
}
