"""CHANGETABLE rendered."""

from __future__ import annotations

from collections.abc import Sequence

from deploy.local.sqlserver.errors import SqlError
from deploy.local.sqlserver.rendering.named import NamedRenderer
from deploy.local.sqlserver.rendering.surroundings import TableSource
from deploy.local.sqlserver.storage import Table
from deploy.local.sqlserver.translation import syntax
from deploy.local.sqlserver.translation.precedence import BIGINT


class ChangesRenderer(NamedRenderer):
    def changes(self, node: syntax.ChangeTable) -> str:
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
