"""Sources that functions make: OPENJSON, STRING_SPLIT, GENERATE_SERIES."""

from __future__ import annotations

from deploy.local.sqlserver.errors import Unsupported
from deploy.local.sqlserver.rendering.bound import CONVERSIONS, Bound, conversion
from deploy.local.sqlserver.rendering.changes import ChangesRenderer
from deploy.local.sqlserver.rendering.scope import BoundSource
from deploy.local.sqlserver.results import SqlType
from deploy.local.sqlserver.translation import syntax
from deploy.local.sqlserver.translation.precedence import INT

NVARCHAR = SqlType("nvarchar", length=-1)


class GeneratedRenderer(ChangesRenderer):
    def open_json(self, node: syntax.OpenJson) -> str:
        document = self.text(self.scalar(node.document))
        path = "'$'" if node.path is None else self.text(self.scalar(node.path))
        sqlite = self.alias()
        columns = {} if node.columns else _json_pairs(sqlite)
        for column in node.columns:
            where = (column.path or f'$."{column.name}"').replace("'", "''")
            convert = conversion(NVARCHAR, column.type)
            number = -1 if convert is None else CONVERSIONS.number(convert)
            value = f"json_extract({sqlite}.value, '{where}')"
            sql = f"CAST({value} AS TEXT)" if number < 0 else f"cv_json({value}, {number})"
            columns[column.name.lower()] = (column.name, Bound(sql, column.type))
        names = ((node.alias or "openjson").lower(),)
        return self._added(
            BoundSource(names, columns, f"json_each({document}, {path}) AS {sqlite}", sqlite)
        )

    def table_function(self, node: syntax.TableFunction) -> str:
        if node.name == "STRING_SPLIT" and len(node.arguments) == 2:
            text, separator = (self.text(self.scalar(part)) for part in node.arguments)
            sqlite = self.alias()
            columns = {"value": ("value", Bound(f"{sqlite}.value", NVARCHAR))}
            sql = f"json_each(mssql_split({text}, {separator})) AS {sqlite}"
            return self._added(
                BoundSource(((node.alias or "string_split").lower(),), columns, sql, sqlite)
            )
        if node.name == "GENERATE_SERIES":
            return self._series(node)
        raise Unsupported(f"the table function {node.name}")

    def _series(self, node: syntax.TableFunction) -> str:
        bounds = [self.text(self.convert(self.scalar(part), INT)) for part in node.arguments]
        sqlite = self.alias()
        columns = {"value": ("value", Bound(f"{sqlite}.value", INT, nullable=False))}
        step = bounds[2] if len(bounds) > 2 else "1"
        sql = (
            f"(WITH RECURSIVE g(value) AS (SELECT {bounds[0]} UNION ALL SELECT value + {step} "
            f"FROM g WHERE value + {step} <= {bounds[1]}) SELECT value FROM g) AS {sqlite}"
        )
        return self._added(
            BoundSource(((node.alias or "generate_series").lower(),), columns, sql, sqlite)
        )


def _json_pairs(sqlite: str) -> dict[str, tuple[str, Bound]]:
    """Return the columns of OPENJSON without WITH."""
    value = (
        f"CASE {sqlite}.type WHEN 'true' THEN 'true' WHEN 'false' THEN 'false' "
        f"ELSE CAST({sqlite}.value AS TEXT) END"
    )
    kind = (
        f"CASE {sqlite}.type WHEN 'null' THEN 0 WHEN 'text' THEN 1 WHEN 'true' THEN 3 "
        f"WHEN 'false' THEN 3 WHEN 'array' THEN 4 WHEN 'object' THEN 5 ELSE 2 END"
    )
    key = Bound(f"CAST({sqlite}.key AS TEXT)", SqlType("nvarchar", length=4000))
    return {
        "key": ("key", key),
        "value": ("value", Bound(value, NVARCHAR)),
        "type": ("type", Bound(kind, INT)),
    }
