"""Sources that have a name: tables, views of the catalog, common tables."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Sequence

from deploy.local.sqlserver.errors import SqlError, Unsupported
from deploy.local.sqlserver.rendering.aggregates import AggregateRenderer
from deploy.local.sqlserver.rendering.bound import Bound
from deploy.local.sqlserver.rendering.scope import BoundSource
from deploy.local.sqlserver.results import Column
from deploy.local.sqlserver.storage import Table, collation
from deploy.local.sqlserver.translation import syntax
from deploy.local.sqlserver.translation.syntax import Query

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


class NamedRenderer(AggregateRenderer):
    @abstractmethod
    def query(
        self, query: Query, *, names: Sequence[str] = ()
    ) -> tuple[str, list[tuple[str, Bound]]]:
        """Return the SQLite text of a query and its outputs with their names."""

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

    def _added(self, source: BoundSource) -> str:
        self.scope.add(source)
        return source.sql

    def named(self, node: syntax.TableName) -> str:
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
        outputs = {
            key: (name, moved(bound, f"{sqlite}.{bound.sql}"))
            for key, (name, bound) in columns.items()
        }
        names = ((node.alias or node.parts[0]).lower(),)
        return self._added(BoundSource(names, outputs, f"{sql} AS {sqlite}", sqlite))

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


def moved(bound: Bound, sql: str) -> Bound:
    return Bound(sql, bound.kind, bound.nullable, bound.collation)
