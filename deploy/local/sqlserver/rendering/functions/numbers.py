"""Functions of numbers rendered."""

from __future__ import annotations

from collections.abc import Mapping

from deploy.local.sqlserver.errors import Unsupported
from deploy.local.sqlserver.rendering.bound import Bound
from deploy.local.sqlserver.rendering.functions.arguments import ArgumentRenderer, Function
from deploy.local.sqlserver.translation import precedence, syntax
from deploy.local.sqlserver.translation.precedence import (
    APPROXIMATE,
    EXACT,
    FLOAT,
    INT,
    INTEGERS,
    TEXT,
)


def _absolute(render: ArgumentRenderer, node: syntax.Function) -> Bound:
    """ABS, CEILING, FLOOR, SIGN: the type stays."""
    bound = render.arguments(node, 1, 1)[0]
    kind = bound.kind
    name = node.name.lower()
    if kind.name in EXACT:
        return Bound(f"dec_{name}({render.text(bound)})", kind)
    if kind.name in TEXT:
        bound, kind = render.convert(bound, FLOAT), FLOAT
    if kind.name in INTEGERS and name in ("ceiling", "floor"):
        return bound
    sql = {"ceiling": "ceil"}.get(name, name)
    return Bound(f"{sql}({render.text(bound)})", kind, bound.nullable)


def _round(render: ArgumentRenderer, node: syntax.Function) -> Bound:
    bound, places, *mode = render.arguments(node, 2, 3)
    if mode:
        raise Unsupported("ROUND with a third argument")
    kind = bound.kind if bound.kind.name not in TEXT else FLOAT
    number = render.text(render.convert(places, INT))
    text = render.text(render.convert(bound, kind))
    if kind.name in EXACT:
        return Bound(f"dec_round({text}, {number})", kind)
    if kind.name in APPROXIMATE:
        return Bound(f"float_round({text}, {number})", kind)
    return Bound(f"int_round({text}, {number})", kind)


def _float(render: ArgumentRenderer, node: syntax.Function) -> Bound:
    count = 2 if node.name == "POWER" else 1
    values = render.arguments(node, count, count)
    texts = ", ".join(render.text(render.convert(value, FLOAT)) for value in values)
    sql = {"POWER": "pow", "LOG": "ln", "SQUARE": "float_square"}.get(node.name, node.name.lower())
    result = Bound(f"{sql}({texts})", FLOAT)
    if node.name == "POWER" and values[0].kind.name in INTEGERS:
        return render.convert(result, values[0].kind)
    return result


def _isnumeric(render: ArgumentRenderer, node: syntax.Function) -> Bound:
    bound = render.arguments(node, 1, 1)[0]
    if bound.kind.name in TEXT:
        return Bound(f"mssql_isnumeric({render.text(bound)})", INT, nullable=False)
    numeric = int(bound.kind.name in precedence.NUMBERS)
    return Bound(f"CASE WHEN {render.text(bound)} IS NULL THEN 0 ELSE {numeric} END", INT)


FUNCTIONS: Mapping[str, Function] = {
    **dict.fromkeys(("ABS", "CEILING", "FLOOR", "SIGN"), _absolute),
    "ROUND": _round,
    **dict.fromkeys(("POWER", "SQRT", "EXP", "LOG", "LOG10", "SQUARE"), _float),
    "ISNUMERIC": _isnumeric,
}
