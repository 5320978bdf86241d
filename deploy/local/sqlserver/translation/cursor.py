"""A position in a list of tokens, and what every parser does with it."""

from __future__ import annotations

from decimal import Decimal
from typing import NoReturn

from deploy.local.sqlserver.errors import SqlError, Unsupported
from deploy.local.sqlserver.results import SqlType
from deploy.local.sqlserver.translation.lexer import RESERVED, Kind, Token, tokens

_SYNONYMS = {
    "integer": "int",
    "dec": "decimal",
    "character": "char",
    "rowversion": "timestamp",
}
_PLAIN = frozenset(
    [
        "int",
        "bigint",
        "smallint",
        "tinyint",
        "bit",
        "money",
        "smallmoney",
        "date",
        "datetime",
        "smalldatetime",
        "uniqueidentifier",
        "real",
    ]
)
_SIZED = frozenset(("char", "varchar", "nchar", "nvarchar", "binary", "varbinary"))
_FRACTIONAL = frozenset(("time", "datetime2", "datetimeoffset"))


class Cursor:
    """Looks at tokens and takes them; a token that doesn't fit is error 102 or 156."""

    def __init__(self, sql: str) -> None:
        self.sql = sql
        self.tokens = tokens(sql)
        self.position = 0

    @property
    def token(self) -> Token:
        return self.tokens[self.position]

    def ahead(self, distance: int = 1) -> Token:
        return self.tokens[min(self.position + distance, len(self.tokens) - 1)]

    def advance(self) -> Token:
        token = self.tokens[self.position]
        if token.kind is not Kind.END:
            self.position += 1
        return token

    def at(self, *words: str) -> bool:
        """Tell whether the next tokens are these words or operators."""
        return all(self.ahead(distance).word == word for distance, word in enumerate(words))

    def at_any(self, *words: str) -> bool:
        return self.token.word in words

    def accept(self, *words: str) -> bool:
        if not self.at(*words):
            return False
        self.position += len(words)
        return True

    def expect(self, *words: str) -> None:
        for word in words:
            if self.token.word != word:
                self.fail()
            self.position += 1

    def fail(self) -> NoReturn:
        token = self.token
        if token.kind is Kind.NAME and token.word in RESERVED:
            raise SqlError(156, f"Incorrect syntax near the keyword '{token.text}'.", severity=15)
        text = token.text or (self.tokens[-2].text if len(self.tokens) > 1 else "")
        raise SqlError(102, f"Incorrect syntax near '{text}'.", severity=15)

    def at_name(self) -> bool:
        token = self.token
        return token.kind is Kind.QUOTED or (token.kind is Kind.NAME and token.word not in RESERVED)

    def name(self) -> str:
        if not self.at_name():
            self.fail()
        text = self.advance().text
        if len(text) > 128:
            raise SqlError(
                103,
                f"The identifier that starts with '{text[:128]}' is too long. "
                "Maximum length is 128.",
                severity=15,
            )
        return text

    def parts(self) -> tuple[str, ...]:
        """Return a name of up to four parts; an omitted one is empty."""
        found = [self.name()]
        while self.accept("."):
            found.append("" if self.at(".") else self.name())
        return tuple(found)

    def word(self) -> str:
        """Any word, reserved or not, in upper case."""
        if self.token.kind is not Kind.NAME:
            self.fail()
        return self.advance().word

    def number(self) -> int:
        negative = self.accept("-")
        if self.token.kind is not Kind.NUMBER or not self.token.text.isdigit():
            self.fail()
        value = int(self.advance().text)
        return -value if negative else value

    def text(self) -> str:
        if self.token.kind not in (Kind.STRING, Kind.NATIONAL):
            self.fail()
        return self.advance().text

    def names_in_brackets(self) -> tuple[str, ...]:
        self.expect("(")
        found = [self.name()]
        while self.accept(","):
            found.append(self.name())
        self.expect(")")
        return tuple(found)

    def type(self, *, default_length: int = 1) -> SqlType:
        """Return a type as columns, variables and CAST name it."""
        written = self.advance()
        if written.kind not in (Kind.NAME, Kind.QUOTED):
            self.position -= 1
            self.fail()
        name = _SYNONYMS.get(written.text.lower(), written.text.lower())
        if name == "sys" and self.accept("."):
            name = self.name().lower()
        if name == "double" and self.accept("PRECISION"):
            return SqlType("float")
        if name == "national":
            name = "n" + _SYNONYMS.get(self.word().lower(), "char").removeprefix("n")
        if name in ("char", "nchar") and self.accept("VARYING"):
            name = name.replace("char", "varchar")
        return self._typed(name, written.text, default_length)

    def _typed(self, name: str, written: str, default_length: int) -> SqlType:
        if name in _PLAIN:
            return SqlType(name)
        if name == "sysname":
            return SqlType("nvarchar", length=128)
        if name in _SIZED:
            return SqlType(name, length=self._length(name, default_length))
        if name in _FRACTIONAL:
            scale = self._bracketed(default=7)
            if not 0 <= scale <= 7:
                raise SqlError(1002, f"Line 1: Specified scale {scale} is invalid.", severity=15)
            return SqlType(name, scale=scale)
        if name in ("decimal", "numeric"):
            return self._decimal(name)
        if name == "float":
            return SqlType("real" if self._bracketed(default=53) <= 24 else "float")
        if name in ("text", "ntext", "image", "xml", "sql_variant", "timestamp", "geography"):
            raise Unsupported(f"the type {name}")
        raise SqlError(
            2715,
            f"Column, parameter, or variable #1: Cannot find data type {written}.",
        )

    def _bracketed(self, *, default: int) -> int:
        if not self.accept("("):
            return default
        value = self.number()
        self.expect(")")
        return value

    def _length(self, name: str, default: int) -> int:
        if not self.accept("("):
            return default
        if self.accept("MAX"):
            self.expect(")")
            return -1
        length = self.number()
        self.expect(")")
        limit = 4000 if name.startswith("n") else 8000
        if not 1 <= length <= limit:
            raise SqlError(
                131,
                f"The size ({length}) given to the type '{name}' exceeds the maximum allowed "
                f"for any data type ({limit}).",
                severity=15,
            )
        return length

    def _decimal(self, name: str) -> SqlType:
        precision, scale = 18, 0
        if self.accept("("):
            precision = self.number()
            if self.accept(","):
                scale = self.number()
            self.expect(")")
        if not (1 <= precision <= 38 and 0 <= scale <= precision):
            raise SqlError(
                1007, f"The number '{precision}' is out of the range for numeric representation."
            )
        return SqlType(name, precision=precision, scale=scale)


def number_literal(text: str) -> tuple[object, SqlType]:
    """Return the value and the type of a number as it stands in the text."""
    if "e" in text.lower():
        return float(text), SqlType("float")
    if text.isdigit():
        value = int(text)
        if value < 2**31:
            return value, SqlType("int")
        if value < 2**63:
            return value, SqlType("bigint")
        return Decimal(value), SqlType("numeric", precision=len(text.lstrip("0")), scale=0)
    whole, _, fraction = text.partition(".")
    digits = len(whole.lstrip("0")) + len(fraction)
    return Decimal(text), SqlType("numeric", precision=max(digits, 1), scale=len(fraction))
