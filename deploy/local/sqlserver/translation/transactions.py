"""Parsing of the ends of transactions, and of their names."""

from __future__ import annotations

from deploy.local.sqlserver.errors import Unsupported
from deploy.local.sqlserver.translation import statements
from deploy.local.sqlserver.translation.lexer import Kind
from deploy.local.sqlserver.translation.settings import SettingParser
from deploy.local.sqlserver.translation.statements import Statement


class TransactionParser(SettingParser):
    def transaction_name(self) -> str | None:
        if self.token.kind is Kind.VARIABLE:
            raise Unsupported("a transaction's name in a variable")
        if self.at_name() and self.token.word not in ("GO", "THROW"):
            return self.name()
        return None

    def commit(self) -> Statement:
        self.expect("COMMIT")
        if self.at_any("TRAN", "TRANSACTION"):
            self.advance()
            self.transaction_name()
        else:
            self.accept("WORK")
        return statements.CommitTransaction()

    def rollback(self) -> Statement:
        self.expect("ROLLBACK")
        if self.at_any("TRAN", "TRANSACTION"):
            self.advance()
            return statements.RollbackTransaction(self.transaction_name())
        self.accept("WORK")
        return statements.RollbackTransaction()

    def save(self) -> Statement:
        self.expect("SAVE")
        if not self.at_any("TRAN", "TRANSACTION"):
            self.fail()
        self.advance()
        return statements.SaveTransaction(self.name())
