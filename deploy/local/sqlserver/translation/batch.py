"""A T-SQL batch parsed into its statements; semicolons between them are optional."""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from typing import TYPE_CHECKING, ClassVar

from deploy.local.sqlserver.errors import Unsupported
from deploy.local.sqlserver.results import SqlType
from deploy.local.sqlserver.translation import statements, syntax
from deploy.local.sqlserver.translation.lexer import RESERVED, Kind
from deploy.local.sqlserver.translation.statements import Statement
from deploy.local.sqlserver.translation.transactions import TransactionParser

if TYPE_CHECKING:
    from deploy.local.sqlserver.translation.syntax import Expression


class BatchParser(TransactionParser):
    def batch(self) -> tuple[Statement, ...]:
        found: list[Statement] = []
        while True:
            while self.accept(";"):
                pass
            if self.token.kind is Kind.END:
                return tuple(found)
            found.append(self.statement())

    def statement(self) -> Statement:
        word = self.token.word
        parse = self._STATEMENTS.get(word)
        if parse is not None:
            return parse(self)
        if self.token.kind is Kind.OPERATOR and word == "(":
            return statements.SelectStatement(self.query())
        if self.at_name() and self.position == 0:
            return self._execute_named()
        if self.token.kind is Kind.NAME and word in RESERVED and word in _UNSUPPORTED:
            raise Unsupported(f"the statement {word}")
        return self.fail()

    def _statement_and_semicolon(self) -> Statement:
        statement = self.statement()
        if self.at(";"):
            self.advance()
        return statement

    def _with(self) -> Statement:
        context = self.change_context()
        common = self.common_tables() if context is None else ()
        if self.at("SELECT") or self.at("("):
            return statements.SelectStatement(self.query_after(common))
        if self.at("INSERT"):
            return self.insert(common, context)
        if self.at("UPDATE"):
            return self.update(common, context)
        if self.at("DELETE"):
            return self.delete(common, context)
        if self.at("MERGE"):
            raise Unsupported("the statement MERGE")
        return self.fail()

    def _create(self) -> Statement:
        self.expect("CREATE")
        if self.at_any("UNIQUE", "CLUSTERED", "NONCLUSTERED", "INDEX"):
            return self.create_index()
        parse = self._CREATES.get(self.token.word)
        if parse is None:
            raise Unsupported(f"CREATE {self.token.text}")
        return parse(self)

    def _drop(self) -> Statement:
        self.expect("DROP")
        parse = self._DROPS.get(self.token.word)
        if parse is None:
            raise Unsupported(f"DROP {self.token.text}")
        return parse(self)

    def _alter(self) -> Statement:
        self.expect("ALTER")
        parse = self._ALTERS.get(self.token.word)
        if parse is None:
            raise Unsupported(f"ALTER {self.token.text}")
        return parse(self)

    def _block(self) -> statements.Block:
        found: list[Statement] = []
        while not self.at("END"):
            if self.accept(";"):
                continue
            if self.token.kind is Kind.END:
                self.fail()
            found.append(self.statement())
        self.expect("END")
        return statements.Block(tuple(found))

    def _begin(self) -> Statement:
        self.expect("BEGIN")
        if self.at_any("TRAN", "TRANSACTION"):
            self.advance()
            self.transaction_name()
            return statements.BeginTransaction()
        if self.at("DISTRIBUTED"):
            raise Unsupported("BEGIN DISTRIBUTED TRANSACTION")
        if self.accept("TRY"):
            body = self._block()
            self.expect("TRY")
            self.accept(";")
            self.expect("BEGIN", "CATCH")
            handler = self._block()
            self.expect("CATCH")
            return statements.TryCatch(body, handler)
        return self._block()

    def _if(self) -> Statement:
        self.expect("IF")
        condition = self.expression()
        then = self._statement_and_semicolon()
        otherwise = self._statement_and_semicolon() if self.accept("ELSE") else None
        return statements.If(condition, then, otherwise)

    def _while(self) -> Statement:
        self.expect("WHILE")
        condition = self.expression()
        return statements.While(condition, self.statement())

    def word_only(self, statement: Statement) -> Statement:
        self.advance()
        return statement

    def _return(self) -> Statement:
        self.expect("RETURN")
        if self.token.kind is Kind.NUMBER:
            raise Unsupported("RETURN with a value")
        return statements.Return()

    def _print(self) -> Statement:
        self.expect("PRINT")
        return statements.Print(self.expression())

    def _raiserror(self) -> Statement:
        self.expect("RAISERROR", "(")
        message, severity, state, *rest = self._three_or_more()
        self.expect(")")
        if self.accept("WITH"):
            self.expect("NOWAIT")
        return statements.RaiseError(message, severity, state, tuple(rest))

    def _three_or_more(self) -> tuple[Expression, ...]:
        found = self.expressions()
        if len(found) < 3:
            self.fail()
        return found

    def _throw(self) -> Statement:
        self.advance()
        if self.token.kind not in (Kind.NUMBER, Kind.VARIABLE):
            return statements.Throw()
        number = self.expression()
        self.expect(",")
        message = self.expression()
        self.expect(",")
        return statements.Throw(number, message, self.expression())

    def _use(self) -> Statement:
        self.expect("USE")
        return statements.Use(self.name())

    def _waitfor(self) -> Statement:
        self.expect("WAITFOR")
        if not self.accept("DELAY"):
            raise Unsupported(f"WAITFOR {self.token.text}")
        return statements.WaitFor(self._unit())

    def _execute(self) -> Statement:
        self.advance()
        if self.accept("("):
            text = self.expression()
            self.expect(")")
            return statements.ExecuteText(text)
        if self.token.kind is Kind.VARIABLE:
            raise Unsupported("EXEC with a variable in place of a name or a return status")
        return self._execute_named()

    def _execute_named(self) -> Statement:
        procedure = self.parts()
        arguments: list[statements.Argument] = []
        while self._at_argument():
            name = None
            if self.token.kind is Kind.VARIABLE and self.ahead().word == "=":
                name = self.advance().text
                self.advance()
            value = self._argument()
            output = self.at_any("OUTPUT", "OUT")
            if output:
                self.advance()
            arguments.append(statements.Argument(name, value, output))
            if not self.accept(","):
                break
        return statements.Execute(procedure, tuple(arguments))

    def _at_argument(self) -> bool:
        token = self.token
        return (
            token.kind
            in (Kind.VARIABLE, Kind.STRING, Kind.NATIONAL, Kind.NUMBER, Kind.BINARY, Kind.SYSTEM)
            or token.word in ("-", "NULL", "DEFAULT")
            or (self.at_name() and token.word not in self._STATEMENTS)
        )

    def _argument(self) -> Expression:
        if self.at_name():
            text = self.name()
            return syntax.Literal(text, self._text_type(text))
        return self._signed()

    @staticmethod
    def _text_type(text: str) -> SqlType:
        return SqlType("nvarchar", length=max(len(text), 1))

    _STATEMENTS: ClassVar[dict[str, Callable[[BatchParser], Statement]]] = {
        "SELECT": lambda parser: statements.SelectStatement(parser.query()),
        "WITH": _with,
        "INSERT": lambda parser: parser.insert((), None),
        "UPDATE": lambda parser: parser.update((), None),
        "DELETE": lambda parser: parser.delete((), None),
        "TRUNCATE": lambda parser: parser.truncate(),
        "CREATE": _create,
        "DROP": _drop,
        "ALTER": _alter,
        "DECLARE": lambda parser: parser.declare(),
        "SET": lambda parser: parser.set_value(),
        "BEGIN": _begin,
        "COMMIT": lambda parser: parser.commit(),
        "ROLLBACK": lambda parser: parser.rollback(),
        "SAVE": lambda parser: parser.save(),
        "IF": _if,
        "WHILE": _while,
        "BREAK": lambda parser: parser.word_only(statements.Break()),
        "CONTINUE": lambda parser: parser.word_only(statements.Continue()),
        "RETURN": _return,
        "PRINT": _print,
        "RAISERROR": _raiserror,
        "THROW": _throw,
        "USE": _use,
        "WAITFOR": _waitfor,
        "KILL": lambda parser: parser.kill(),
        "EXEC": _execute,
        "EXECUTE": _execute,
        "GRANT": lambda parser: parser.permission(),
        "REVOKE": lambda parser: parser.permission(),
        "DENY": lambda parser: parser.permission(),
        "BACKUP": lambda parser: parser.backup(),
        "RESTORE": lambda parser: parser.restore(),
        "CHECKPOINT": lambda parser: parser.word_only(statements.Checkpoint()),
    }

    _CREATES: ClassVar[dict[str, Callable[[BatchParser], Statement]]] = {
        "TABLE": lambda parser: parser.create_table(),
        "DATABASE": lambda parser: parser.create_database(),
        "SCHEMA": lambda parser: parser.create_schema(),
        "LOGIN": lambda parser: parser.create_login(),
        "USER": lambda parser: parser.create_user(),
        "ROLE": lambda parser: parser.create_role(),
    }

    _DROPS: ClassVar[dict[str, Callable[[BatchParser], Statement]]] = {
        "TABLE": lambda parser: parser.drop_table(),
        "INDEX": lambda parser: parser.drop_index(),
        "DATABASE": lambda parser: parser.drop_database(),
        "SCHEMA": lambda parser: parser.drop_schema(),
        "LOGIN": lambda parser: parser.drop_login(),
        "USER": lambda parser: parser.drop_user(),
        "ROLE": lambda parser: parser.drop_role(),
    }

    _ALTERS: ClassVar[dict[str, Callable[[BatchParser], Statement]]] = {
        "TABLE": lambda parser: parser.alter_table(),
        "DATABASE": lambda parser: parser.alter_database(),
        "LOGIN": lambda parser: parser.alter_login(),
        "ROLE": lambda parser: parser.alter_role(),
        "SERVER": lambda parser: parser.alter_role(),
    }


_UNSUPPORTED = RESERVED - {"FROM", "WHERE", "AND", "OR", "ON", "AS", "END", "ELSE", "VALUES"}


def parsed(sql: str) -> tuple[Statement, ...]:
    """Return the statements of a batch without keeping them for the next time."""
    return BatchParser(sql).batch()


# Thirty statements of each of 250 databases, whose names are all different: where they do not fit,
# none is found again, for they come in turns.
@lru_cache(maxsize=8192)
def parse(sql: str) -> tuple[Statement, ...]:
    """Return the statements of a batch, which is refused if any of it is not understood."""
    return BatchParser(sql).batch()
