"""Queries rendered: select lists, grouping, ordering, paging, set operations, common tables."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import fields, is_dataclass, replace
from typing import Any

from deploy.local.sqlserver.errors import SqlError, Unsupported
from deploy.local.sqlserver.rendering.bound import Bound
from deploy.local.sqlserver.rendering.scope import CommonTableColumns, Scope
from deploy.local.sqlserver.rendering.sources import SourceRenderer, require_name
from deploy.local.sqlserver.results import SqlType
from deploy.local.sqlserver.translation import precedence, syntax
from deploy.local.sqlserver.translation.syntax import Body, Query, Select, SelectItem

_AGGREGATES = frozenset(("COUNT", "COUNT_BIG", "SUM", "AVG", "MIN", "MAX", "STRING_AGG"))

Outputs = list[tuple[str, Bound]]


def _parts(node: Any) -> Iterator[Any]:
    """Yield what an expression is made of, subqueries left out."""
    if isinstance(node, tuple):
        yield from node
    elif is_dataclass(node) and not isinstance(node, (Query, SqlType)):
        for each in fields(node):
            yield getattr(node, each.name)


def _aggregates(node: Any) -> bool:
    if isinstance(node, syntax.Function) and node.name in _AGGREGATES and node.over is None:
        return True
    return any(_aggregates(part) for part in _parts(node))


class SelectRenderer(SourceRenderer):
    def __init__(self, *arguments: Any) -> None:
        super().__init__(*arguments)
        self.targets: list[str] = []

    def scalar_query(self, query: Query) -> Bound:
        sql, outputs = self._nested(query)
        if len(outputs) != 1:
            raise SqlError(
                116,
                "Only one expression can be specified in the select list when the subquery is not "
                "introduced with EXISTS.",
            )
        bound = outputs[0][1]
        if not _one_row(query):
            sql = (
                "SELECT CASE WHEN count(*) > 1 THEN too_many_rows() ELSE max(x1) END "
                f"FROM ({sql} LIMIT 2)"
                if query.fetch is None and not _limited(query.body)
                else f"SELECT CASE WHEN count(*) > 1 THEN too_many_rows() ELSE max(x1) END "
                f"FROM ({sql})"
            )
        return Bound(f"({sql})", bound.kind, collation=bound.collation)

    def subquery(self, query: Query) -> tuple[str, list[Bound]]:
        sql, outputs = self._nested(query)
        return sql, [bound for _, bound in outputs]

    def _nested(self, query: Query) -> tuple[str, Outputs]:
        kept = (self.aggregates_allowed, self.aggregated, self.in_aggregate, self.scope)
        self.in_aggregate = False
        try:
            return self.query(query)
        finally:
            self.aggregates_allowed, self.aggregated, self.in_aggregate, self.scope = kept

    def query(self, query: Query, *, names: Sequence[str] = ()) -> tuple[str, Outputs]:
        """Return the SQLite text of a query whose outputs are x1, x2 …, and those outputs."""
        outer = self.scope
        self.scope = Scope(outer)
        prefix = self.common_tables(query.common)
        sql, outputs = self._ordered_body(query)
        self.scope = outer
        if names:
            if len(names) != len(outputs):
                raise SqlError(
                    8158 if len(names) < len(outputs) else 8159,
                    "The column list does not have as many columns as the query.",
                )
            outputs = [(name, bound) for name, (_, bound) in zip(names, outputs, strict=True)]
        return prefix + sql, outputs

    def common_tables(self, tables: tuple[syntax.CommonTable, ...]) -> str:
        """WITH and its tables, which join the scope; empty where there are none."""
        parts = []
        for table in tables:
            sqlite = self.alias()
            body = table.query.body
            if isinstance(body, syntax.SetOperation) and _names(body, table.name):
                parts.append(self._recursive(table, body, sqlite))
                continue
            sql, outputs = self.query(table.query, names=table.columns)
            self._know(table.name, sqlite, outputs)
            listed = ", ".join(f"x{number}" for number in range(1, len(outputs) + 1))
            parts.append(f"{sqlite}({listed}) AS ({sql})")
        return f"WITH RECURSIVE {', '.join(parts)} " if parts else ""

    def _know(self, name: str, sqlite: str, outputs: Outputs) -> None:
        columns = {}
        for number, (column, bound) in enumerate(outputs, 1):
            require_name(column, number, name)
            columns[column.lower()] = (column, replace(bound, sql=f"x{number}"))
        self.scope.common[name.lower()] = CommonTableColumns(sqlite, columns)

    def _recursive(self, table: syntax.CommonTable, body: syntax.SetOperation, sqlite: str) -> str:
        if body.operator != "UNION ALL" or table.query.order:
            raise Unsupported("this form of a recursive common table")
        anchor, outputs = self.query(Query(body.left), names=table.columns)
        self._know(table.name, sqlite, outputs)
        types = [bound.kind for _, bound in outputs]
        step, _ = self._body(body.right, types)
        listed = ", ".join(f"x{number}" for number in range(1, len(outputs) + 1))
        return f"{sqlite}({listed}) AS ({anchor} UNION ALL {step})"

    def _ordered_body(self, query: Query) -> tuple[str, Outputs]:
        body = query.body
        while isinstance(body, Query) and not (query.order or query.offset):
            return self.query(body)
        if isinstance(body, Select):
            return self._select(body, query)
        sql, outputs = self._body(body)
        if query.order:
            terms = [self._output_term(item, outputs) for item in query.order]
            sql = f"{sql} ORDER BY {', '.join(terms)}"
        return sql + self._limit(None, query), outputs

    def _output_term(self, item: syntax.OrderItem, outputs: Outputs) -> str:
        term = self._output_name(item.expression, outputs)
        if term is None:
            raise SqlError(
                104,
                "ORDER BY items must appear in the select list if the statement contains a UNION, "
                "INTERSECT or EXCEPT operator.",
            )
        return term + (" DESC" if item.descending else "")

    def _output_name(self, node: syntax.Expression, outputs: Outputs) -> str | None:
        """Return the output that an ORDER BY item names by its alias or its number."""
        if isinstance(node, syntax.Literal) and isinstance(node.value, int):
            if not 1 <= node.value <= len(outputs):
                raise SqlError(
                    108,
                    f"The ORDER BY position number {node.value} is out of range of the number of "
                    "items in the select list.",
                )
            return self.collated(outputs[node.value - 1][1])
        if isinstance(node, syntax.Name) and len(node.parts) == 1:
            for name, bound in outputs:
                if name.lower() == node.parts[0].lower():
                    return self.collated(bound)
        return None

    def _body(self, body: Body, types: Sequence[SqlType] | None = None) -> tuple[str, Outputs]:
        if isinstance(body, Query):
            sql, outputs = self.query(body)
            return self._retyped(sql, outputs, types)
        if isinstance(body, Select):
            sql, outputs = self._select(body, Query(body), types, distinct=True)
            if body.top is not None:
                sql = f"SELECT * FROM ({sql})"
            return sql, outputs
        return self._set_operation(body, types)

    def _set_operation(
        self, body: syntax.SetOperation, types: Sequence[SqlType] | None
    ) -> tuple[str, Outputs]:
        outer = self.scope
        _, left = self._body(body.left)
        _, right = self._body(body.right)
        if len(left) != len(right):
            raise SqlError(
                205,
                "All queries combined using a UNION, INTERSECT or EXCEPT operator must have an "
                "equal number of expressions in their target lists.",
            )
        found = types or [
            precedence.unify((one.type, two.type)) or precedence.INT
            for (_, one), (_, two) in zip(left, right, strict=True)
        ]
        self.scope = outer
        first, left = self._body(body.left, found)
        second, right = self._body(body.right, found)
        if isinstance(body.right, syntax.SetOperation):
            second = f"SELECT * FROM ({second})"
        outputs = [
            (name, replace(one, type=type_, nullable=one.nullable or two.nullable))
            for (name, one), (_, two), type_ in zip(left, right, found, strict=True)
        ]
        return f"{first} {body.operator} {second}", outputs

    def _retyped(
        self, sql: str, outputs: Outputs, types: Sequence[SqlType] | None
    ) -> tuple[str, Outputs]:
        if types is None:
            return sql, outputs
        texts = []
        changed: Outputs = []
        for number, ((name, bound), type_) in enumerate(zip(outputs, types, strict=True), 1):
            converted = self.convert(replace(bound, sql=f"x{number}", slot=None), type_)
            texts.append(f"{converted.sql} AS x{number}")
            changed.append((name, replace(bound, type=type_)))
        return f"SELECT {', '.join(texts)} FROM ({sql})", changed

    def _select(
        self,
        select: Select,
        query: Query,
        types: Sequence[SqlType] | None = None,
        *,
        distinct: bool = False,
    ) -> tuple[str, Outputs]:
        outer = self.scope
        self.scope = scope = Scope(outer)
        self.aggregates_allowed = False
        source = "" if select.source is None else f" FROM {self.source(select.source)}"
        where = "" if select.where is None else f" WHERE {self.predicate(select.where)}"
        group = [self.scalar(key) for key in select.group]
        ordered = tuple(item.expression for item in query.order)
        if group or select.having or _aggregates((select.items, select.having, ordered)):
            scope.grouped = frozenset(self.text(key) for key in group)
        self.aggregates_allowed = True
        items = list(self._items(select.items, types))
        collated = select.distinct or distinct
        listed = ", ".join(
            f"{self.collated(bound) if collated else self.text(bound)} AS x{number}"
            for number, (_, bound) in enumerate(items, 1)
        )
        outputs = [
            (name, replace(bound, sql=f"x{number}", slot=None, constant=False))
            for number, (name, bound) in enumerate(items, 1)
        ]
        sql = f"SELECT {'DISTINCT ' if select.distinct else ''}{listed}{source}{where}"
        if group:
            sql += " GROUP BY " + ", ".join(self.collated(key) for key in group)
        if select.having is not None:
            sql += f" HAVING {self.predicate(select.having)}"
        if query.order:
            sql += " ORDER BY " + ", ".join(self._order_terms(query.order, outputs))
        sql += self._limit(select.top, query)
        self.scope = outer
        return sql, outputs

    def _order_terms(self, order: tuple[syntax.OrderItem, ...], outputs: Outputs) -> Iterator[str]:
        for item in order:
            term = self._output_name(item.expression, outputs)
            if term is None:
                bound = self.scalar(item.expression)
                term = self.collated(bound)
            yield term + (" DESC" if item.descending else "")

    def _limit(self, top: syntax.Expression | None, query: Query) -> str:
        if top is not None and query.offset is not None:
            raise SqlError(
                10741,
                "A TOP can not be used in the same query or sub-query as an OFFSET.",
                severity=15,
            )
        if top is not None:
            return f" LIMIT {self._row_count(top)}"
        if query.offset is None:
            return ""
        fetch = "-1" if query.fetch is None else self._row_count(query.fetch)
        return f" LIMIT {fetch} OFFSET {self._row_count(query.offset)}"

    def _row_count(self, node: syntax.Expression) -> str:
        return self.text(self.convert(self.scalar(node), precedence.BIGINT))

    def _items(
        self, items: tuple[SelectItem, ...], types: Sequence[SqlType] | None
    ) -> Iterator[tuple[str, Bound]]:
        number = 0
        for item in items:
            for name, bound in self._item(item):
                if types is not None:
                    if number >= len(types):
                        raise SqlError(
                            205,
                            "All queries combined using a UNION, INTERSECT or EXCEPT operator "
                            "must have an equal number of expressions in their target lists.",
                        )
                    yield name, self.convert(bound, types[number])
                else:
                    yield name, bound
                number += 1

    def _item(self, item: SelectItem) -> Iterator[tuple[str, Bound]]:
        node = item.expression
        if isinstance(node, syntax.Star):
            yield from self._all_columns(node)
            return
        bound = self.scalar(node)
        if item.target is not None:
            type_ = self.types.get(item.target)
            if type_ is None:
                raise SqlError(
                    137, f'Must declare the scalar variable "{item.target}".', severity=15
                )
            self.targets.append(item.target)
            bound = self.convert(bound, type_)
        name = item.alias
        if name is None:
            name = self._own_name(node)
        yield name, bound

    def _own_name(self, node: syntax.Expression) -> str:
        """Return a column's own name as it was defined; nothing for expressions."""
        if not isinstance(node, syntax.Name):
            return ""
        for source in self.scope.sources:
            if source.matches(node.parts[:-1]) or not node.parts[:-1]:
                found = source.columns.get(node.parts[-1].lower())
                if found is not None:
                    return found[0]
        return node.parts[-1]

    def _all_columns(self, node: syntax.Star) -> Iterator[tuple[str, Bound]]:
        matched = False
        for source in self.scope.sources:
            if node.parts and not source.matches(node.parts):
                continue
            matched = True
            for name, bound in source.columns.values():
                if self.scope.grouped is not None and bound.sql not in self.scope.grouped:
                    raise SqlError(
                        8120,
                        f"Column '{name}' is invalid in the select list because it is not "
                        "contained in either an aggregate function or the GROUP BY clause.",
                    )
                yield name, bound
        if not matched:
            if node.parts:
                raise SqlError(
                    107,
                    f"The column prefix '{'.'.join(node.parts)}' does not match with a table name "
                    "or alias name used in the query.",
                    severity=15,
                )
            raise SqlError(263, "Must specify table to select from.")


def _limited(body: Body) -> bool:
    return isinstance(body, Select) and body.top is not None


def _one_row(query: Query) -> bool:
    """Whether a query can't answer more than one row by its form alone."""
    body = query.body
    if not isinstance(body, Select):
        return False
    if body.source is None:
        return True
    if isinstance(body.top, syntax.Literal) and body.top.value == 1:
        return True
    return not body.group and _aggregates(body.items)


def _names(node: Any, name: str) -> bool:
    """Whether a query names a table, anywhere within."""
    if isinstance(node, syntax.TableName):
        return len(node.parts) == 1 and node.parts[0].lower() == name.lower()
    if isinstance(node, tuple):
        return any(_names(part, name) for part in node)
    if is_dataclass(node):
        return any(_names(getattr(node, each.name), name) for each in fields(node))
    return False
