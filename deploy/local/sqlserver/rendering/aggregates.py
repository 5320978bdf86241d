"""Aggregates and window functions rendered."""

from __future__ import annotations

from deploy.local.sqlserver import storage
from deploy.local.sqlserver.errors import SqlError, Unsupported
from deploy.local.sqlserver.rendering.bound import Bound, collation_of
from deploy.local.sqlserver.rendering.builtins import BuiltinRenderer
from deploy.local.sqlserver.results import SqlType
from deploy.local.sqlserver.translation import precedence, syntax
from deploy.local.sqlserver.translation.precedence import (
    APPROXIMATE,
    BIGINT,
    EXACT,
    INT,
    INTEGERS,
    NATIONAL,
    TEXT,
)

_AGGREGATES = frozenset(
    ("COUNT", "COUNT_BIG", "SUM", "AVG", "MIN", "MAX", "STRING_AGG", "CHECKSUM_AGG")
)
_RANKING = frozenset(("ROW_NUMBER", "RANK", "DENSE_RANK", "NTILE"))
_OFFSETS = frozenset(("LAG", "LEAD", "FIRST_VALUE", "LAST_VALUE"))


class AggregateRenderer(BuiltinRenderer):
    def aggregate(self, node: syntax.Function) -> Bound | None:
        if node.name in _AGGREGATES:
            return self._aggregate(node)
        if node.name in _RANKING or node.name in _OFFSETS:
            if node.over is None:
                raise SqlError(
                    10753, f"The function '{node.name}' must have an OVER clause.", severity=15
                )
            return self._window(node)
        return None

    def _aggregate(self, node: syntax.Function) -> Bound:
        if not self.aggregates_allowed:
            raise SqlError(
                147,
                "An aggregate may not appear in the WHERE clause unless it is in a subquery "
                "contained in a HAVING clause or a select list, and the column being aggregated "
                "is an outer reference.",
                severity=15,
            )
        if self.in_aggregate:
            raise SqlError(
                130,
                "Cannot perform an aggregate function on an expression containing an aggregate or "
                "a subquery.",
                severity=15,
            )
        if node.over is None:
            self.aggregated = True
        over = "" if node.over is None else self._over(node.over)
        if node.over is not None:
            return self._computed(node, over)
        self.in_aggregate = True
        try:
            return self._computed(node, over)
        finally:
            self.in_aggregate = False

    def _computed(self, node: syntax.Function, over: str) -> Bound:
        name = node.name
        if name in ("COUNT", "COUNT_BIG"):
            return self._counted(node, over)
        if name == "STRING_AGG":
            return self._joined_text(node, over)
        if name == "CHECKSUM_AGG":
            raise Unsupported("the aggregate CHECKSUM_AGG")
        (operand,) = self.arguments(node, 1, 1)
        distinct = "DISTINCT " if node.distinct else ""
        if name in ("MIN", "MAX"):
            if operand.kind.name == "bit":
                raise SqlError(
                    8117, f"Operand data type bit is invalid for {name.lower()} operator."
                )
            sql = f"{name.lower()}({self.collated(operand)}){over}"
            return Bound(sql, operand.kind, collation=operand.collation)
        return self._summed(name, operand, distinct, over)

    def collated(self, bound: Bound) -> str:
        """Return the expression with the collation that ordering and grouping go by."""
        text = self.text(bound)
        if bound.kind.name in TEXT:
            return f"{text} COLLATE {collation_of(bound)}"
        own = storage.collation(bound.kind, None)
        return text if own == "BINARY" else f"{text} COLLATE {own}"

    def _counted(self, node: syntax.Function, over: str) -> Bound:
        type_ = INT if node.name == "COUNT" else BIGINT
        if len(node.arguments) == 1 and isinstance(node.arguments[0], syntax.Star):
            return Bound(f"count(*){over}", type_, nullable=False)
        (operand,) = self.arguments(node, 1, 1)
        distinct = "DISTINCT " if node.distinct else ""
        return Bound(f"count({distinct}{self.collated(operand)}){over}", type_, nullable=False)

    def _summed(self, name: str, operand: Bound, distinct: str, over: str) -> Bound:
        kind = operand.kind
        text = self.text(operand)
        if kind.name in INTEGERS - {"bit"}:
            type_ = BIGINT if kind.name == "bigint" else INT
            if name == "SUM":
                check = "int_sum" if type_ is INT else ""
                return Bound(f"{check}(sum({distinct}{text}){over})", type_)
            return Bound(
                f"(sum({distinct}{text}){over} / nullif(count({distinct}{text}){over}, 0))", type_
            )
        if kind.name in APPROXIMATE:
            return Bound(f"{name.lower()}({distinct}{text}){over}", SqlType("float"))
        if kind.name in EXACT:
            return self._summed_exactly(name, kind, f"{distinct}{text}", over)
        raise SqlError(
            8117, f"Operand data type {kind.name} is invalid for {name.lower()} operator."
        )

    @staticmethod
    def _summed_exactly(name: str, kind: SqlType, argument: str, over: str) -> Bound:
        if over:
            raise Unsupported(f"{name} of {kind.name} with OVER")
        scale = precedence.digits(kind)[1]
        if name == "SUM":
            type_ = kind if kind.name == "money" else SqlType("numeric", precision=38, scale=scale)
            return Bound(f"dec_sum({argument})", type_)
        scale = max(scale, 6)
        type_ = kind if kind.name == "money" else SqlType("numeric", precision=38, scale=scale)
        return Bound(f"dec_avg{4 if kind.name == 'money' else scale}({argument})", type_)

    def _joined_text(self, node: syntax.Function, over: str) -> Bound:
        if over or node.distinct:
            raise Unsupported("STRING_AGG with OVER or DISTINCT")
        operand, separator = self.arguments(node, 2, 2)
        operand = self.as_text(operand)
        order = ""
        if node.within:
            order = " ORDER BY " + self._ordered(node.within)
        name = "nvarchar" if operand.kind.name in NATIONAL else "varchar"
        limit = 4000 if name == "nvarchar" else 8000
        type_ = SqlType(name, length=-1 if operand.kind.length == -1 else limit)
        sql = f"group_concat({self.text(operand)}, {self.text(separator)}{order})"
        return Bound(sql, type_)

    def _ordered(self, items: tuple[syntax.OrderItem, ...]) -> str:
        return ", ".join(
            self.collated(self.scalar(item.expression)) + (" DESC" if item.descending else "")
            for item in items
        )

    def _over(self, over: syntax.Over) -> str:
        parts = []
        if over.partition:
            keys = ", ".join(self.collated(self.scalar(key)) for key in over.partition)
            parts.append(f"PARTITION BY {keys}")
        if over.order:
            parts.append(f"ORDER BY {self._ordered_or_constant(over.order)}")
        if over.frame is not None:
            parts.append(over.frame)
        return f" OVER ({' '.join(parts)})"

    def _ordered_or_constant(self, items: tuple[syntax.OrderItem, ...]) -> str:
        """ORDER BY (SELECT NULL) asks for no order at all."""
        if len(items) == 1 and isinstance(items[0].expression, syntax.Subquery):
            return "NULL"
        return self._ordered(items)

    def _window(self, node: syntax.Function) -> Bound:
        if not self.aggregates_allowed:
            raise SqlError(
                4108,
                "Windowed functions can only appear in the SELECT or ORDER BY clauses.",
                severity=15,
            )
        assert node.over is not None  # noqa: S101 - the caller looked
        if node.name in _RANKING and not node.over.order:
            raise SqlError(
                4112,
                f"The function '{node.name}' must have an OVER clause with ORDER BY.",
                severity=15,
            )
        over = self._over(node.over)
        if node.name in _RANKING:
            arguments = self.arguments(node, 0, 1)
            texts = ", ".join(self.text(argument) for argument in arguments)
            return Bound(f"{node.name.lower()}({texts}){over}", BIGINT, nullable=False)
        first, *rest = self.arguments(node, 1, 3)
        texts = ", ".join(self.text(argument) for argument in (first, *rest))
        return Bound(f"{node.name.lower()}({texts}){over}", first.kind, collation=first.collation)
