"""UPDATE and DELETE rendered, beside INSERT."""

from __future__ import annotations

from deploy.local.sqlserver.errors import SqlError, Unsupported
from deploy.local.sqlserver.rendering.assignments import Write
from deploy.local.sqlserver.rendering.inserts import InsertRenderer
from deploy.local.sqlserver.rendering.scope import BoundSource, Scope
from deploy.local.sqlserver.storage import StoredColumn, Table
from deploy.local.sqlserver.translation import statements, syntax


class WriteRenderer(InsertRenderer):
    def _target(
        self, parts: tuple[str, ...], source: syntax.Source | None
    ) -> tuple[Table, BoundSource, str]:
        """Return the table to write, its source in the scope, and the FROM text."""
        if source is None:
            table = self.find_table(parts)
            bound = self.table_source(table, None)
            self.scope.add(bound)
            return table, bound, bound.sql
        text = self.source(source)
        for bound in self.scope.sources:
            if bound.table is not None and bound.matches(parts):
                return bound.table, bound, text
        table = self.find_table(parts)
        same = [bound for bound in self.scope.sources if bound.table == table]
        if len(same) > 1:
            raise SqlError(8154, f"The table '{'.'.join(parts)}' is ambiguous.")
        if same:
            return table, same[0], text
        raise Unsupported("a FROM that does not name the table to be changed")

    def update(self, node: statements.Update) -> Write:
        prefix = self.common_tables(node.common)
        self.scope = Scope(self.scope)
        table, target, source = self._target(node.table, node.source)
        self.needed.add((table.object_id, "UPDATE"))
        values: dict[StoredColumn, str] = {}
        for assignment in node.assignments:
            column = self._column(table, assignment.column)
            if column.identity is not None:
                raise SqlError(8102, f"Cannot update identity column '{column.name}'.")
            if column in values:
                raise SqlError(264, f"The column name '{column.name}' is specified more than once.")
            values[column] = self._new_value(table, column, assignment, target)
        where = "" if node.where is None else f" WHERE {self.predicate(node.where)}"
        if where or node.source is not None:
            self.needed.add((table.object_id, "SELECT"))
        context = self._context(node.context)
        outputs, returning = self._returning(table, node.output, "inserted")
        keyed = {number for index in table.indexes if index.unique for number in index.columns}
        limit = "" if node.top is None else f" LIMIT {self._row_count(node.top)}"
        if any(column.column_id in keyed for column in values):
            steps = self._rekeyed(table, target, values, prefix, f"FROM {source}{where}{limit}")
            return Write(
                table, (*steps[:2], steps[2] + returning, steps[3]), 2, tuple(outputs), context
            )
        if node.source is None and not limit and not prefix:
            listed = ", ".join(f"{column.sql} = {text}" for column, text in values.items())
            sql = f"UPDATE {source} SET {listed}{where}{returning}"
            return Write(table, (sql,), 0, tuple(outputs), context)
        selected = ", ".join(f"{text} AS v{column.column_id}" for column, text in values.items())
        listed = ", ".join(f"{column.sql} = u.v{column.column_id}" for column in values)
        sql = (
            f"UPDATE {table.sql} SET {listed} FROM ({prefix}SELECT {target.alias}.rowid AS r, "
            f"{selected} FROM {source}{where}{limit}) AS u WHERE {table.sql}.rowid = u.r{returning}"
        )
        return Write(table, (sql,), 0, tuple(outputs), context)

    def _new_value(
        self,
        table: Table,
        column: StoredColumn,
        assignment: statements.Assignment,
        target: BoundSource,
    ) -> str:
        if assignment.value is None:
            return self.text(self._fallback(table, column))
        value = self.scalar(assignment.value)
        if assignment.operator != "=":
            old = target.columns[column.name.lower()][1]
            value = self.combine(assignment.operator[0], old, value)
        return self.text(self._assigned(table, column, value))

    @staticmethod
    def _rekeyed(
        table: Table, target: BoundSource, values: dict[StoredColumn, str], prefix: str, rest: str
    ) -> tuple[str, str, str, str]:
        """Give many rows new keys at once, which SQLite would check row by row: out, then in."""
        selected = ", ".join(
            f"{values.get(column, f'{target.alias}.{column.sql}')} AS v{column.column_id}"
            for column in table.columns
        )
        listed = ", ".join(column.sql for column in table.columns)
        renewed = ", ".join(f"v{column.column_id}" for column in table.columns)
        return (
            (
                f"CREATE TEMP TABLE rekeyed AS {prefix}"
                f"SELECT {target.alias}.rowid AS r, {selected} "
                f"{rest}"
            ),
            f"DELETE FROM {table.sql} WHERE rowid IN (SELECT r FROM temp.rekeyed)",
            f"INSERT INTO {table.sql}({listed}) SELECT {renewed} FROM temp.rekeyed WHERE true",
            "DROP TABLE temp.rekeyed",
        )

    def delete(self, node: statements.Delete) -> Write:
        prefix = self.common_tables(node.common)
        self.scope = Scope(self.scope)
        table, target, source = self._target(node.table, node.source)
        self.needed.add((table.object_id, "DELETE"))
        where = "" if node.where is None else f" WHERE {self.predicate(node.where)}"
        if where:
            self.needed.add((table.object_id, "SELECT"))
        outputs, returning = self._returning(table, node.output, "deleted")
        limit = "" if node.top is None else f" LIMIT {self._row_count(node.top)}"
        context = self._context(node.context)
        if node.source is None and not limit and not prefix:
            sql = f"DELETE FROM {source}{where}{returning}"
        else:
            sql = (
                f"DELETE FROM {table.sql} WHERE rowid IN ({prefix}SELECT {target.alias}.rowid "
                f"FROM {source}{where}{limit}){returning}"
            )
        return Write(table, (sql,), 0, tuple(outputs), context)
