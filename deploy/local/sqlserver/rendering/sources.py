"""FROM rendered: tables, views of the catalog, derived and common tables, CHANGETABLE, OPENJSON."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, ClassVar, Protocol

from deploy.local.sqlserver.errors import SqlError, Unsupported
from deploy.local.sqlserver.rendering.aggregates import AggregateRenderer
from deploy.local.sqlserver.rendering.bound import CONVERSIONS, Bound, conversion
from deploy.local.sqlserver.rendering.scope import BoundSource, Scope
from deploy.local.sqlserver.results import Column, SqlType
from deploy.local.sqlserver.storage import Table, collation
from deploy.local.sqlserver.translation import syntax
from deploy.local.sqlserver.translation.precedence import BIGINT, BYTES, INT
from deploy.local.sqlserver.translation.syntax import Query, Source

NVARCHAR = SqlType("nvarchar", length=-1)


class TableSource(Protocol):
    """A SELECT that stands for a table, with the names of its outputs there."""

    @property
    def columns(self) -> tuple[Column, ...]: ...

    @property
    def sql(self) -> str: ...


class Surroundings(Protocol):
    """What rendering needs to know of the session and its database."""

    database: str
    default_schema: str

    def view(self, schema: str, name: str) -> TableSource | None: ...

    def changes(self, object_id: int, baseline: str) -> tuple[TableSource, Sequence[str]]: ...

    def version(self, object_id: int, keys: Sequence[str]) -> tuple[TableSource, Sequence[str]]: ...

    def databases(self) -> frozenset[str]: ...


class SourceRenderer(AggregateRenderer):
    def query(
        self, query: Query, *, names: Sequence[str] = ()
    ) -> tuple[str, list[tuple[str, Bound]]]:
        raise NotImplementedError  # selects.py has it

    def find_table(self, parts: tuple[str, ...]) -> Table:
        """Return the table a name means in the current database; 208 if there is none."""
        schema, name = self.qualified(parts)
        table = self.definitions.find(schema, name)
        if table is None:
            raise SqlError(208, f"Invalid object name '{'.'.join(parts)}'.")
        return table

    def qualified(self, parts: tuple[str, ...]) -> tuple[str, str]:
        if len(parts) > 3:
            raise Unsupported("names of linked servers")
        if len(parts) == 3 and parts[0].lower() != self.around.database.lower():
            if parts[0].lower() not in self.around.databases():
                raise SqlError(208, f"Invalid object name '{'.'.join(parts)}'.")
            raise Unsupported(f"tables of another database ({'.'.join(parts)})")
        schema = parts[-2] if len(parts) > 1 and parts[-2] else self.around.default_schema
        if len(parts) == 1 and self.definitions.find(schema, parts[-1]) is None:
            schema = "dbo"
        return schema, parts[-1]

    def source(self, node: Source) -> str:
        """Return the SQLite text of a source; its columns join the scope."""
        render = self._SOURCES[type(node)]
        return render(self, node)

    def _added(self, source: BoundSource) -> str:
        self.scope.add(source)
        return source.sql

    def _table(self, node: syntax.TableName) -> str:
        if len(node.parts) == 1:
            common = self.scope.common_table(node.parts[0])
            if common is not None:
                return self._common(node, common.sql, common.columns)
        catalog = self._catalog_view(node)
        if catalog is not None:
            return catalog
        table = self.find_table(node.parts)
        self.needed.add((table.object_id, "SELECT"))
        self.read_data = True
        return self._added(self.table_source(table, node.alias))

    def table_source(self, table: Table, alias: str | None) -> BoundSource:
        sqlite = self.alias()
        columns = {
            column.name.lower(): (
                column.name,
                Bound(
                    f"{sqlite}.{column.sql}",
                    column.type,
                    column.nullable,
                    collation(column.type, column.collation),
                    identity=column.identity is not None,
                ),
            )
            for column in table.columns
        }
        names = (
            (alias.lower(),)
            if alias
            else (self.around.database.lower(), table.schema.lower(), table.name.lower())
        )
        return BoundSource(names, columns, f"{table.sql} AS {sqlite}", sqlite, table)

    def _common(
        self, node: syntax.TableName, sql: str, columns: dict[str, tuple[str, Bound]]
    ) -> str:
        sqlite = self.alias()
        moved = {
            key: (name, _moved(bound, f"{sqlite}.{bound.sql}"))
            for key, (name, bound) in columns.items()
        }
        names = ((node.alias or node.parts[0]).lower(),)
        return self._added(BoundSource(names, moved, f"{sql} AS {sqlite}", sqlite))

    def _catalog_view(self, node: syntax.TableName) -> str | None:
        if len(node.parts) == 1:
            return None
        schema = node.parts[-2].lower() or "dbo"
        view = self.around.view(schema, node.parts[-1].lower())
        if view is None:
            if schema in ("sys", "information_schema"):
                raise Unsupported(f"the view {'.'.join(node.parts[-2:])}")
            return None
        if len(node.parts) == 3 and schema != "sys":
            self.qualified(node.parts)
        elif (
            len(node.parts) == 3
            and node.parts[0].lower() != self.around.database.lower()
            and (node.parts[-1].lower() not in _INSTANCE_VIEWS)
        ):
            raise Unsupported(f"the catalog of another database ({'.'.join(node.parts)})")
        self.read_data = True
        if node.parts[-1].lower().startswith("dm_"):
            self.needed.add((0, "VIEW DATABASE STATE"))
        names = [column.name for column in view.columns]
        alias = node.alias or node.parts[-1]
        qualified = (alias.lower(),) if node.alias else (schema, alias.lower())
        return self._selected(qualified, view.columns, view.sql, names)

    def _selected(
        self,
        names: tuple[str, ...],
        columns: Sequence[Column],
        sql: str,
        outputs: Sequence[str],
        shown: Sequence[str] = (),
    ) -> str:
        sqlite = self.alias()
        bound = {}
        for column, output, name in zip(
            columns, outputs, shown or [column.name for column in columns], strict=True
        ):
            quoted = '"' + output.replace('"', '""') + '"'
            bound[name.lower()] = (
                name,
                Bound(
                    f"{sqlite}.{quoted}",
                    column.type,
                    column.nullable,
                    collation(column.type, None),
                ),
            )
        return self._added(BoundSource(names, bound, f"({sql}) AS {sqlite}", sqlite))

    def _derived(self, node: syntax.Derived) -> str:
        outer = self.scope
        # A derived table sees what is around the query, not its neighbours in FROM.
        self.scope = Scope(outer.parent, common=outer.common)
        sql, outputs = self.query(node.query, names=node.columns)
        self.scope = outer
        sqlite = self.alias()
        columns: dict[str, tuple[str, Bound]] = {}
        for number, (name, bound) in enumerate(outputs, 1):
            require_name(name, number, node.alias)
            if name.lower() in columns:
                raise SqlError(
                    8156,
                    f"The column '{name}' was specified multiple times for '{node.alias}'.",
                )
            columns[name.lower()] = (name, _moved(bound, f"{sqlite}.x{number}"))
        return self._added(
            BoundSource((node.alias.lower(),), columns, f"({sql}) AS {sqlite}", sqlite)
        )

    def _values(self, node: syntax.RowValues) -> str:
        rows = [[self.scalar(value) for value in row] for row in node.rows]
        if any(len(row) != len(node.columns) for row in rows):
            raise SqlError(
                8159, f"'{node.alias}' has more columns than were specified in the column list."
            )
        sqlite = self.alias()
        columns: dict[str, tuple[str, Bound]] = {}
        unified = []
        for number, name in enumerate(node.columns):
            type_, values = self.unified([row[number] for row in rows])
            unified.append([self.text(value) for value in values])
            nullable = any(value.nullable for value in values)
            columns[name.lower()] = (
                name,
                Bound(f"{sqlite}.column{number + 1}", type_, nullable),
            )
        texts = ", ".join(f"({', '.join(row)})" for row in zip(*unified, strict=True))
        return self._added(
            BoundSource((node.alias.lower(),), columns, f"(VALUES {texts}) AS {sqlite}", sqlite)
        )

    def _changes(self, node: syntax.ChangeTable) -> str:
        table = self.find_table(node.table)
        self.needed.add((table.object_id, "VIEW CHANGE TRACKING"))
        self.read_data = True
        if node.keys:
            source, outputs = self._version(node, table)
        else:
            baseline = node.baseline or syntax.Literal(None, None)
            bound = self.convert(self.scalar(baseline), BIGINT)
            source, outputs = self.around.changes(table.object_id, self.text(bound))
        return self._selected(
            (node.alias.lower(),), source.columns, source.sql, outputs, node.columns
        )

    def _version(self, node: syntax.ChangeTable, table: Table) -> tuple[TableSource, Sequence[str]]:
        key = table.primary_key
        given = {name.lower(): value for name, value in node.keys}
        columns = [table.by_id(number) for number in key.columns] if key else []
        wanted = [column for column in columns if column.name.lower() in given]
        if len(wanted) != len(given) or len(wanted) != len(columns):
            return self.around.version(table.object_id, ["NULL"] * len(given))
        texts = [
            self.text(self.convert(self.scalar(given[column.name.lower()]), column.type))
            for column in wanted
        ]
        return self.around.version(table.object_id, texts)

    def _open_json(self, node: syntax.OpenJson) -> str:
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

    def _table_function(self, node: syntax.TableFunction) -> str:
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

    def _applied(self, node: syntax.Join) -> str:
        """APPLY: the right side is asked again for each row of the left."""
        left = self.source(node.left)
        between = len(self.scope.sources)
        outer = node.kind == "OUTER APPLY"
        word = "LEFT JOIN" if outer else "JOIN"
        right = node.right
        if isinstance(right, syntax.ChangeTable) and right.keys:
            text = self._joined_versions(right, left, word)
        elif isinstance(right, syntax.Derived):
            text = f"{left} {word} {self._correlated(right)} ON true"
        elif isinstance(right, (syntax.OpenJson, syntax.TableFunction)):
            text = f"{left} {word} {self.source(right)} ON true"
        else:
            raise Unsupported(f"{node.kind} of this source")
        if outer:
            for source in self.scope.sources[between:]:
                source.weaken()
        return text

    def _joined_versions(self, node: syntax.ChangeTable, left: str, word: str) -> str:
        """CHANGETABLE(VERSION …) for each row: all versions, joined by the key."""
        table = self.find_table(node.table)
        self.needed.add((table.object_id, "VIEW CHANGE TRACKING"))
        key = table.primary_key
        columns = [table.by_id(number) for number in key.columns] if key else []
        given = {name.lower(): self.scalar(value) for name, value in node.keys}
        source, outputs = self.around.version(
            table.object_id, [f"t.{column.sql}" for column in columns]
        )
        text = self._selected(
            (node.alias.lower(),), source.columns, source.sql, outputs, node.columns
        )
        joined = self.scope.sources[-1]
        conditions = []
        for column in columns:
            if column.name.lower() not in given:
                raise SqlError(207, f"Invalid column name '{column.name}'.")
            own = joined.columns[column.name.lower()][1]
            conditions.append(self.compare("=", own, given[column.name.lower()]))
        return f"{left} {word} {text} ON {' AND '.join(conditions)}"

    def _correlated(self, node: syntax.Derived) -> str:
        """Render a query that names columns of its neighbours, as rows of one JSON text."""
        kept = self.scope
        self.scope = Scope(kept)
        sql, outputs = self.query(node.query, names=node.columns)
        self.scope = kept
        sqlite = self.alias()
        columns: dict[str, tuple[str, Bound]] = {}
        packed = []
        for number, (name, bound) in enumerate(outputs, 1):
            require_name(name, number, node.alias)
            value = f"json_extract({sqlite}.value, '$[{number - 1}]')"
            if bound.kind.name in BYTES:
                packed.append(f"hex(x{number})")
                value = f"unhex({value})"
            else:
                packed.append(f"x{number}")
            columns[name.lower()] = (name, _moved(bound, value))
        text = (
            f"json_each((SELECT json_group_array(json_array({', '.join(packed)})) FROM ({sql})))"
            f" AS {sqlite}"
        )
        return self._added(BoundSource((node.alias.lower(),), columns, text, sqlite))

    def _join(self, node: syntax.Join) -> str:
        if node.kind.endswith("APPLY"):
            return self._applied(node)
        before = len(self.scope.sources)
        left = self.source(node.left)
        between = len(self.scope.sources)
        right = self.source(node.right)
        if isinstance(node.right, syntax.Join):
            right = f"({right})"
        condition = "" if node.on is None else f" ON {self.predicate(node.on)}"
        if node.kind in ("LEFT", "FULL"):
            for source in self.scope.sources[between:]:
                source.weaken()
        if node.kind in ("RIGHT", "FULL"):
            for source in self.scope.sources[before:between]:
                source.weaken()
        words = {"INNER": "JOIN", "CROSS": "JOIN"}.get(node.kind, f"{node.kind} JOIN")
        return f"{left} {words} {right}{condition}"

    _SOURCES: ClassVar[dict[type, Callable[[SourceRenderer, Any], str]]] = {
        syntax.TableName: _table,
        syntax.Derived: _derived,
        syntax.RowValues: _values,
        syntax.ChangeTable: _changes,
        syntax.OpenJson: _open_json,
        syntax.TableFunction: _table_function,
        syntax.Join: _join,
    }


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


def require_name(name: str, number: int, alias: str) -> None:
    if not name:
        raise SqlError(8155, f"No column name was specified for column {number} of '{alias}'.")


def _moved(bound: Bound, sql: str) -> Bound:
    return Bound(sql, bound.kind, bound.nullable, bound.collation)


_INSTANCE_VIEWS = frozenset(
    (
        "databases",
        "change_tracking_databases",
        "database_recovery_status",
        "server_principals",
        "dm_exec_sessions",
        "dm_exec_requests",
        "sql_logins",
        "configurations",
    )
)
