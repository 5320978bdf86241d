"""Scalar expressions rendered: names, constants, arithmetic, CASE, conversions."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any, ClassVar, cast

from deploy.local.sqlserver import boundary
from deploy.local.sqlserver.errors import SqlError, Unsupported
from deploy.local.sqlserver.rendering.bound import (
    CONVERSIONS,
    Bound,
    Slot,
    Slots,
    Types,
    collation_of,
    composed,
    conversion,
    literal,
)
from deploy.local.sqlserver.rendering.scope import Scope
from deploy.local.sqlserver.results import SqlType
from deploy.local.sqlserver.storage import Definitions
from deploy.local.sqlserver.translation import precedence, syntax
from deploy.local.sqlserver.translation.precedence import (
    APPROXIMATE,
    BYTES,
    EXACT,
    INT,
    INTEGERS,
    MOMENTS,
    NUMBERS,
    TEXT,
)

if TYPE_CHECKING:
    from deploy.local.sqlserver.conversions import Place
    from deploy.local.sqlserver.rendering.surroundings import Surroundings
    from deploy.local.sqlserver.translation.syntax import Expression

_SYSTEM_TYPES = {
    "@@ROWCOUNT": INT,
    "@@ERROR": INT,
    "@@TRANCOUNT": INT,
    "@@SPID": SqlType("smallint"),
    "@@IDENTITY": SqlType("numeric", precision=38, scale=0),
    "@@VERSION": SqlType("nvarchar", length=300),
    "@@SERVERNAME": SqlType("nvarchar", length=128),
    "@@SERVICENAME": SqlType("nvarchar", length=128),
    "@@LANGUAGE": SqlType("nvarchar", length=128),
    "@@LANGID": SqlType("smallint"),
    "@@DATEFIRST": SqlType("tinyint"),
    "@@LOCK_TIMEOUT": INT,
    "@@MAX_PRECISION": SqlType("tinyint"),
    "@@MICROSOFTVERSION": INT,
    "@@OPTIONS": INT,
    "@@TEXTSIZE": INT,
    "@@NESTLEVEL": INT,
    "@@DBTS": SqlType("varbinary", length=8),
}
_DECIMAL_OPERATIONS = {
    "+": "dec_add",
    "-": "dec_sub",
    "*": "dec_mul",
    "/": "dec_div",
    "%": "dec_mod",
}


def variable(name: str) -> Callable[[Any], Any]:
    return lambda runtime: runtime.variables[name]


def system(name: str) -> Callable[[Any], Any]:
    return lambda runtime: runtime.system(name)


class ScalarRenderer(ABC):
    """Renders expressions within the scope that is set."""

    def __init__(self, definitions: Definitions, types: Types, around: Surroundings) -> None:
        self.definitions = definitions
        self.types = types
        self.around = around
        self.slots = Slots()
        self.scope = Scope()
        self.needed: set[tuple[int, str]] = set()
        self.read_data = False
        self.aggregates_allowed = False
        self.aggregated = False
        self.in_aggregate = False
        self._aliases = 0

    def alias(self) -> str:
        self._aliases += 1
        return f"s{self._aliases}"

    @abstractmethod
    def predicate(self, node: Expression) -> str:
        """Return the SQLite text of a search condition."""

    @abstractmethod
    def function(self, node: syntax.Function) -> Bound:
        """Return a function's value."""

    @abstractmethod
    def scalar_query(self, query: syntax.Query) -> Bound:
        """Return the one value of a subquery."""

    def text(self, bound: Bound) -> str:
        """Return the SQLite text of an expression, with its value's parameter where it has one."""
        if bound.sql or bound.slot is None:
            return bound.sql
        return self.slots.text(bound.slot)

    def scalar(self, node: Expression) -> Bound:
        render = self._SCALARS.get(type(node))
        if render is None:
            if isinstance(node, syntax.Star):
                raise SqlError(102, "Incorrect syntax near '*'.", severity=15)
            raise SqlError(
                102, "Incorrect syntax near a condition where a value is expected.", severity=15
            )
        if self.scope.grouped is not None and not self.in_aggregate:
            return self._grouped(node, render)
        return render(self, node)

    def _grouped(self, node: Expression, render: Callable[..., Bound]) -> Bound:
        """Columns may stand only in what the query is grouped by, or inside aggregates."""
        grouped = self.scope.grouped
        if isinstance(node, (syntax.Literal, syntax.Variable, syntax.SystemVariable)):
            return render(self, node)
        self.scope.grouped = None
        aggregated, self.aggregated = self.aggregated, False
        try:
            whole = render(self, node)
        finally:
            self.scope.grouped = grouped
            self.aggregated = aggregated or self.aggregated
        if grouped is not None and whole.sql in grouped:
            return whole
        if isinstance(node, syntax.Name):
            _, owner = self.scope.column(node.parts)
            if owner is self.scope:
                raise SqlError(
                    8120,
                    f"Column '{'.'.join(node.parts)}' is invalid in the select list because it is "
                    "not contained in either an aggregate function or the GROUP BY clause.",
                )
            return whole
        return render(self, node)

    def convert(
        self,
        bound: Bound,
        target: SqlType,
        style: int | None = None,
        *,
        attempt: bool = False,
        place: Place | None = None,
    ) -> Bound:
        """Return the expression as a value of the target type."""
        if bound.type is None:
            return replace(bound, type=target, constant=False)
        convert = conversion(bound.type, target, style, attempt=attempt, place=place)
        changed = replace(bound, type=target, identity=False)
        if convert is None:
            return changed
        if bound.slot is not None:
            key = (*bound.slot.key, convert) if bound.slot.key else ()
            slot = Slot(bound.slot.get, composed(bound.slot.convert, convert), key)
            return replace(changed, sql="", slot=slot, nullable=bound.nullable or attempt)
        sql = f"cv({bound.sql}, {CONVERSIONS.number(convert)})"
        return replace(changed, sql=sql, nullable=bound.nullable or attempt)

    def unified(self, bounds: Sequence[Bound]) -> tuple[SqlType, list[Bound]]:
        type_ = precedence.unify(bound.type for bound in bounds) or INT
        return type_, [self.convert(bound, type_) for bound in bounds]

    def _literal(self, node: syntax.Literal) -> Bound:
        if node.type is None:
            return Bound("NULL", None)
        value = node.value
        if node.type.name in EXACT:
            value = format(cast("Any", value), "f")
        return literal(value, node.type)

    def _variable(self, node: syntax.Variable) -> Bound:
        type_ = self.types.get(node.name)
        if type_ is None:
            raise SqlError(137, f'Must declare the scalar variable "{node.name}".', severity=15)
        return Bound("", type_, slot=Slot(variable(node.name), key=("variable", node.name)))

    def _system(self, node: syntax.SystemVariable) -> Bound:
        type_ = _SYSTEM_TYPES.get(node.name)
        if type_ is None:
            raise Unsupported(node.name)
        return self.from_system(node.name, type_)

    def from_system(self, name: str, type_: SqlType, *, nullable: bool = True) -> Bound:
        """Return a value that the session knows, read once when the statement starts."""
        return Bound("", type_, nullable, slot=Slot(system(name), key=("system", name)))

    def _name(self, node: syntax.Name) -> Bound:
        bound, _ = self.scope.column(node.parts)
        return bound

    def _unary(self, node: syntax.Unary) -> Bound:
        operand = self.scalar(node.operand)
        kind = operand.kind
        if node.operator == "~":
            if kind.name not in INTEGERS:
                raise SqlError(8117, f"Operand data type {kind.name} is invalid for '~' operator.")
            if kind.name == "bit":
                return Bound(f"(1 - {self.text(operand)})", kind, operand.nullable)
            return Bound(f"(~{self.text(operand)})", kind, operand.nullable)
        if kind.name not in NUMBERS:
            raise SqlError(8117, f"Operand data type {kind.name} is invalid for minus operator.")
        if kind.name in EXACT:
            return Bound(f"dec_sub('0', {self.text(operand)}, {kind.scale or 4})", kind)
        return Bound(f"(-{self.text(operand)})", kind, operand.nullable)

    def _binary(self, node: syntax.Binary) -> Bound:
        if node.operator not in ("+", "-", "*", "/", "%", "&", "|", "^"):
            raise SqlError(102, f"Incorrect syntax near '{node.operator}'.", severity=15)
        left, right = self.scalar(node.left), self.scalar(node.right)
        return self.combine(node.operator, left, right)

    def combine(  # noqa: PLR0911 - one family of types each
        self, operator: str, left: Bound, right: Bound
    ) -> Bound:
        first, second = left.kind, right.kind
        nullable = left.nullable or right.nullable
        if left.type is None or right.type is None:
            known = left.type or right.type or INT
            first = second = known
        if operator == "+" and first.name in TEXT and second.name in TEXT:
            return self._joined(left, right, first, second)
        if operator == "+" and first.name in BYTES and second.name in BYTES:
            length = precedence.joined_length(first.length or 1, second.length or 1)
            sql = f"bytes_joined({self.text(left)}, {self.text(right)})"
            return Bound(sql, precedence.text("varbinary", length), nullable)
        if first.name in MOMENTS or second.name in MOMENTS:
            return self._shifted(operator, left, right)
        if operator in ("&", "|", "^"):
            return self._bitwise(operator, left, right)
        type_ = precedence.arithmetic(operator, first, second)
        if type_.name in INTEGERS:
            return self._whole(operator, type_, left, right, nullable=nullable)
        if type_.name in APPROXIMATE:
            one, two = self.text(self.convert(left, type_)), self.text(self.convert(right, type_))
            sql = {
                "/": f"float_div({one}, {two})",
                "%": f"float_mod({one}, {two})",
            }.get(operator, f"({one} {operator} {two})")
            return Bound(sql, type_, nullable)
        scale = precedence.digits(type_)[1]
        one, two = self._as_decimal(left), self._as_decimal(right)
        return Bound(f"{_DECIMAL_OPERATIONS[operator]}({one}, {two}, {scale})", type_, nullable)

    def _as_decimal(self, bound: Bound) -> str:
        if bound.kind.name in TEXT:
            return self.text(self.convert(bound, SqlType("numeric", precision=38, scale=10)))
        return self.text(bound)

    def _joined(self, left: Bound, right: Bound, first: SqlType, second: SqlType) -> Bound:
        national = first.name.startswith("n") or second.name.startswith("n")
        length = precedence.joined_length(first.length or 1, second.length or 1)
        type_ = precedence.text("nvarchar" if national else "varchar", length)
        return Bound(
            f"({self.text(left)} || {self.text(right)})",
            type_,
            left.nullable or right.nullable,
            collation_of(left, right) if left.collation or right.collation else None,
        )

    def _shifted(self, operator: str, left: Bound, right: Bound) -> Bound:
        if operator not in "+-" or left.kind.name not in ("datetime", "smalldatetime"):
            raise SqlError(
                402,
                f"The data types {left.kind.name} and {right.kind.name} are incompatible in the "
                f"{'add' if operator == '+' else operator} operator.",
            )
        days = self.text(self.convert(right, precedence.FLOAT))
        sign = "" if operator == "+" else "-"
        sql = f"days_added({self.text(left)}, {sign}{days})"
        return Bound(sql, left.kind, left.nullable or right.nullable)

    def _bitwise(self, operator: str, left: Bound, right: Bound) -> Bound:
        type_ = precedence.arithmetic("+", left.kind, right.kind)
        if type_.name not in INTEGERS:
            raise SqlError(
                402,
                f"The data types {left.kind.name} and {right.kind.name} are incompatible in the "
                f"'{operator}' operator.",
            )
        one, two = self.text(self.convert(left, type_)), self.text(self.convert(right, type_))
        nullable = left.nullable or right.nullable
        if operator == "^":
            return Bound(f"(({one} | {two}) - ({one} & {two}))", type_, nullable)
        return Bound(f"({one} {operator} {two})", type_, nullable)

    def _whole(
        self, operator: str, type_: SqlType, left: Bound, right: Bound, *, nullable: bool
    ) -> Bound:
        one, two = self.text(self.convert(left, type_)), self.text(self.convert(right, type_))
        if operator in "/%":
            if right.constant and two.strip("()-").isdigit() and int(two.strip("()-")):
                return Bound(f"({one} {operator} {two})", type_, nullable)
            name = "int_div" if operator == "/" else "int_mod"
            return Bound(f"{name}({one}, {two})", type_, nullable)
        checks = {"int": "int4", "smallint": "int2", "tinyint": "int1"}
        if type_.name == "bigint":
            return Bound(f"int8_{_NAMES[operator]}({one}, {two})", type_, nullable)
        return Bound(f"{checks[type_.name]}({one} {operator} {two})", type_, nullable)

    def _case(self, node: syntax.Case) -> Bound:
        conditions = []
        for condition, _ in node.whens:
            test = (
                condition if node.operand is None else syntax.Binary("=", node.operand, condition)
            )
            conditions.append(self.predicate(test))
        values = [self.scalar(value) for _, value in node.whens]
        if node.otherwise is not None:
            values.append(self.scalar(node.otherwise))
        if all(value.type is None for value in values):
            raise SqlError(
                8133,
                "At least one of the result expressions in a CASE specification must be an "
                "expression other than the NULL constant.",
            )
        type_, values = self.unified(values)
        texts = [self.text(value) for value in values]
        parts = [
            f"WHEN {condition} THEN {text}"
            for condition, text in zip(conditions, texts, strict=False)
        ]
        if node.otherwise is not None:
            parts.append(f"ELSE {texts[-1]}")
        nullable = node.otherwise is None or any(value.nullable for value in values)
        return Bound(f"CASE {' '.join(parts)} END", type_, nullable)

    def _cast(self, node: syntax.Cast) -> Bound:
        operand = self.scalar(node.operand)
        style = self._style(node.style)
        if operand.type is None:
            return Bound("NULL", node.type)
        if node.attempt and operand.constant and operand.slot is not None:
            operand = replace(operand, constant=False)
        return self.convert(operand, node.type, style, attempt=node.attempt)

    @staticmethod
    def _style(node: Expression | None) -> int | None:
        if node is None:
            return None
        if isinstance(node, syntax.Literal) and isinstance(node.value, int):
            return node.value
        raise Unsupported("a style of CONVERT that is no constant")

    def _collate(self, node: syntax.Collate) -> Bound:
        operand = self.scalar(node.operand)
        if operand.kind.name not in TEXT:
            raise SqlError(
                447, f"Expression type {operand.kind.name} is invalid for COLLATE clause."
            )
        return replace(operand, collation=collation_name(node.collation))

    def _subquery(self, node: syntax.Subquery) -> Bound:
        return self.scalar_query(node.query)

    def _function(self, node: syntax.Function) -> Bound:
        return self.function(node)

    _SCALARS: ClassVar[dict[type, Callable[[ScalarRenderer, Any], Bound]]] = {
        syntax.Literal: _literal,
        syntax.Variable: _variable,
        syntax.SystemVariable: _system,
        syntax.Name: _name,
        syntax.Unary: _unary,
        syntax.Binary: _binary,
        syntax.Case: _case,
        syntax.Cast: _cast,
        syntax.Collate: _collate,
        syntax.Subquery: _subquery,
        syntax.Function: _function,
    }


def collation_name(name: str) -> str:
    """Return the SQLite collation behind a SQL Server collation's name."""
    upper = name.upper()
    if upper == "DATABASE_DEFAULT":
        return "MSSQL"
    if upper.endswith(("_BIN", "_BIN2")):
        return "BINARY"
    if "_CI_AS" in upper:
        return "MSSQL"
    if "_CS_AS" in upper:
        return "MSSQL_CS"
    if "_CI_AI" in upper or "_CS_AI" in upper:
        raise Unsupported(f"the accent-insensitive collation {name}")
    raise SqlError(448, f"Invalid collation '{name}'.")


def keep(value: object, type_: SqlType) -> object:
    """Return a parameter's value as it is kept."""
    keeper = boundary.keeper(type_)
    return value if value is None or keeper is None else keeper(value)


_NAMES = {"+": "add", "-": "sub", "*": "mul"}
