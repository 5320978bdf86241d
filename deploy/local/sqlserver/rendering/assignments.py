"""What a write gives to columns and gives back: values, defaults, OUTPUT."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

from deploy.local.sqlserver.conversions import Place
from deploy.local.sqlserver.errors import SqlError, Unsupported
from deploy.local.sqlserver.rendering.bound import Bound, Slot
from deploy.local.sqlserver.rendering.scope import BoundSource, Scope
from deploy.local.sqlserver.rendering.selects import Outputs, SelectRenderer
from deploy.local.sqlserver.results import SqlType
from deploy.local.sqlserver.storage import StoredColumn, Table
from deploy.local.sqlserver.translation import syntax
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


class AssignmentRenderer(SelectRenderer):
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

    def _fallback(self, table: Table, column: StoredColumn) -> Bound:
        if column.default_sql is None:
            return self._assigned(table, column, Bound("NULL", None))
        return self._default(table, column)

    @staticmethod
    def _column(table: Table, name: str) -> StoredColumn:
        column = table.column(name)
        if column is None:
            raise SqlError(207, f"Invalid column name '{name}'.")
        return column

    def _context(self, node: syntax.Expression | None) -> Slot | None:
        if node is None:
            return None
        bound = self.convert(self.scalar(node), SqlType("varbinary", length=128))
        if bound.slot is None:
            raise Unsupported("CHANGE_TRACKING_CONTEXT of an expression")
        return bound.slot

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
