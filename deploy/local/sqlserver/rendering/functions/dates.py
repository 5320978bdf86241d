"""Functions of dates and times rendered; the part of time is the first argument's text."""

from __future__ import annotations

from collections.abc import Mapping

from deploy.local.sqlserver.errors import SqlError
from deploy.local.sqlserver.rendering.bound import Bound
from deploy.local.sqlserver.rendering.functions.arguments import (
    ArgumentRenderer,
    Function,
    check_count,
)
from deploy.local.sqlserver.results import SqlType
from deploy.local.sqlserver.translation import syntax
from deploy.local.sqlserver.translation.precedence import BIGINT, INT, TEMPORAL

_DATETIME = SqlType("datetime")
_DATETIME2 = SqlType("datetime2", scale=7)
_PARTS = {
    alias: part
    for part, aliases in {
        "year": "year yy yyyy",
        "quarter": "quarter qq q",
        "month": "month mm m",
        "dayofyear": "dayofyear dy y",
        "day": "day dd d",
        "week": "week wk ww",
        "iso_week": "iso_week isowk isoww",
        "weekday": "weekday dw w",
        "hour": "hour hh",
        "minute": "minute mi n",
        "second": "second ss s",
        "millisecond": "millisecond ms",
        "microsecond": "microsecond mcs",
        "nanosecond": "nanosecond ns",
    }.items()
    for alias in aliases.split()
}


def _dateadd(render: ArgumentRenderer, node: syntax.Function) -> Bound:
    part = _part(node)
    check_count(node, 3, 3)
    number = render.text(render.convert(render.scalar(node.arguments[1]), BIGINT))
    moment = _moment(render, render.scalar(node.arguments[2]))
    sql = f"date_added('{part}', {number}, {render.text(moment)}, '{moment.kind.name}')"
    return Bound(sql, moment.kind, moment.nullable)


def _datediff(render: ArgumentRenderer, node: syntax.Function) -> Bound:
    part = _part(node)
    check_count(node, 3, 3)
    sides = [
        render.text(render.convert(_moment(render, render.scalar(side)), _DATETIME2))
        for side in node.arguments[1:]
    ]
    type_ = BIGINT if node.name == "DATEDIFF_BIG" else INT
    return Bound(f"date_difference('{part}', {', '.join(sides)})", type_)


def _datepart(render: ArgumentRenderer, node: syntax.Function) -> Bound:
    part = _part(node)
    check_count(node, 2, 2)
    return _part_of(render, part, node.arguments[1], node.name)


def _day_month_year(render: ArgumentRenderer, node: syntax.Function) -> Bound:
    check_count(node, 1, 1)
    return _part_of(render, node.name.lower(), node.arguments[0], "DATEPART")


def _from_parts(render: ArgumentRenderer, node: syntax.Function) -> Bound:
    numbers = [render.text(render.convert(part, INT)) for part in render.arguments(node, 3, 3)]
    return Bound(f"date_from_parts({', '.join(numbers)})", SqlType("date"))


def _eomonth(render: ArgumentRenderer, node: syntax.Function) -> Bound:
    moment = render.arguments(node, 1, 1)[0]
    text = render.text(render.convert(moment, SqlType("date")))
    return Bound(f"end_of_month({text})", SqlType("date"), moment.nullable)


def _isdate(render: ArgumentRenderer, node: syntax.Function) -> Bound:
    bound = render.as_text(render.arguments(node, 1, 1)[0])
    return Bound(f"mssql_isdate({render.text(bound)})", INT, nullable=False)


def _part(node: syntax.Function) -> str:
    first = node.arguments[0]
    part = _PARTS.get(str(first.value)) if isinstance(first, syntax.Literal) else None
    if part is None:
        raise SqlError(
            155,
            f"'{getattr(first, 'value', '')}' is not a recognized {node.name.lower()} option.",
            severity=15,
        )
    return part


def _part_of(render: ArgumentRenderer, part: str, argument: syntax.Expression, name: str) -> Bound:
    moment = render.text(render.convert(_moment(render, render.scalar(argument)), _DATETIME2))
    if name == "DATENAME":
        return Bound(f"date_name('{part}', {moment})", SqlType("nvarchar", length=30))
    return Bound(f"date_part('{part}', {moment})", INT)


def _moment(render: ArgumentRenderer, bound: Bound) -> Bound:
    return bound if bound.kind.name in TEMPORAL else render.convert(bound, _DATETIME)


FUNCTIONS: Mapping[str, Function] = {
    "DATEADD": _dateadd,
    **dict.fromkeys(("DATEDIFF", "DATEDIFF_BIG"), _datediff),
    **dict.fromkeys(("DATEPART", "DATENAME"), _datepart),
    **dict.fromkeys(("YEAR", "MONTH", "DAY"), _day_month_year),
    "DATEFROMPARTS": _from_parts,
    "EOMONTH": _eomonth,
    "ISDATE": _isdate,
}
