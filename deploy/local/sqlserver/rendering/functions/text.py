"""Functions of text rendered, JSON among them."""

from __future__ import annotations

from collections.abc import Mapping

from deploy.local.sqlserver.rendering.bound import Bound, collation_of
from deploy.local.sqlserver.rendering.functions.arguments import (
    ArgumentRenderer,
    Function,
    text_result,
)
from deploy.local.sqlserver.results import SqlType
from deploy.local.sqlserver.translation import precedence, syntax
from deploy.local.sqlserver.translation.precedence import BIGINT, BYTES, INT, NATIONAL


def _trimmed(render: ArgumentRenderer, node: syntax.Function) -> Bound:
    bound = render.as_text(render.arguments(node, 1, 1)[0])
    sql = {"TRIM": "trim", "LTRIM": "ltrim", "RTRIM": "rtrim"}[node.name]
    return text_result(f"{sql}({render.text(bound)}, ' ')", bound)


def _cased(render: ArgumentRenderer, node: syntax.Function) -> Bound:
    bound = render.as_text(render.arguments(node, 1, 1)[0])
    return text_result(f"mssql_{node.name.lower()}({render.text(bound)})", bound)


def _len(render: ArgumentRenderer, node: syntax.Function) -> Bound:
    bound = render.arguments(node, 1, 1)[0]
    type_ = BIGINT if bound.kind.length == -1 else INT
    if bound.kind.name in BYTES:
        return Bound(f"length({render.text(bound)})", type_, bound.nullable)
    bound = render.as_text(bound)
    return Bound(f"text_length(rtrim({render.text(bound)}, ' '))", type_, bound.nullable)


def _substring(render: ArgumentRenderer, node: syntax.Function) -> Bound:
    bound, start, length = render.arguments(node, 3, 3)
    arguments = (render.text(render.convert(part, BIGINT)) for part in (start, length))
    if bound.kind.name in BYTES:
        sql = f"mssql_substring({render.text(bound)}, {', '.join(arguments)})"
        return Bound(sql, precedence.text("varbinary", bound.kind.length or 1))
    bound = render.as_text(bound)
    return text_result(f"mssql_substring({render.text(bound)}, {', '.join(arguments)})", bound)


def _side(render: ArgumentRenderer, node: syntax.Function) -> Bound:
    bound, length = render.arguments(node, 2, 2)
    bound = render.as_text(bound)
    count = render.text(render.convert(length, BIGINT))
    return text_result(f"mssql_{node.name.lower()}({render.text(bound)}, {count})", bound)


def _replace(render: ArgumentRenderer, node: syntax.Function) -> Bound:
    parts = [render.as_text(part) for part in render.arguments(node, 3, 3)]
    texts = ", ".join(render.text(part) for part in parts)
    national = any(part.kind.name in NATIONAL for part in parts)
    sensitive = int(collation_of(*parts) in ("BINARY", "MSSQL_CS"))
    type_ = precedence.text("nvarchar" if national else "varchar", 4000 if national else 8000)
    if parts[0].kind.length == -1:
        type_ = precedence.text(type_.name, -1)
    return Bound(f"mssql_replace({texts}, {sensitive})", type_)


def _charindex(render: ArgumentRenderer, node: syntax.Function) -> Bound:
    wanted, text, *start = render.arguments(node, 2, 3)
    texts = [render.text(render.as_text(part)) for part in (wanted, text)]
    texts.append(render.text(render.convert(start[0], BIGINT)) if start else "1")
    sensitive = int(collation_of(wanted, text) in ("BINARY", "MSSQL_CS"))
    return Bound(f"mssql_charindex({', '.join(texts)}, {sensitive})", INT)


def _patindex(render: ArgumentRenderer, node: syntax.Function) -> Bound:
    pattern, text = (render.as_text(part) for part in render.arguments(node, 2, 2))
    return Bound(f"mssql_patindex({render.text(pattern)}, {render.text(text)})", INT)


def _repeated(render: ArgumentRenderer, node: syntax.Function) -> Bound:
    if node.name == "SPACE":
        count = render.text(render.convert(render.arguments(node, 1, 1)[0], BIGINT))
        return Bound(f"mssql_replicate(' ', {count})", precedence.text("varchar", 8000))
    bound, times = render.arguments(node, 2, 2)
    bound = render.as_text(bound)
    sql = f"mssql_replicate({render.text(bound)}, {render.text(render.convert(times, BIGINT))})"
    length = -1 if bound.kind.length == -1 else 8000
    return text_result(sql, bound, length)


def _reverse(render: ArgumentRenderer, node: syntax.Function) -> Bound:
    bound = render.as_text(render.arguments(node, 1, 1)[0])
    return text_result(f"mssql_reverse({render.text(bound)})", bound)


def _concat(render: ArgumentRenderer, node: syntax.Function) -> Bound:
    """CONCAT: NULL counts as an empty text."""
    separated = node.name == "CONCAT_WS"
    parts = [render.as_text(part) for part in render.arguments(node, 2, 254)]
    national = any(part.kind.name in NATIONAL for part in parts)
    length = 0
    for part in parts:
        length = precedence.joined_length(length, part.kind.length or 1)
    type_ = precedence.text("nvarchar" if national else "varchar", length)
    if separated:
        texts = ", ".join(render.text(part) for part in parts)
        return Bound(f"concat_ws({texts})", type_, nullable=False)
    texts = " || ".join(f"coalesce({render.text(part)}, '')" for part in parts)
    return Bound(f"({texts})", type_, nullable=False)


def _code(render: ArgumentRenderer, node: syntax.Function) -> Bound:
    bound = render.arguments(node, 1, 1)[0]
    name = node.name.lower()
    if name in ("ascii", "unicode"):
        return Bound(f"mssql_{name}({render.text(render.as_text(bound))})", INT)
    type_ = SqlType("nchar" if name == "nchar" else "char", length=1)
    return Bound(f"mssql_{name}({render.text(render.convert(bound, INT))})", type_)


def _json_value(render: ArgumentRenderer, node: syntax.Function) -> Bound:
    document, path = render.arguments(node, 2, 2)
    sql = f"CAST(json_extract({render.text(document)}, {render.text(path)}) AS TEXT)"
    return Bound(sql, SqlType("nvarchar", length=4000))


def _isjson(render: ArgumentRenderer, node: syntax.Function) -> Bound:
    return Bound(f"json_valid({render.text(render.arguments(node, 1, 1)[0])})", INT)


FUNCTIONS: Mapping[str, Function] = {
    **dict.fromkeys(("TRIM", "LTRIM", "RTRIM"), _trimmed),
    **dict.fromkeys(("UPPER", "LOWER"), _cased),
    "LEN": _len,
    "SUBSTRING": _substring,
    **dict.fromkeys(("LEFT", "RIGHT"), _side),
    "REPLACE": _replace,
    "CHARINDEX": _charindex,
    "PATINDEX": _patindex,
    **dict.fromkeys(("REPLICATE", "SPACE"), _repeated),
    "REVERSE": _reverse,
    **dict.fromkeys(("CONCAT", "CONCAT_WS"), _concat),
    **dict.fromkeys(("ASCII", "UNICODE", "CHAR", "NCHAR"), _code),
    "JSON_VALUE": _json_value,
    "ISJSON": _isjson,
}
