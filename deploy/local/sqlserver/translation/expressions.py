"""Parsing of T-SQL expressions and search conditions."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from typing import TYPE_CHECKING, ClassVar

from deploy.local.sqlserver.errors import Unsupported
from deploy.local.sqlserver.results import SqlType
from deploy.local.sqlserver.translation import syntax
from deploy.local.sqlserver.translation.cursor import Cursor, number_literal
from deploy.local.sqlserver.translation.lexer import Kind

if TYPE_CHECKING:
    from deploy.local.sqlserver.translation.syntax import Expression, Query

_COMPARISONS = {
    "=": "=",
    "<>": "<>",
    "!=": "<>",
    "<": "<",
    ">": ">",
    "<=": "<=",
    ">=": ">=",
    "!<": ">=",
    "!>": "<=",
}
# Reserved words that are called like functions, or stand for one without brackets.
_CALLED = frozenset(
    ("COALESCE", "NULLIF", "LEFT", "RIGHT", "USER_NAME", "SCHEMA_NAME", "CHECKSUM", "CONTAINS")
)
_BARE = {
    "CURRENT_TIMESTAMP": "CURRENT_TIMESTAMP",
    "CURRENT_USER": "CURRENT_USER",
    "SESSION_USER": "CURRENT_USER",
    "SYSTEM_USER": "SUSER_SNAME",
    "USER": "CURRENT_USER",
}
_DATE_PART_FIRST = frozenset(
    ("DATEADD", "DATEDIFF", "DATEDIFF_BIG", "DATEPART", "DATENAME", "DATETRUNC")
)


class ExpressionParser(Cursor, ABC):
    """Expressions, loosest binding first: OR, AND, NOT, predicates, sums, products, units."""

    @abstractmethod
    def query(self) -> Query:
        """Take a whole query, as a subquery is."""

    def expression(self) -> Expression:
        left = self._conjunction()
        while self.accept("OR"):
            left = syntax.Binary("OR", left, self._conjunction())
        return left

    def _conjunction(self) -> Expression:
        left = self._negation()
        while self.accept("AND"):
            left = syntax.Binary("AND", left, self._negation())
        return left

    def _negation(self) -> Expression:
        if self.accept("NOT"):
            return syntax.Not(self._negation())
        return self._predicate()

    def _predicate(self) -> Expression:
        if self.accept("EXISTS"):
            self.expect("(")
            query = self.query()
            self.expect(")")
            return syntax.Exists(query)
        left = self.sum()
        while True:
            operator = _COMPARISONS.get(self.token.word)
            if operator is not None:
                self.advance()
                if self.at_any("ALL", "ANY", "SOME"):
                    raise Unsupported(f"comparison with {self.token.word}")
                left = syntax.Binary(operator, left, self.sum())
                continue
            if self.accept("IS"):
                negated = self.accept("NOT")
                self.expect("NULL")
                left = syntax.IsNull(left, negated)
                continue
            negated = self.at("NOT") and self.ahead().word in ("IN", "LIKE", "BETWEEN")
            if negated:
                self.advance()
            if self.accept("IN"):
                left = self._membership(left, negated=negated)
            elif self.accept("LIKE"):
                pattern = self.sum()
                escape = self.sum() if self.accept("ESCAPE") else None
                left = syntax.Like(left, pattern, escape, negated)
            elif self.accept("BETWEEN"):
                low = self.sum()
                self.expect("AND")
                left = syntax.Between(left, low, self.sum(), negated)
            else:
                return left

    def _membership(self, left: Expression, *, negated: bool) -> Expression:
        self.expect("(")
        if self.at_any("SELECT", "WITH"):
            query = self.query()
            self.expect(")")
            return syntax.InQuery(left, query, negated)
        items = self.expressions()
        self.expect(")")
        return syntax.InList(left, items, negated)

    def expressions(self) -> tuple[Expression, ...]:
        found = [self.expression()]
        while self.accept(","):
            found.append(self.expression())
        return tuple(found)

    def sum(self) -> Expression:
        left = self._product()
        while self.token.word in ("+", "-", "&", "|", "^"):
            operator = self.advance().word
            left = syntax.Binary(operator, left, self._product())
        return left

    def _product(self) -> Expression:
        left = self._signed()
        while self.token.word in ("*", "/", "%"):
            operator = self.advance().word
            left = syntax.Binary(operator, left, self._signed())
        return left

    def _signed(self) -> Expression:
        if self.token.word in ("-", "+", "~"):
            operator = self.advance().word
            operand = self._signed()
            if operator == "+":
                return operand
            if operator == "-" and isinstance(operand, syntax.Literal):
                value = operand.value
                if operand.type is not None and not isinstance(value, (str, bytes, type(None))):
                    return syntax.Literal(-value, operand.type)  # type: ignore[operator]
            return syntax.Unary(operator, operand)
        unit = self._unit()
        while self.accept("COLLATE"):
            unit = syntax.Collate(unit, self.name())
        return unit

    def _unit(self) -> Expression:
        token = self.token
        parse = self._UNITS.get(token.kind)
        if parse is not None:
            return parse(self)
        if self.accept("("):
            if self.at_any("SELECT", "WITH"):
                query = self.query()
                self.expect(")")
                return syntax.Subquery(query)
            inner = self.expression()
            self.expect(")")
            return inner
        if self.at("*"):
            self.advance()
            return syntax.Star()
        return self.fail()

    def _literal(self) -> Expression:
        token = self.advance()
        if token.kind is Kind.NUMBER:
            return syntax.Literal(*number_literal(token.text))
        if token.kind is Kind.BINARY:
            digits = token.text[2:]
            raw = bytes.fromhex(digits if len(digits) % 2 == 0 else "0" + digits)
            return syntax.Literal(raw, SqlType("varbinary", length=max(len(raw), 1)))
        length = len(token.text)
        if token.kind is Kind.NATIONAL:
            limit = 4000
            type_ = SqlType("nvarchar", length=-1 if length > limit else max(length, 1))
            return syntax.Literal(token.text, type_)
        value = token.text.encode("cp1252", "replace").decode("cp1252")
        type_ = SqlType("varchar", length=-1 if length > 8000 else max(length, 1))
        return syntax.Literal(value, type_)

    def _variable(self) -> Expression:
        return syntax.Variable(self.advance().text)

    def _system(self) -> Expression:
        return syntax.SystemVariable(self.advance().text)

    def _word(self) -> Expression:
        word = self.token.word
        special = self._WORDS.get(word)
        if special is not None:
            self.advance()
            return special(self)
        if word in _BARE and self.ahead().word != "(":
            self.advance()
            return syntax.Function(_BARE[word], ())
        if word in _CALLED and self.ahead().word == "(":
            self.advance()
            return self._call(word)
        return self._named()

    def _named(self) -> Expression:
        found = [self.name()]
        while self.accept("."):
            if self.accept("*"):
                return syntax.Star(tuple(found))
            found.append("" if self.at(".") else self.name())
        if self.at("("):
            parts = [part for part in found if part.lower() not in ("sys", "dbo")]
            if len(parts) != 1:
                raise Unsupported(f"the function {'.'.join(found)}")
            return self._call(parts[0].upper())
        return syntax.Name(tuple(found))

    def _call(self, name: str) -> Expression:
        self.expect("(")
        distinct = self.accept("DISTINCT")
        self.accept("ALL")
        arguments: tuple[Expression, ...] = ()
        if name in _DATE_PART_FIRST:
            part = self.advance().text.lower()
            self.expect(",")
            arguments = (syntax.Literal(part, None), *self.expressions())
        elif name == "TRIM" and self.at_any("LEADING", "TRAILING", "BOTH"):
            raise Unsupported(f"TRIM({self.token.word} …)")
        elif not self.at(")"):
            arguments = self.expressions()
        self.expect(")")
        within: tuple[syntax.OrderItem, ...] = ()
        if self.accept("WITHIN"):
            self.expect("GROUP", "(")
            within = self.order()
            self.expect(")")
        over = self._over() if self.accept("OVER") else None
        return syntax.Function(name, arguments, distinct, within, over)

    def order(self) -> tuple[syntax.OrderItem, ...]:
        self.expect("ORDER", "BY")
        found = []
        while True:
            expression = self.expression()
            descending = self.accept("DESC")
            if not descending:
                self.accept("ASC")
            found.append(syntax.OrderItem(expression, descending))
            if not self.accept(","):
                return tuple(found)

    def _over(self) -> syntax.Over:
        self.expect("(")
        partition: tuple[Expression, ...] = ()
        if self.accept("PARTITION"):
            self.expect("BY")
            partition = self.expressions()
        order = self.order() if self.at("ORDER") else ()
        frame = None
        if self.at_any("ROWS", "RANGE"):
            start = self.token.start
            while not self.at(")"):
                if self.advance().kind not in (Kind.NAME, Kind.NUMBER):
                    raise Unsupported("this window frame")
            frame = self.sql[start : self.token.start].strip().upper()
        self.expect(")")
        return syntax.Over(partition, order, frame)

    def _case(self) -> Expression:
        operand = None if self.at("WHEN") else self.expression()
        whens = []
        while self.accept("WHEN"):
            condition = self.expression()
            self.expect("THEN")
            whens.append((condition, self.expression()))
        if not whens:
            self.fail()
        otherwise = self.expression() if self.accept("ELSE") else None
        self.expect("END")
        return syntax.Case(operand, tuple(whens), otherwise)

    def cast(self, *, attempt: bool = False) -> Expression:
        self.expect("(")
        operand = self.expression()
        self.expect("AS")
        target = self.type(default_length=30)
        self.expect(")")
        return syntax.Cast(operand, target, None, attempt)

    def converted(self, *, attempt: bool = False) -> Expression:
        self.expect("(")
        target = self.type(default_length=30)
        self.expect(",")
        operand = self.expression()
        style = self.expression() if self.accept(",") else None
        self.expect(")")
        return syntax.Cast(operand, target, style, attempt)

    def _iif(self) -> Expression:
        self.expect("(")
        condition = self.expression()
        self.expect(",")
        first = self.expression()
        self.expect(",")
        second = self.expression()
        self.expect(")")
        return syntax.Case(None, ((condition, first),), second)

    _UNITS: ClassVar[dict[Kind, Callable[[ExpressionParser], Expression]]] = {
        Kind.NUMBER: _literal,
        Kind.STRING: _literal,
        Kind.NATIONAL: _literal,
        Kind.BINARY: _literal,
        Kind.VARIABLE: _variable,
        Kind.SYSTEM: _system,
        Kind.NAME: _word,
        Kind.QUOTED: _named,
    }

    _WORDS: ClassVar[dict[str, Callable[[ExpressionParser], Expression]]] = {
        "NULL": lambda _: syntax.Literal(None, None),
        "CASE": _case,
        "CAST": cast,
        "TRY_CAST": lambda parser: parser.cast(attempt=True),
        "CONVERT": converted,
        "TRY_CONVERT": lambda parser: parser.converted(attempt=True),
        "IIF": _iif,
    }
