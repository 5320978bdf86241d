"""One login's work with the engine: its database, its transaction, its settings."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING, Any, TypeVar

import apsw

from deploy.local.sqlserver import change_tracking, granted, properties, security
from deploy.local.sqlserver.database import Database
from deploy.local.sqlserver.errors import Cancelled, ConnectionDropped, SqlError
from deploy.local.sqlserver.executor import Executor
from deploy.local.sqlserver.frame import VERSION, Frame
from deploy.local.sqlserver.granted import Granted
from deploy.local.sqlserver.hooks import Faults
from deploy.local.sqlserver.rendering.surroundings import TableSource
from deploy.local.sqlserver.results import DatabaseChanged, Event, Info, Parameter
from deploy.local.sqlserver.storage import Definitions
from deploy.local.sqlserver.transactions import Work, timed_out
from deploy.local.sqlserver.visibility import visible_view

if TYPE_CHECKING:
    from deploy.local.sqlserver.instance import Instance

_T = TypeVar("_T")
_descriptors = itertools.count(1)
_STEPS_BETWEEN_LOOKS = 50_000
_REVEALING = ("SELECT", "VIEW DEFINITION", "INSERT", "UPDATE", "DELETE", "VIEW CHANGE TRACKING")


class Session:
    """Implements EngineSession; used by one thread, stepped aside and killed by others."""

    def __init__(
        self,
        instance: Instance,
        spid: int,
        login: str,
        *,
        sysadmin: bool,
        cancelled: Callable[[], bool],
    ) -> None:
        self.instance = instance
        self.spid = spid
        self.login = login
        self.sysadmin = sysadmin
        self.default_schema = "dbo"
        self.killed = False
        self.drop_requested = False
        self._cancelled = cancelled
        self._descriptor = 0
        self.uncommitted: Definitions | None = None
        self.place: Database = instance.master_database
        self.database = self.place.name
        self.db: apsw.Connection
        self.work: Work
        self._allowed: set[tuple[int, str]] = set()
        self._allowed_serial = -1
        self._granted: Granted | None = None
        self._user: str | None = None
        self._settings()

    def _settings(self) -> None:
        self.isolation = "READ COMMITTED"
        self.trancount = 0
        self.doomed = False
        self.xact_abort = False
        self.nocount = False
        self.implicit_transactions = False
        self.lock_timeout = -1
        self.row_limit = 0
        self.rowcount = 0
        self.error = 0
        self.identity: int | None = None
        self.identity_insert: int | None = None
        self.numbered: set[int] = set()
        self.savepoints: dict[str, str] = {}

    # Where the session is.
    @property
    def definitions(self) -> Definitions:
        return self.uncommitted or self.place.definitions

    @property
    def transaction(self) -> int:
        return self._descriptor if self.trancount else 0

    def use(self, database: Database) -> None:
        """Go to a database; 4060's reason where the login may not."""
        db = database.connect()
        user = security.user_of(db, self.login)
        if not self.sysadmin and user is None and database is not self.instance.master_database:
            db.close()
            raise SqlError(
                916,
                f'The server principal "{self.login}" is not able to access the database '
                f'"{database.name}" under the current security context.',
                severity=14,
            )
        self._leave()
        self.place = database
        self.database = database.name
        self.db = db
        self.work = Work(database, db, self.spid)
        self._user = "dbo" if self.sysadmin else user or "guest"
        self._allowed_serial = -1
        db.set_progress_handler(self._interrupted, _STEPS_BETWEEN_LOOKS)
        properties.register(db, self)

    def _leave(self) -> None:
        if hasattr(self, "db"):
            self.db.close()

    def change_database(self, name: str) -> Iterator[Event]:
        if self.trancount and self.work.active:
            raise SqlError(
                226, "USE statement not allowed within multi-statement transaction.", severity=16
            )
        old = self.database
        self.use(self.instance.find(name))
        yield DatabaseChanged(old, self.database)
        yield Info(5701, f"Changed database context to '{self.database}'.")

    # Being interrupted.
    def _interrupted(self) -> bool:
        return self.killed or self.drop_requested or self._cancelled()

    def check(self) -> None:
        """Raise what an interrupted statement ends with, where it is interrupted."""
        if self.killed or self.drop_requested:
            raise ConnectionDropped
        if self._cancelled():
            raise Cancelled

    @property
    def faults(self) -> Faults:
        return self.instance.faults

    def check_cancelled(self) -> None:
        self.check()

    def write(self, work: Callable[[apsw.Connection], _T]) -> _T:
        """Do the work in the open transaction, or in one of its own that is then committed."""
        self.work.resume(self.waited)
        try:
            self.work.write(self.waited)
            result = work(self.db)
            self.work.wrote = True
            if not self.trancount:
                self.commit_work()
        except BaseException:
            if not self.trancount:
                self.undo()
            raise
        return result

    def waited(self, seconds: float) -> None:
        """Look around, now and then, while a statement waits for a lock."""
        self.check()
        if self.lock_timeout >= 0 and seconds * 1000 >= self.lock_timeout:
            raise timed_out()

    # Surroundings of rendering.
    def databases(self) -> frozenset[str]:
        return self.instance.names()

    def view(self, schema: str, name: str) -> TableSource | None:
        return visible_view(schema, name)

    def changes(self, object_id: int, baseline: str) -> tuple[TableSource, Sequence[str]]:
        source = change_tracking.changes_sql(self.db, object_id, baseline)
        return source, source.outputs

    def version(self, object_id: int, keys: Sequence[str]) -> tuple[TableSource, Sequence[str]]:
        source = change_tracking.version_sql(self.db, object_id, keys)
        return source, source.outputs

    # Rights.
    @property
    def user(self) -> str:
        return self._user or "guest"

    def may(self, right: str, object_id: int | None, schema_id: int | None = None) -> bool:
        if self.sysadmin:
            return True
        table = self.definitions.by_id.get(object_id) if object_id is not None else None
        schema_id = schema_id if table is None else table.schema_id
        known = self._granted if self._allowed_serial == self.instance.rights_serial else None
        return (known or granted.load(self.db, self.user)).covers(right, object_id, schema_id)

    def require(self, needed: frozenset[tuple[int, str]]) -> None:
        """Raise 229 for the first of these rights that is missing."""
        if self.sysadmin:
            return
        serial = self.instance.rights_serial
        if serial != self._allowed_serial:
            self._allowed.clear()
            self._allowed_serial = serial
            self._granted = None
        if self._granted is None and not self.trancount:
            # Not in a transaction: what it shows may be older than the rights are.
            self._granted = granted.load(self.db, self.user)
        for object_id, right in needed:
            if (object_id, right) in self._allowed:
                continue
            if not object_id:
                self.require_database_right(right)
                continue
            if not self.may(right, object_id):
                table = self.definitions.by_id[object_id]
                raise security.denied(right, table.name, self.database, table.schema)
            self._allowed.add((object_id, right))

    def sees(self, object_id: int | None) -> int:
        """Whether the catalog shows an object: to those who have any right on it."""
        if self.sysadmin or object_id is None:
            return 1
        return int(any(self.may(right, object_id) for right in _REVEALING))

    def require_database_right(self, right: str) -> None:
        if not self.may(right, None):
            raise security.denied_in_database(right, self.database)

    def require_sysadmin(self, what: str) -> None:
        if not self.sysadmin:
            raise SqlError(15247, f"User does not have permission to perform this action: {what}.")

    # Values.
    def system(self, name: str) -> Any:
        values: dict[str, Callable[[], object]] = {
            "@@ROWCOUNT": lambda: self.rowcount,
            "ROWCOUNT_BIG": lambda: self.rowcount,
            "@@ERROR": lambda: self.error,
            "@@TRANCOUNT": lambda: self.trancount,
            "@@SPID": lambda: self.spid,
            "@@IDENTITY": lambda: None if self.identity is None else str(self.identity),
            "SCOPE_IDENTITY": lambda: None if self.identity is None else str(self.identity),
            "@@VERSION": lambda: VERSION,
            "@@SERVERNAME": lambda: "CHARTFEED-STANDIN",
            "@@SERVICENAME": lambda: "MSSQLSERVER",
            "@@LANGUAGE": lambda: "us_english",
            "@@LANGID": lambda: 0,
            "@@DATEFIRST": lambda: 7,
            "@@LOCK_TIMEOUT": lambda: self.lock_timeout,
            "@@MAX_PRECISION": lambda: 38,
            "@@MICROSOFTVERSION": lambda: 16 << 24 | 1000,
            "@@OPTIONS": lambda: 5432 | (16384 if self.xact_abort else 0),
            "@@TEXTSIZE": lambda: 2147483647,
            "@@NESTLEVEL": lambda: 0,
            "@@DBTS": lambda: bytes(8),
            "XACT_STATE": self._state,
            "CURRENT_TRANSACTION_ID": lambda: self._descriptor,
            "SUSER_SNAME": lambda: self.login,
            "ORIGINAL_LOGIN": lambda: self.login,
            "CURRENT_USER": lambda: self.user,
            "HOST_NAME": lambda: None,
            "APP_NAME": lambda: None,
        }
        return values[name]()

    def _state(self) -> int:
        if not self.trancount:
            return 0
        return -1 if self.doomed else 1

    # Running.
    def run(self, sql: str, parameters: Sequence[Parameter] = ()) -> Iterator[Event]:
        if self.killed:
            raise ConnectionDropped
        return Executor(self, Frame(self, parameters)).run(sql, parameters)

    def call(self, procedure: str, parameters: Sequence[Parameter] = ()) -> Iterator[Event]:
        if self.killed:
            raise ConnectionDropped
        return Executor(self, Frame(self, parameters)).call(procedure, parameters)

    def undeclared_parameters(
        self, sql: str, declared: Sequence[Parameter]
    ) -> tuple[Parameter, ...]:
        return Executor(self, Frame(self, declared)).undeclared(sql)

    # Transactions.
    def begin(self, isolation: str | None = None) -> None:
        if isolation is not None:
            self.isolation = isolation
        if not self.trancount:
            self._descriptor = next(_descriptors)
        self.trancount += 1

    def commit(self) -> None:
        if not self.trancount:
            raise SqlError(
                3902, "The COMMIT TRANSACTION request has no corresponding BEGIN TRANSACTION."
            )
        if self.doomed:
            self.rollback()
            raise SqlError(
                3930,
                "The current transaction cannot be committed and cannot support operations that "
                "write to the log file. Roll back the transaction.",
            )
        if self.trancount == 1:
            try:
                self.work.resume(self.waited)
                self.commit_work()
            except BaseException:
                self.rollback()
                raise
            self._closed()
        else:
            self.trancount -= 1

    def commit_work(self) -> None:
        """Commit in SQLite; what was defined in it is everybody's from then on."""
        defined = self.uncommitted
        self.work.commit(self._note_identities if self.numbered else None)
        if defined is not None:
            self.uncommitted = None
            self.place.define(defined)
            self.instance.rights_changed()

    def _note_identities(self) -> None:
        for object_id in self.numbered:
            self.db.execute(
                "UPDATE meta_tables SET identity_last = ? WHERE object_id = ?",
                (self.place.identities.get(object_id), object_id),
            )
        self.numbered.clear()

    def rollback(self) -> None:
        if not self.trancount:
            raise SqlError(
                3903, "The ROLLBACK TRANSACTION request has no corresponding BEGIN TRANSACTION."
            )
        self.undo()
        self._closed()

    def undo(self) -> None:
        """Roll back in SQLite."""
        with self.place.turn:
            self.work.idle = False
        self.work.rollback()
        if self.uncommitted is not None:
            self.uncommitted = None
            self.instance.rights_changed()
        self.numbered.clear()

    def _closed(self) -> None:
        self.trancount = 0
        self.doomed = False
        self.savepoints.clear()

    def save(self, name: str) -> None:
        if not self.trancount:
            raise SqlError(
                628, "Cannot issue SAVE TRANSACTION when there is no active transaction."
            )
        self.work.resume(self.waited)
        try:
            self.savepoints[name.lower()] = self.work.save()
        finally:
            self.work.rest()

    def rollback_to(self, name: str) -> None:
        savepoint = self.savepoints.get(name.lower())
        if savepoint is None:
            raise SqlError(
                6401,
                f"Cannot roll back {name}. No transaction or savepoint of that name was found.",
            )
        self.work.resume(self.waited)
        try:
            self.work.rollback_to(savepoint)
        finally:
            self.work.rest()

    # Ends.
    def reset(self) -> None:
        if self.trancount:
            self.rollback()
        self._settings()
        home = self.instance.home_of(self)
        if home is not self.place:
            self.use(home)

    def close(self) -> None:
        if self.trancount:
            self.undo()
            self._closed()
        self.instance.sessions.forget(self)
        self.db.close()
