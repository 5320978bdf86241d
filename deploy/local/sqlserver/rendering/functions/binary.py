"""Functions of bytes rendered: how many, their hash, a new identifier."""

from __future__ import annotations

from collections.abc import Mapping

from deploy.local.sqlserver.errors import Unsupported
from deploy.local.sqlserver.rendering.bound import Bound
from deploy.local.sqlserver.rendering.functions.arguments import ArgumentRenderer, Function
from deploy.local.sqlserver.results import SqlType
from deploy.local.sqlserver.translation import precedence, syntax
from deploy.local.sqlserver.translation.precedence import BIGINT, BYTES, INT, NATIONAL, TEXT


def _datalength(render: ArgumentRenderer, node: syntax.Function) -> Bound:
    bound = render.arguments(node, 1, 1)[0]
    kind = bound.kind
    type_ = BIGINT if kind.length == -1 else INT
    text = render.text(bound)
    sizes = {"bigint": 8, "int": 4, "smallint": 2, "tinyint": 1, "bit": 1, "float": 8}
    sizes |= {"real": 4, "datetime": 8, "date": 3, "uniqueidentifier": 16, "datetime2": 8}
    if kind.name in TEXT:
        width = " * 2" if kind.name in NATIONAL else ""
        return Bound(f"(text_length({text}){width})", type_, bound.nullable)
    if kind.name in BYTES:
        return Bound(f"length({text})", type_, bound.nullable)
    if kind.name not in sizes:
        raise Unsupported(f"DATALENGTH of {kind.name}")
    return Bound(f"CASE WHEN {text} IS NULL THEN NULL ELSE {sizes[kind.name]} END", INT)


def _newid(render: ArgumentRenderer, node: syntax.Function) -> Bound:
    render.arguments(node, 0, 0)
    return Bound("mssql_newid()", SqlType("uniqueidentifier"), nullable=False)


def _hash(render: ArgumentRenderer, node: syntax.Function) -> Bound:
    algorithm, bound = render.arguments(node, 2, 2)
    raw = render.convert(bound, precedence.text("varbinary", -1))
    sql = f"mssql_hash({render.text(algorithm)}, {render.text(raw)})"
    return Bound(sql, SqlType("varbinary", length=8000))


FUNCTIONS: Mapping[str, Function] = {
    "DATALENGTH": _datalength,
    "NEWID": _newid,
    "HASHBYTES": _hash,
}
