"""A server the contract is held against, the databases made on it, the sessions in them."""

from __future__ import annotations

import platform
import re
import secrets
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import mssql_python_odbc
import pyodbc
import pytest

__all__ = ["TRACK", "Database", "Server", "Session", "driver", "fails", "quoted"]

TRACK = "ENABLE CHANGE_TRACKING"

pyodbc.pooling = False

_PART = re.compile(r"\s*([^=;]+?)\s*=\s*(\{(?:[^}]|\}\})*\}|[^;]*)")
_DIAGNOSIS = re.compile(
    r"\[([0-9A-Z]{5})\] \[Microsoft\].*? \((\d+)\)(?: \(SQL\w+\))?(?=; \[|'?\)?$)", re.DOTALL
)


def driver() -> str:
    """Return Microsoft's driver 18: the installed one by its name, else the wheel's by path."""
    installed = "ODBC Driver 18 for SQL Server"
    if installed in pyodbc.drivers():
        return installed
    machine = {"x86_64": "x86_64", "aarch64": "arm64"}[platform.machine()]
    libraries = Path(mssql_python_odbc.get_libs_dir()) / "linux" / "debian_ubuntu" / machine / "lib"
    return str(next(libraries.glob("libmsodbcsql-18*")))


def quoted(name: str) -> str:
    return "[" + name.replace("]", "]]") + "]"


@contextmanager
def fails(number: int, state: str | None = None, *, naming: str = "") -> Iterator[None]:
    """Expect SQL Server's error of that number, in that SQLSTATE, whose text holds `naming`."""
    with pytest.raises(pyodbc.Error) as caught:
        yield
    text = str(caught.value.args[1])
    seen = {(found, int(code)) for found, code in _DIAGNOSIS.findall(text)}
    assert number in {code for _, code in seen}, text
    if state is not None:
        assert (state, number) in seen, text
    assert naming in text


class Session:
    """One connection, with statements run to their end so that no error stays unread."""

    def __init__(self, connection: pyodbc.Connection) -> None:
        self.connection = connection
        self.spid = int(self.value("SELECT @@SPID"))
        self.run("SET LOCK_TIMEOUT 20000")

    def cursor(self) -> closing[pyodbc.Cursor]:
        """Give a cursor that is closed at the end; pyodbc's own `with` commits instead."""
        return closing(self.connection.cursor())

    def run(self, sql: str, *parameters: object) -> int:
        """Run a batch and return the first statement's row count."""
        with self.cursor() as cursor:
            cursor.execute(sql, *parameters)
            count = int(cursor.rowcount)
            while cursor.nextset():
                pass
        return count

    def rows(self, sql: str, *parameters: object) -> list[tuple[Any, ...]]:
        """Run a batch and return the rows of its first result set."""
        return self.result(sql, *parameters)[1]

    def result(
        self, sql: str, *parameters: object
    ) -> tuple[tuple[tuple[Any, ...], ...], list[tuple[Any, ...]]]:
        """Run a batch and return the first result set: its description and its rows."""
        with self.cursor() as cursor:
            cursor.execute(sql, *parameters)
            while cursor.description is None:
                assert cursor.nextset(), "no statement gave a result set"
            description, rows = cursor.description, [tuple(row) for row in cursor.fetchall()]
            while cursor.nextset():
                pass
        return description, rows

    def value(self, sql: str, *parameters: object) -> Any:
        rows = self.rows(sql, *parameters)
        assert [len(row) for row in rows] == [1], rows
        return rows[0][0]

    def commit(self) -> None:
        self.connection.commit()

    def rollback(self) -> None:
        self.connection.rollback()

    def close(self) -> None:
        if self.is_open():
            self.connection.close()

    def is_open(self) -> bool:
        return not self.connection.closed


@dataclass(frozen=True, slots=True)
class Server:
    """Where to log in with every right, under the name of its target."""

    target: str
    connection_string: str = field(repr=False)

    @property
    def is_standin(self) -> bool:
        return self.target == "standin"

    def connect(
        self,
        database: str = "master",
        *,
        autocommit: bool = True,
        parts: Mapping[str, str] | None = None,
    ) -> pyodbc.Connection:
        """Log in; `parts` such as UID, PWD or Encrypt replace those of the string."""
        given = {"DATABASE": database} | {key.upper(): v for key, v in (parts or {}).items()}
        known = {key.upper(): value for key, value in _PART.findall(self.connection_string)}
        if "UID" in given:
            known.pop("TRUSTED_CONNECTION", None)
        known = {"DRIVER": driver()} | known
        known |= {key: "{" + value.replace("}", "}}") + "}" for key, value in given.items()}
        text = ";".join(f"{key}={value}" for key, value in known.items())
        return pyodbc.connect(text, autocommit=autocommit, timeout=15)

    def session(
        self,
        database: str = "master",
        *,
        autocommit: bool = True,
        parts: Mapping[str, str] | None = None,
    ) -> Session:
        return Session(self.connect(database, autocommit=autocommit, parts=parts))


@dataclass(slots=True)
class Database:
    """A database of its own for a test, and the sessions the test has in it."""

    server: Server
    admin: Session
    name: str = field(default_factory=lambda: "contract_" + secrets.token_hex(6))
    _sessions: list[Session] = field(default_factory=list)

    def create(
        self,
        *,
        tracking: bool,
        retention: str,
        auto_cleanup: bool,
        snapshot: bool,
        collation: str,
    ) -> None:
        self.admin.run(f"CREATE DATABASE {quoted(self.name)} COLLATE {collation}")
        if snapshot:
            self.alter("SET ALLOW_SNAPSHOT_ISOLATION ON")
        if tracking:
            cleanup = "ON" if auto_cleanup else "OFF"
            self.alter(
                "SET CHANGE_TRACKING = ON"
                f" (CHANGE_RETENTION = {retention}, AUTO_CLEANUP = {cleanup})"
            )

    def alter(self, change: str) -> None:
        self.admin.run(f"ALTER DATABASE {quoted(self.name)} {change}")

    def session(
        self,
        *,
        autocommit: bool = True,
        isolation: str | None = None,
        parts: Mapping[str, str] | None = None,
    ) -> Session:
        """Open one more session; `isolation` is set as the first thing in it."""
        session = self.server.session(self.name, parts=parts)
        self._sessions.append(session)
        if isolation:
            session.run(f"SET TRANSACTION ISOLATION LEVEL {isolation}")
        session.connection.autocommit = autocommit
        return session

    @property
    def own(self) -> Session:
        """The autocommit session that most statements of a test go through."""
        if not (self._sessions and self._sessions[0].is_open()):
            self._sessions.insert(0, self.server.session(self.name))
        return self._sessions[0]

    def run(self, sql: str, *parameters: object) -> int:
        return self.own.run(sql, *parameters)

    def rows(self, sql: str, *parameters: object) -> list[tuple[Any, ...]]:
        return self.own.rows(sql, *parameters)

    def value(self, sql: str, *parameters: object) -> Any:
        return self.own.value(sql, *parameters)

    def version(self) -> int:
        return int(self.value("SELECT CHANGE_TRACKING_CURRENT_VERSION()"))

    def changes(
        self, table: str, since: int | None = 0, *, columns: Sequence[str] = ("id",)
    ) -> list[tuple[Any, ...]]:
        """Return version, creation version, operation and key of every change, by key."""
        keys = ", ".join(f"ct.{quoted(column)}" for column in columns)
        baseline = "NULL" if since is None else since
        return self.rows(
            "SELECT ct.SYS_CHANGE_VERSION, ct.SYS_CHANGE_CREATION_VERSION,"
            f" ct.SYS_CHANGE_OPERATION, {keys}"
            f" FROM CHANGETABLE(CHANGES {table}, {baseline}) AS ct ORDER BY {keys}"
        )

    def disconnect(self) -> None:
        for session in self._sessions:
            session.close()
        self._sessions.clear()

    def drop(self) -> None:
        self.disconnect()
        self.admin.run(f"DROP DATABASE {quoted(self.name)}")
