"""Parsing of DECLARE and SET: variables, and what the session goes by."""

from __future__ import annotations

from deploy.local.sqlserver.errors import Unsupported
from deploy.local.sqlserver.translation import statements
from deploy.local.sqlserver.translation.backups import BackupParser
from deploy.local.sqlserver.translation.lexer import Kind
from deploy.local.sqlserver.translation.statements import Statement

_ON_OFF = frozenset(
    (
        "NOCOUNT",
        "XACT_ABORT",
        "ANSI_NULLS",
        "ANSI_PADDING",
        "ANSI_WARNINGS",
        "ARITHABORT",
        "QUOTED_IDENTIFIER",
        "CONCAT_NULL_YIELDS_NULL",
        "NUMERIC_ROUNDABORT",
        "ANSI_NULL_DFLT_ON",
        "IMPLICIT_TRANSACTIONS",
        "CURSOR_CLOSE_ON_COMMIT",
        "ANSI_DEFAULTS",
        "FMTONLY",
        "PARSEONLY",
        "NOEXEC",
        "ARITHIGNORE",
        "ANSI_NULL_DFLT_OFF",
        "NO_BROWSETABLE",
    )
)
_VALUED = frozenset(
    (
        "LOCK_TIMEOUT",
        "TEXTSIZE",
        "ROWCOUNT",
        "LANGUAGE",
        "DATEFORMAT",
        "DATEFIRST",
        "DEADLOCK_PRIORITY",
    )
)


class SettingParser(BackupParser):
    def declare(self) -> Statement:
        self.expect("DECLARE")
        found = []
        while True:
            if self.token.kind is not Kind.VARIABLE:
                self.fail()
            name = self.advance().text
            self.accept("AS")
            if self.at("TABLE"):
                raise Unsupported("table variables")
            if self.at("CURSOR"):
                raise Unsupported("cursors")
            type_ = self.type()
            value = self.expression() if self.accept("=") else None
            found.append(statements.Declaration(name, type_, value))
            if not self.accept(","):
                return statements.Declare(tuple(found))

    def set_value(self) -> Statement:
        self.expect("SET")
        if self.token.kind is Kind.VARIABLE:
            name = self.advance().text
            operator = self.token.word
            if operator not in ("=", "+=", "-=", "*=", "/=", "%="):
                self.fail()
            self.advance()
            return statements.SetVariable(name, self.expression(), operator)
        if self.accept("TRANSACTION", "ISOLATION", "LEVEL"):
            level = self.word()
            if level in ("READ", "REPEATABLE"):
                level += " " + self.word()
            return statements.SetIsolation(level)
        if self.accept("IDENTITY_INSERT"):
            table = self.parts()
            return statements.SetIdentityInsert(table, self._on_or_off())
        return self._set_option()

    def _set_option(self) -> Statement:
        names = [self.word()]
        while self.accept(","):
            names.append(self.word())
        name = names[0]
        if name == "STATISTICS":
            raise Unsupported("SET STATISTICS")
        if all(each in _ON_OFF for each in names):
            value = "ON" if self._on_or_off() else "OFF"
            return statements.SetOption(",".join(names), value)
        if name in _VALUED:
            negative = "-" if self.accept("-") else ""
            return statements.SetOption(name, negative + self.advance().text)
        if name == "CONTEXT_INFO":
            raise Unsupported("SET CONTEXT_INFO")
        raise Unsupported(f"SET {name}")
