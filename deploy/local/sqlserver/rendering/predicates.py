"""Search conditions rendered: comparisons by SQL Server's types and collations."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, ClassVar

from deploy.local.sqlserver import storage
from deploy.local.sqlserver.errors import SqlError
from deploy.local.sqlserver.rendering.bound import Bound, collation_of
from deploy.local.sqlserver.rendering.scalars import ScalarRenderer
from deploy.local.sqlserver.results import SqlType
from deploy.local.sqlserver.translation import precedence, syntax
from deploy.local.sqlserver.translation.precedence import EXACT, INTEGERS, TEXT

if TYPE_CHECKING:
    from deploy.local.sqlserver.translation.syntax import Expression, Query

_COMPARISONS = frozenset(("=", "<>", "<", ">", "<=", ">="))
_TEXT = SqlType("nvarchar", length=-1)


class PredicateRenderer(ScalarRenderer):
    @abstractmethod
    def subquery(self, query: Query) -> tuple[str, list[Bound]]:
        """Return the SQLite text of a subquery and its outputs."""

    def predicate(self, node: Expression) -> str:
        render = self._PREDICATES.get(type(node))
        if render is None:
            raise SqlError(
                4145,
                "An expression of non-boolean type specified in a context where a condition is "
                "expected, near ')'.",
                severity=15,
            )
        return render(self, node)

    def comparable(self, bound: Bound, type_: SqlType) -> str:
        """Return the side of a comparison; a datetimeoffset compares by its UTC moment."""
        if type_.name in EXACT and bound.kind.name in EXACT:
            return self.text(bound)
        text = self.text(self.convert(bound, type_))
        return f"substr({text}, 1, 27)" if type_.name == "datetimeoffset" else text

    def compare(self, operator: str, left: Bound, right: Bound) -> str:
        type_ = self._common_type(left, right)
        one, two = self.comparable(left, type_), self.comparable(right, type_)
        return f"{one}{_collated(type_, left, right)} {operator} {two}"

    @staticmethod
    def _common_type(left: Bound, right: Bound) -> SqlType:
        """Whole numbers compare as they are, whatever their sizes."""
        if left.kind.name in INTEGERS and right.kind.name in INTEGERS:
            return precedence.BIGINT
        type_ = precedence.unify((left.type, right.type)) or precedence.INT
        if type_.name in TEXT:
            return SqlType("nvarchar" if type_.name.startswith("n") else "varchar", length=-1)
        if type_.name in EXACT:
            # Kept text compares by value, so it needs no common scale.
            return SqlType("numeric", precision=38, scale=precedence.digits(type_)[1])
        return type_

    def _binary_predicate(self, node: syntax.Binary) -> str:
        if node.operator in ("AND", "OR"):
            return self._chain(node)
        if node.operator not in _COMPARISONS:
            raise SqlError(
                4145,
                "An expression of non-boolean type specified in a context where a condition is "
                f"expected, near '{node.operator}'.",
                severity=15,
            )
        return self.compare(node.operator, self.scalar(node.left), self.scalar(node.right))

    def _chain(self, node: syntax.Binary) -> str:
        """Render a long chain of AND or OR without as many nested brackets."""
        parts: list[str] = []
        rest: Expression = node
        while isinstance(rest, syntax.Binary) and rest.operator == node.operator:
            parts.append(self.predicate(rest.right))
            rest = rest.left
        parts.append(self.predicate(rest))
        return "(" + f" {node.operator} ".join(reversed(parts)) + ")"

    def _not(self, node: syntax.Not) -> str:
        return f"NOT ({self.predicate(node.operand)})"

    def _is_null(self, node: syntax.IsNull) -> str:
        operand = self.text(self.scalar(node.operand))
        return f"({operand}) IS {'NOT ' if node.negated else ''}NULL"

    def _in_list(self, node: syntax.InList) -> str:
        left = self.scalar(node.operand)
        items = [self.scalar(item) for item in node.items]
        typed = [left, *items]
        type_ = precedence.unify(side.type for side in typed) or precedence.INT
        if all(side.kind.name in INTEGERS for side in typed):
            type_ = precedence.BIGINT
        elif type_.name in TEXT:
            type_ = SqlType("nvarchar" if type_.name.startswith("n") else "varchar", length=-1)
        texts = ", ".join(self.comparable(item, type_) for item in items)
        operand = self.comparable(left, type_) + _collated(type_, left, *items)
        return f"{operand} {'NOT ' if node.negated else ''}IN ({texts})"

    def _in_query(self, node: syntax.InQuery) -> str:
        left = self.scalar(node.operand)
        sql, columns = self.subquery(node.query)
        if len(columns) != 1:
            raise SqlError(
                116,
                "Only one expression can be specified in the select list when the subquery is not "
                "introduced with EXISTS.",
            )
        type_ = self._common_type(left, columns[0])
        operand = self.comparable(left, type_) + _collated(type_, left, columns[0])
        inner = Bound("x1", columns[0].type)
        converted = self.comparable(inner, type_)
        if converted != "x1":
            sql = f"SELECT {converted} FROM ({sql})"
        return f"{operand} {'NOT ' if node.negated else ''}IN ({sql})"

    def _between(self, node: syntax.Between) -> str:
        operand, low, high = (self.scalar(part) for part in (node.operand, node.low, node.high))
        both = f"({self.compare('>=', operand, low)} AND {self.compare('<=', operand, high)})"
        return f"NOT {both}" if node.negated else both

    def _like(self, node: syntax.Like) -> str:
        operand = self.scalar(node.operand)
        pattern = self.scalar(node.pattern)
        collation = collation_of(operand, pattern)
        arguments = [self.text(self.convert(side, _TEXT)) for side in (pattern, operand)]
        escape = "NULL" if node.escape is None else self.text(self.scalar(node.escape))
        sensitive = int(collation in ("BINARY", "MSSQL_CS"))
        sql = f"mssql_like({', '.join(arguments)}, {escape}, {sensitive})"
        return f"NOT {sql}" if node.negated else sql

    def _exists(self, node: syntax.Exists) -> str:
        sql, _ = self.subquery(node.query)
        return f"EXISTS ({sql})"

    _PREDICATES: ClassVar[dict[type, Callable[[PredicateRenderer, Any], str]]] = {
        syntax.Binary: _binary_predicate,
        syntax.Not: _not,
        syntax.IsNull: _is_null,
        syntax.InList: _in_list,
        syntax.InQuery: _in_query,
        syntax.Between: _between,
        syntax.Like: _like,
        syntax.Exists: _exists,
    }


def _collated(type_: SqlType, *sides: Bound) -> str:
    if type_.name in TEXT:
        explicit = collation_of(*[side for side in sides if side.kind.name in TEXT])
        return f" COLLATE {explicit}"
    own = storage.collation(type_, None)
    return "" if own == "BINARY" else f" COLLATE {own}"
