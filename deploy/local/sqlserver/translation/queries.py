"""Parsing of queries: select lists, sources, joins, set operations, common tables."""

from __future__ import annotations

from deploy.local.sqlserver.errors import SqlError, Unsupported
from deploy.local.sqlserver.translation import syntax
from deploy.local.sqlserver.translation.expressions import ExpressionParser
from deploy.local.sqlserver.translation.lexer import Kind
from deploy.local.sqlserver.translation.syntax import Body, Expression, Query, Source

# Hints that ask for less or for a bigger lock: what is read and written stays the same.
_HARMLESS_HINTS = frozenset(
    (
        "NOLOCK",
        "READUNCOMMITTED",
        "READCOMMITTED",
        "READCOMMITTEDLOCK",
        "ROWLOCK",
        "PAGLOCK",
        "TABLOCK",
        "TABLOCKX",
        "FORCESEEK",
        "FORCESCAN",
        "NOEXPAND",
        "KEEPIDENTITY",
    )
)


class QueryParser(ExpressionParser):
    def query(self) -> Query:
        common = self.common_tables() if self.at("WITH") else ()
        return self.query_after(common)

    def common_tables(self) -> tuple[syntax.CommonTable, ...]:
        self.expect("WITH")
        found = []
        while True:
            name = self.name()
            columns = self.names_in_brackets() if self.at("(") else ()
            self.expect("AS", "(")
            found.append(syntax.CommonTable(name, columns, self.query()))
            self.expect(")")
            if not self.accept(","):
                return tuple(found)

    def query_after(self, common: tuple[syntax.CommonTable, ...]) -> Query:
        body = self._unions()
        order = self.order() if self.at("ORDER") else ()
        offset = fetch = None
        if self.accept("OFFSET"):
            offset = self.sum()
            if not (self.accept("ROWS") or self.accept("ROW")):
                self.fail()
            if self.accept("FETCH"):
                if not (self.accept("NEXT") or self.accept("FIRST")):
                    self.fail()
                fetch = self.sum()
                if not (self.accept("ROWS") or self.accept("ROW")):
                    self.fail()
                self.expect("ONLY")
        if self.at("FOR"):
            raise Unsupported(f"FOR {self.ahead().text}")
        self.options()
        return syntax.Query(body, common, order, offset, fetch)

    def options(self) -> None:
        """OPTION (…) tells how to run a query, not what it answers."""
        if self.accept("OPTION"):
            self.expect("(")
            while not self.accept(")"):
                if self.advance().kind is Kind.END:
                    self.fail()

    def _unions(self) -> Body:
        left = self._intersections()
        while self.at_any("UNION", "EXCEPT"):
            operator = self.advance().word
            if operator == "UNION" and self.accept("ALL"):
                operator = "UNION ALL"
            left = syntax.SetOperation(operator, left, self._intersections())
        return left

    def _intersections(self) -> Body:
        left = self._body()
        while self.accept("INTERSECT"):
            left = syntax.SetOperation("INTERSECT", left, self._body())
        return left

    def _body(self) -> Body:
        if self.accept("("):
            body = self._unions()
            self.expect(")")
            return body
        self.expect("SELECT")
        distinct = self.accept("DISTINCT")
        self.accept("ALL")
        top = self.top()
        items = [self.select_item()]
        while self.accept(","):
            items.append(self.select_item())
        into = self.parts() if self.accept("INTO") else None
        source = self.sources() if self.accept("FROM") else None
        where = self.expression() if self.accept("WHERE") else None
        group: tuple[Expression, ...] = ()
        if self.accept("GROUP"):
            self.expect("BY")
            if self.at_any("ROLLUP", "CUBE", "GROUPING"):
                raise Unsupported(f"GROUP BY {self.token.word}")
            group = self.expressions()
            if self.at("WITH"):
                raise Unsupported("GROUP BY WITH ROLLUP or CUBE")
        having = self.expression() if self.accept("HAVING") else None
        return syntax.Select(tuple(items), source, where, group, having, distinct, top, into)

    def top(self) -> Expression | None:
        if not self.accept("TOP"):
            return None
        if self.accept("("):
            count = self.expression()
            self.expect(")")
        else:
            count = self._unit()
        if self.at("PERCENT") or self.at("WITH", "TIES"):
            raise Unsupported(f"TOP … {self.token.word}")
        return count

    def select_item(self) -> syntax.SelectItem:
        if self.token.kind is Kind.VARIABLE and self.ahead().word == "=":
            target = self.advance().text
            self.advance()
            return syntax.SelectItem(self.expression(), None, target)
        if self.at_name() and self.ahead().word == "=":
            alias = self.name()
            self.advance()
            return syntax.SelectItem(self.expression(), alias)
        expression = self.expression()
        return syntax.SelectItem(expression, self.alias(strings=True))

    def alias(self, *, strings: bool = False) -> str | None:
        named = self.accept("AS")
        if strings and self.token.kind in (Kind.STRING, Kind.NATIONAL):
            return self.advance().text
        if named or self._at_alias():
            return self.name()
        return None

    def _at_alias(self) -> bool:
        # OFFSET, APPLY and the like are no reserved words, yet never meant as an alias here.
        return self.at_name() and not (
            self.token.word in ("OFFSET", "GO", "THROW", "OUTPUT") and self.token.kind is Kind.NAME
        )

    def sources(self) -> Source:
        source = self._joined()
        while self.accept(","):
            source = syntax.Join("CROSS", source, self._joined(), None)
        return source

    def _joined(self) -> Source:
        left = self._source()
        while True:
            kind = self._join_kind()
            if kind is None:
                return left
            if kind in ("CROSS APPLY", "OUTER APPLY"):
                left = syntax.Join(kind, left, self._source(), None)
                continue
            right = self._source() if kind == "CROSS" else self._nested()
            on = None
            if kind != "CROSS":
                self.expect("ON")
                on = self.expression()
            left = syntax.Join(kind, left, right, on)

    def _nested(self) -> Source:
        """Return the right side of a join; `a JOIN b JOIN c ON … ON …` nests to the right."""
        right = self._source()
        while self.at_any("JOIN", "INNER", "LEFT", "RIGHT", "FULL"):
            kind = str(self._join_kind())
            inner = self._nested()
            self.expect("ON")
            right = syntax.Join(kind, right, inner, self.expression())
        return right

    def _join_kind(self) -> str | None:
        if self.accept("JOIN"):
            return "INNER"
        if self.accept("CROSS", "JOIN"):
            return "CROSS"
        for kind in ("CROSS", "OUTER"):
            if self.accept(kind, "APPLY"):
                return f"{kind} APPLY"
        if self.at_any("INNER", "LEFT", "RIGHT", "FULL"):
            kind = self.advance().word
            self.accept("OUTER")
            if self.at_any("HASH", "LOOP", "MERGE"):
                self.advance()
            self.expect("JOIN")
            return kind
        return None

    def _source(self) -> Source:
        if self.accept("("):
            return self._bracketed_source()
        if self.at("CHANGETABLE") and self.ahead().word == "(":
            return self._change_table()
        if self.at("OPENJSON") and self.ahead().word == "(":
            return self._open_json()
        if self.at_any("OPENROWSET", "OPENQUERY", "OPENXML", "OPENDATASOURCE", "CONTAINSTABLE"):
            raise Unsupported(f"the table function {self.token.word}")
        parts = self.parts()
        if self.at("("):
            self.advance()
            arguments = () if self.at(")") else self.expressions()
            self.expect(")")
            return syntax.TableFunction(parts[-1].upper(), arguments, self.alias())
        self._hints()
        alias = self.alias()
        self._hints()
        if self.at_any("PIVOT", "UNPIVOT", "TABLESAMPLE"):
            raise Unsupported(self.token.word)
        if self.at("FOR", "SYSTEM_TIME"):
            raise Unsupported("FOR SYSTEM_TIME")
        return syntax.TableName(parts, alias)

    def _bracketed_source(self) -> Source:
        if self.accept("VALUES"):
            rows = [self.value_row()]
            while self.accept(","):
                rows.append(self.value_row())
            self.expect(")")
            alias = self.alias()
            if alias is None:
                self.fail()
            return syntax.RowValues(tuple(rows), alias, self.names_in_brackets())
        if self.at_any("SELECT", "WITH") or self.at("(", "SELECT"):
            query = self.query()
            self.expect(")")
            alias = self.alias()
            if alias is None:
                self.fail()
            columns = self.names_in_brackets() if self.at("(") else ()
            return syntax.Derived(query, alias, columns)
        source = self.sources()
        self.expect(")")
        return source

    def value_row(self) -> tuple[Expression, ...]:
        self.expect("(")
        row = self.expressions()
        self.expect(")")
        return row

    def _hints(self) -> None:
        if self.at("WITH") and self.ahead().word == "(":
            self.advance()
        elif not (self.at("(") and self.ahead().word in _HARMLESS_HINTS):
            return
        self.expect("(")
        while not self.accept(")"):
            hint = self.word()
            if hint == "INDEX":
                raise Unsupported("the table hint INDEX")
            if hint not in _HARMLESS_HINTS:
                raise Unsupported(f"the table hint {hint}")
            self.accept(",")

    def _change_table(self) -> Source:
        self.expect("CHANGETABLE", "(")
        mode = self.word()
        table = self.parts()
        self.expect(",")
        baseline: Expression | None = None
        keys: tuple[tuple[str, Expression], ...] = ()
        if mode == "CHANGES":
            baseline = self._baseline()
            if self.accept(","):
                self.expect("FORCESEEK")
        elif mode == "VERSION":
            names = self.names_in_brackets()
            self.expect(",")
            values = self.value_row()
            if len(names) != len(values):
                self.fail()
            keys = tuple(zip(names, values, strict=True))
        else:
            self.position -= 1
            self.fail()
        self.expect(")")
        alias = self.alias()
        if alias is None:
            raise SqlError(
                22104,
                "A table returned by the CHANGETABLE function must be aliased.",
            )
        columns = self.names_in_brackets() if self.at("(") else ()
        return syntax.ChangeTable(table, baseline, keys, alias, columns)

    def _baseline(self) -> Expression:
        """Return a constant or a variable; anything else is error 102."""
        value = self._signed()
        if not isinstance(value, (syntax.Literal, syntax.Variable)):
            raise SqlError(102, "Incorrect syntax near 'CHANGETABLE'.", severity=15)
        if not self.at_any(")", ","):
            self.fail()
        return value

    def _open_json(self) -> Source:
        self.expect("OPENJSON", "(")
        document = self.expression()
        path = self.expression() if self.accept(",") else None
        self.expect(")")
        if not (self.at("WITH") and self.ahead().word == "("):
            return syntax.OpenJson(document, path, (), self.alias())
        self.expect("WITH", "(")
        columns = []
        while True:
            name = self.name()
            type_ = self.type()
            where = self.text() if self.token.kind in (Kind.STRING, Kind.NATIONAL) else None
            if self.at("AS", "JSON"):
                raise Unsupported("AS JSON in OPENJSON")
            columns.append(syntax.JsonColumn(name, type_, where))
            if not self.accept(","):
                break
        self.expect(")")
        return syntax.OpenJson(document, path, tuple(columns), self.alias())
