"""Parsing of databases, schemas, logins, users and rights."""

from __future__ import annotations

from deploy.local.sqlserver.errors import Unsupported
from deploy.local.sqlserver.translation import statements
from deploy.local.sqlserver.translation.lexer import Kind
from deploy.local.sqlserver.translation.statements import Statement
from deploy.local.sqlserver.translation.tables import TableParser

_UNITS = {"DAYS": 86400, "HOURS": 3600, "MINUTES": 60}
_OPTIONS_WITHOUT_EFFECT = frozenset(
    (
        "RECOVERY",
        "COMPATIBILITY_LEVEL",
        "AUTO_CLOSE",
        "AUTO_SHRINK",
        "PAGE_VERIFY",
        "DELAYED_DURABILITY",
        "TARGET_RECOVERY_TIME",
        "AUTO_UPDATE_STATISTICS",
    )
)


class DatabaseParser(TableParser):
    def create_database(self) -> Statement:
        self.expect("DATABASE")
        name = self.name()
        collation = self.name() if self.accept("COLLATE") else None
        if self.at("ON"):
            raise Unsupported("CREATE DATABASE … ON")
        return statements.CreateDatabase(name, collation)

    def drop_database(self) -> Statement:
        self.expect("DATABASE")
        if_exists = self.accept("IF", "EXISTS")
        names = [self.name()]
        while self.accept(","):
            names.append(self.name())
        return statements.DropDatabase(tuple(names), if_exists)

    def alter_database(self) -> Statement:
        self.expect("DATABASE")
        name = None if self.accept("CURRENT") else self.name()
        if self.accept("COLLATE"):
            raise Unsupported("ALTER DATABASE … COLLATE")
        self.expect("SET")
        statement = self._database_option(name)
        if self.accept("WITH"):
            if self.accept("ROLLBACK"):
                if not self.accept("IMMEDIATE"):
                    self.expect("AFTER")
                    self.number()
                    self.accept("SECONDS")
            else:
                self.expect("NO_WAIT")
        return statement

    def _database_option(self, name: str | None) -> Statement:
        word = self.word()
        if word in ("OFFLINE", "ONLINE", "SINGLE_USER", "MULTI_USER", "READ_WRITE"):
            return statements.AlterDatabase(name, word)
        if word == "CHANGE_TRACKING":
            return self._change_tracking(name)
        if word == "ALLOW_SNAPSHOT_ISOLATION":
            return statements.AlterDatabase(name, word, self._on_or_off())
        if word == "READ_COMMITTED_SNAPSHOT":
            return statements.AlterDatabase(name, word, self._on_or_off())
        if word in _OPTIONS_WITHOUT_EFFECT:
            self.accept("=")
            self.advance()
            return statements.AlterDatabase(name, "NONE")
        raise Unsupported(f"ALTER DATABASE … SET {word}")

    def _on_or_off(self) -> bool:
        if self.accept("ON"):
            return True
        self.expect("OFF")
        return False

    def _change_tracking(self, name: str | None) -> Statement:
        """Parse it; the value is None for OFF, else (on now, seconds or None, cleanup or None)."""
        assigned = self.accept("=")
        if assigned and self.accept("OFF"):
            return statements.AlterDatabase(name, "CHANGE_TRACKING")
        switched = assigned
        if assigned:
            self.expect("ON")
        seconds: int | None = None
        cleanup: bool | None = None
        if self.accept("("):
            while True:
                option = self.word()
                self.expect("=")
                if option == "CHANGE_RETENTION":
                    amount = self.number()
                    unit = self.word()
                    seconds = amount * _UNITS[unit if unit.endswith("S") else unit + "S"]
                elif option == "AUTO_CLEANUP":
                    cleanup = self._on_or_off()
                else:
                    self.fail()
                if not self.accept(","):
                    break
            self.expect(")")
        return statements.AlterDatabase(name, "CHANGE_TRACKING", (switched, seconds, cleanup))

    def create_schema(self) -> Statement:
        self.expect("SCHEMA")
        name = self.name()
        if self.accept("AUTHORIZATION"):
            self.name()
        return statements.CreateSchema(name)

    def drop_schema(self) -> Statement:
        self.expect("SCHEMA")
        if_exists = self.accept("IF", "EXISTS")
        return statements.DropSchema(self.name(), if_exists)

    def create_login(self) -> Statement:
        self.expect("LOGIN")
        return statements.CreateLogin(self.name(), self._password())

    def alter_login(self) -> Statement:
        self.expect("LOGIN")
        return statements.AlterLogin(self.name(), self._password())

    def _password(self) -> str:
        self.expect("WITH", "PASSWORD", "=")
        password = self.text()
        while self.accept(","):
            self.word()
            self.expect("=")
            self.advance()
        return password

    def drop_login(self) -> Statement:
        self.expect("LOGIN")
        return statements.DropLogin(self.name(), if_exists=False)

    def create_user(self) -> Statement:
        self.expect("USER")
        name = self.name()
        login = name
        if self.accept("FOR", "LOGIN") or self.accept("FROM", "LOGIN"):
            login = self.name()
        elif self.at("WITHOUT", "LOGIN"):
            raise Unsupported("CREATE USER … WITHOUT LOGIN")
        if self.accept("WITH", "DEFAULT_SCHEMA", "="):
            self.name()
        return statements.CreateUser(name, login)

    def drop_user(self) -> Statement:
        self.expect("USER")
        if_exists = self.accept("IF", "EXISTS")
        return statements.DropUser(self.name(), if_exists)

    def create_role(self) -> Statement:
        self.expect("ROLE")
        name = self.name()
        if self.accept("AUTHORIZATION"):
            self.name()
        return statements.CreateRole(name)

    def drop_role(self) -> Statement:
        self.expect("ROLE")
        if_exists = self.accept("IF", "EXISTS")
        return statements.DropRole(self.name(), if_exists)

    def alter_role(self) -> Statement:
        if not self.accept("SERVER"):
            self.accept("DATABASE")
        self.expect("ROLE")
        role = self.name()
        add = self.accept("ADD")
        if not add:
            self.expect("DROP")
        self.expect("MEMBER")
        return statements.AlterRole(role, self.name(), add)

    def permission(self) -> Statement:
        action = self.word()
        self.accept("GRANT", "OPTION", "FOR")
        rights = [self._right()]
        while self.accept(","):
            rights.append(self._right())
        scope = "DATABASE"
        target: tuple[str, ...] = ()
        if self.accept("ON"):
            scope = "OBJECT"
            if self.ahead().word == "::":
                scope = self.word()
                self.advance()
            target = self.parts()
        if scope not in ("OBJECT", "SCHEMA", "DATABASE"):
            raise Unsupported(f"{action} ON {scope}")
        if not self.accept("TO"):
            self.expect("FROM")
        users = [self.name()]
        while self.accept(","):
            users.append(self.name())
        if self.accept("WITH", "GRANT", "OPTION") or self.accept("CASCADE"):
            pass
        return statements.Permission(action, tuple(rights), scope, target, tuple(users))

    def _right(self) -> str:
        words = []
        while self.token.kind is Kind.NAME and not self.at_any("ON", "TO", "FROM"):
            words.append(self.advance().word)
        if not words:
            self.fail()
        if self.at("("):
            raise Unsupported("rights on single columns")
        return " ".join(words)
