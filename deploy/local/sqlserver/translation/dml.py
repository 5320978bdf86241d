"""Parsing of INSERT, UPDATE, DELETE and TRUNCATE."""

from __future__ import annotations

from typing import TYPE_CHECKING

from deploy.local.sqlserver.errors import Unsupported
from deploy.local.sqlserver.translation import statements, syntax
from deploy.local.sqlserver.translation.lexer import Kind
from deploy.local.sqlserver.translation.queries import QueryParser

if TYPE_CHECKING:
    from deploy.local.sqlserver.translation.syntax import CommonTable, Expression


class WriteParser(QueryParser):
    def change_context(self) -> Expression | None:
        """WITH CHANGE_TRACKING_CONTEXT (value), where a statement begins with it."""
        if not self.accept("WITH", "CHANGE_TRACKING_CONTEXT"):
            return None
        self.expect("(")
        value = self.expression()
        self.expect(")")
        return value

    def insert(
        self, common: tuple[CommonTable, ...], context: Expression | None
    ) -> statements.Insert:
        self.expect("INSERT")
        self._refuse_top()
        self.accept("INTO")
        table = self.parts()
        self._hints()
        columns = self.names_in_brackets() if self._at_columns() else ()
        output = self.output()
        if self.accept("DEFAULT", "VALUES"):
            return statements.Insert(table, columns, ((),), None, output, common, context)
        if self.accept("VALUES"):
            rows = [self._inserted_row()]
            while self.accept(","):
                rows.append(self._inserted_row())
            return statements.Insert(table, columns, tuple(rows), None, output, common, context)
        if self.at_any("EXEC", "EXECUTE"):
            raise Unsupported("INSERT … EXEC")
        if not (self.at_any("SELECT", "WITH") or self.at("(")):
            self.fail()
        query = self.query()
        return statements.Insert(table, columns, (), query, output, common, context)

    def _at_columns(self) -> bool:
        return self.at("(") and self.ahead().word != "SELECT" and self.ahead().word != "("

    def _refuse_top(self) -> None:
        if self.at("TOP"):
            raise Unsupported("INSERT TOP")

    def _inserted_row(self) -> tuple[Expression | None, ...]:
        self.expect("(")
        row: list[Expression | None] = []
        while True:
            row.append(None if self.accept("DEFAULT") else self.expression())
            if not self.accept(","):
                break
        self.expect(")")
        return tuple(row)

    def output(self) -> tuple[syntax.SelectItem, ...]:
        if not self.accept("OUTPUT"):
            return ()
        items = [self.select_item()]
        while self.accept(","):
            items.append(self.select_item())
        if self.at("INTO"):
            raise Unsupported("OUTPUT … INTO")
        return tuple(items)

    def update(
        self, common: tuple[CommonTable, ...], context: Expression | None
    ) -> statements.Update:
        self.expect("UPDATE")
        if self.at("STATISTICS"):
            raise Unsupported("UPDATE STATISTICS")
        top = self.top()
        table = self.parts()
        self._hints()
        self.expect("SET")
        assignments = [self._assignment()]
        while self.accept(","):
            assignments.append(self._assignment())
        output = self.output()
        source = self.sources() if self.accept("FROM") else None
        where = self._where()
        return statements.Update(
            table, tuple(assignments), source, where, top, output, common, context
        )

    def _where(self) -> Expression | None:
        where = None
        if self.accept("WHERE"):
            if self.at("CURRENT", "OF"):
                raise Unsupported("WHERE CURRENT OF")
            where = self.expression()
        self.options()
        return where

    def _assignment(self) -> statements.Assignment:
        if self.token.kind is Kind.VARIABLE:
            raise Unsupported("assignment to a variable in UPDATE")
        column = self.parts()[-1]
        operator = self.token.word
        if operator not in ("=", "+=", "-=", "*=", "/=", "%="):
            self.fail()
        self.advance()
        if operator == "=" and self.accept("DEFAULT"):
            return statements.Assignment(column, None)
        return statements.Assignment(column, self.expression(), operator)

    def delete(
        self, common: tuple[CommonTable, ...], context: Expression | None
    ) -> statements.Delete:
        self.expect("DELETE")
        top = self.top()
        self.accept("FROM")
        table = self.parts()
        self._hints()
        output = self.output()
        source = self.sources() if self.accept("FROM") else None
        return statements.Delete(table, source, self._where(), top, output, common, context)

    def truncate(self) -> statements.Truncate:
        self.expect("TRUNCATE", "TABLE")
        table = self.parts()
        if self.at("WITH"):
            raise Unsupported("TRUNCATE TABLE … WITH")
        return statements.Truncate(table)
