"""INSERT, UPDATE and DELETE rendered."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

from deploy.local.sqlserver.conversions import Place
from deploy.local.sqlserver.errors import SqlError, Unsupported
from deploy.local.sqlserver.rendering.bound import Bound, Slot
from deploy.local.sqlserver.rendering.scope import BoundSource, Scope
from deploy.local.sqlserver.rendering.selects import Outputs, SelectRenderer
from deploy.local.sqlserver.results import SqlType
from deploy.local.sqlserver.storage import StoredColumn, Table
from deploy.local.sqlserver.translation import statements, syntax
from deploy.local.sqlserver.translation.databases import DatabaseParser


@dataclass(frozen=True, slots=True)
class Write:
    """The SQLite statements of one write; the rows that `steps[counted]` changes are its count."""

    table: Table
    steps: tuple[str, ...]
    counted: int = 0
    outputs: tuple[tuple[str, Bound], ...] = ()
    context: Slot | None = None
    identity: bool = False


@dataclass(frozen=True, slots=True)
class InsertParts:
    """The columns that get values: from the statement, by default, generated, given by hand."""

    columns: list[StoredColumn]
    missing: list[StoredColumn]
    generated: list[str]
    given: StoredColumn | None


class WriteRenderer(SelectRenderer):
    identity_insert: int | None = None
    """The table whose identity column takes given values."""

    def _place(self, table: Table, column: StoredColumn) -> Place:
        return Place(f"{self.around.database}.{table.schema}.{table.name}", column.name)

    def _assigned(self, table: Table, column: StoredColumn, bound: Bound) -> Bound:
        """Return a value as the column takes it; NULL in a row's own number is refused here."""
        converted = self.convert(bound, column.type, place=self._place(table, column))
        if column != table.rowid_key or not (bound.nullable or bound.slot is not None):
            return converted
        error = cannot_be_null(self.around.database, table, column)
        if converted.slot is not None:
            slot = converted.slot
            return replace(converted, sql="", slot=Slot(_required(slot.get, error), slot.convert))
        if bound.type is None:
            return Bound("", column.type, slot=Slot(_required(lambda _: None, error)))
        return replace(converted, sql=f"required({converted.sql}, '{_escaped(error.message)}')")

    def _default(self, table: Table, column: StoredColumn) -> Bound:
        if column.default_sql is None:
            return Bound("NULL", None)
        node = _parsed_default(column.default_sql)
        outer, self.scope = self.scope, Scope()
        bound = self.scalar(node)
        self.scope = outer
        return self._assigned(table, column, bound)

    def default_text(self, table: Table, column: StoredColumn) -> str:
        """Return a column's default as SQLite evaluates it, without values bound at run time."""
        bound = self._default(table, column)
        return bound.sql or "NULL"

    def insert(self, node: statements.Insert) -> Write:
        table = self.find_table(node.table)
        self.needed.add((table.object_id, "INSERT"))
        prefix = self.common_tables(node.common)
        columns = self._insert_columns(table, node)
        automatic = self._automatic(table, columns)
        missing = [
            column
            for column in table.columns
            if column not in columns
            and (column.default_sql is not None or column == table.rowid_key)
            and column != automatic
        ]
        generated = [] if automatic is None else [f"next_identity({table.object_id})"]
        given = table.identity if automatic is None else None
        targets = [*columns, *missing, *([automatic] if automatic else [])]
        listed = f"({', '.join(column.sql for column in targets)})" if targets else ""
        parts = InsertParts(columns, missing, generated, given)
        if node.query is not None:
            body = self._inserted_query(table, node, node.query, parts)
        else:
            body = self._inserted_rows(table, node, parts)
        if not targets:
            body = "DEFAULT VALUES"
        sql = f"{prefix}INSERT INTO {table.sql}{listed} {body}"
        outputs, returning = self._returning(table, node.output, "inserted")
        return Write(
            table,
            (sql + returning,),
            outputs=tuple(outputs),
            context=self._context(node.context),
            identity=table.identity is not None,
        )

    def _context(self, node: syntax.Expression | None) -> Slot | None:
        if node is None:
            return None
        bound = self.convert(self.scalar(node), SqlType("varbinary", length=128))
        if bound.slot is None:
            raise Unsupported("CHANGE_TRACKING_CONTEXT of an expression")
        return bound.slot

    def _insert_columns(self, table: Table, node: statements.Insert) -> list[StoredColumn]:
        if not node.columns:
            if node.rows == ((),):
                return []
            given = table.identity if self.identity_insert != table.object_id else None
            return [column for column in table.columns if column != given]
        found = [self._column(table, name) for name in node.columns]
        if len(set(found)) != len(found):
            raise SqlError(
                264,
                "A column name is specified more than once in the SET clause or column list of an "
                "INSERT.",
            )
        return found

    @staticmethod
    def _column(table: Table, name: str) -> StoredColumn:
        column = table.column(name)
        if column is None:
            raise SqlError(207, f"Invalid column name '{name}'.")
        return column

    def _automatic(self, table: Table, columns: Sequence[StoredColumn]) -> StoredColumn | None:
        """Return the identity column where the server numbers it; 544, 545 where it may not."""
        identity = table.identity
        if identity is None:
            return None
        allowed = self.identity_insert == table.object_id
        if identity in columns and not allowed:
            raise SqlError(
                544,
                f"Cannot insert explicit value for identity column in table '{table.name}' when "
                "IDENTITY_INSERT is set to OFF.",
            )
        if identity not in columns and allowed:
            raise SqlError(
                545,
                f"Explicit value must be specified for identity column in table '{table.name}' "
                "either when IDENTITY_INSERT is set to ON or when a replication user is inserting "
                "into a NOT FOR REPLICATION identity column.",
            )
        return None if allowed else identity

    def _inserted_rows(
        self,
        table: Table,
        node: statements.Insert,
        parts: InsertParts,
    ) -> str:
        columns, missing, generated, given = (
            parts.columns,
            parts.missing,
            parts.generated,
            parts.given,
        )
        if len(node.rows) > 1000:
            raise SqlError(
                10738,
                "The number of row value expressions in the INSERT statement exceeds the maximum "
                "allowed number of 1000 row values.",
                severity=15,
            )
        rest = [self.text(self._fallback(table, column)) for column in missing] + generated
        rows = []
        for row in node.rows:
            self._check_count(node, len(columns), len(row))
            texts = []
            for column, value in zip(columns, row, strict=True):
                bound = (
                    self._default(table, column)
                    if value is None
                    else self._assigned(table, column, self.scalar(value))
                )
                text = self.text(bound)
                if column == given:
                    text = f"given_identity({table.object_id}, {text})"
                texts.append(text)
            rows.append(f"({', '.join([*texts, *rest])})")
        return f"VALUES {', '.join(rows)}"

    @staticmethod
    def _check_count(node: statements.Insert, columns: int, values: int) -> None:
        if values == columns:
            return
        if not node.columns:
            raise SqlError(
                213, "Column name or number of supplied values does not match table definition."
            )
        fewer = columns < values
        clause = "SELECT list" if node.query is not None else "VALUES clause"
        number = (121 if fewer else 120) if node.query is not None else (110 if fewer else 109)
        raise SqlError(
            number,
            f"There are {'fewer' if fewer else 'more'} columns in the INSERT statement than "
            f"values specified in the {clause}. The number of values in the {clause} must match "
            "the number of columns specified in the INSERT statement.",
            severity=15,
        )

    def _fallback(self, table: Table, column: StoredColumn) -> Bound:
        if column.default_sql is None:
            return self._assigned(table, column, Bound("NULL", None))
        return self._default(table, column)

    def _inserted_query(
        self,
        table: Table,
        node: statements.Insert,
        query: syntax.Query,
        parts: InsertParts,
    ) -> str:
        columns, missing, generated, given = (
            parts.columns,
            parts.missing,
            parts.generated,
            parts.given,
        )
        sql, outputs = self.query(query)
        self._check_count(node, len(columns), len(outputs))
        texts = []
        for column, (_, bound) in zip(columns, outputs, strict=True):
            text = self._assigned(table, column, bound).sql
            if column == given:
                text = f"given_identity({table.object_id}, {text})"
            texts.append(text)
        texts += [self.text(self._fallback(table, column)) for column in missing] + generated
        return f"SELECT {', '.join(texts)} FROM ({sql}) WHERE true"

    def _returning(
        self, table: Table, items: tuple[syntax.SelectItem, ...], image: str
    ) -> tuple[Outputs, str]:
        """OUTPUT as RETURNING: the new rows of INSERT and UPDATE, the old ones of DELETE."""
        if not items:
            return [], ""
        columns = {
            column.name.lower(): (column.name, Bound(column.sql, column.type, column.nullable))
            for column in table.columns
        }
        outer = self.scope
        self.scope = Scope()
        self.scope.add(BoundSource((image,), columns, "", ""))
        try:
            outputs = list(self._items(items, None))
        except SqlError as error:
            if error.number == 4104:
                raise Unsupported(f"OUTPUT of other rows than {image}") from None
            raise
        finally:
            self.scope = outer
        listed = ", ".join(self.text(bound) for _, bound in outputs)
        return outputs, f" RETURNING {listed}"

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


def cannot_be_null(database: str, table: Table, column: StoredColumn) -> SqlError:
    return SqlError(
        515,
        f"Cannot insert the value NULL into column '{column.name}', table "
        f"'{database}.{table.schema}.{table.name}'; column does not allow nulls. INSERT fails.",
        state=2,
    )


def _required(get: Callable[[Any], Any], error: SqlError) -> Callable[[Any], Any]:
    def value(runtime: Any) -> Any:
        found = get(runtime)
        if found is None:
            raise SqlError(error.number, error.message, state=error.state)
        return found

    return value


def _escaped(text: str) -> str:
    return text.replace("'", "''")


def _parsed_default(text: str) -> syntax.Expression:
    return DatabaseParser(text).expression()
