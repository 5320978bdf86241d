"""All databases under one folder: logins, sessions, and what concerns a database as a whole."""

from __future__ import annotations

import itertools
import threading
import time
import uuid
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import apsw

from deploy.local.sqlserver import (
    administration,
    change_tracking,
    database,
    definitions,
    hooks,
    security,
)
from deploy.local.sqlserver.database import Database
from deploy.local.sqlserver.engine_session import Session
from deploy.local.sqlserver.errors import ConnectionDropped, SqlError
from deploy.local.sqlserver.results import Event, Info, Parameter, Returned
from deploy.local.sqlserver.transactions import Work

if TYPE_CHECKING:
    from deploy.local.sqlserver.executor import Executor

_LAYOUT = """
CREATE TABLE databases(database_id INTEGER PRIMARY KEY, name TEXT COLLATE NOCASE UNIQUE,
  state TEXT, created REAL, snapshot_isolation INT, ct_on INT, ct_retention_seconds INT,
  ct_auto_cleanup INT, family_guid TEXT, recovery_fork_guid TEXT);
"""
_CLEANUP_SECONDS = 1800.0
_LEAVING_SECONDS = 1.0
_FIRST_SPID = 51


class Instance:
    """Implements Engine: everything is under `home`; the password is the login sa's."""

    def __init__(self, home: Path, password: str) -> None:
        self.home = home
        self.closing = threading.Event()
        self.faults = hooks.Faults()
        self.rights_serial = 0
        self._guard = threading.Condition(threading.RLock())
        self._sessions: dict[int, Session] = {}
        self._logins: dict[int, float] = {}
        self._homes: dict[int, str] = {}
        self._spids = itertools.count(_FIRST_SPID)
        (home / "databases").mkdir(parents=True, exist_ok=True)
        (home / "backups").mkdir(exist_ok=True)
        self._master_path = home / "master.db"
        self.master = self._open_master()
        security.set_login(self.master, "sa", password, sysadmin=True)
        self._databases = {found.name.lower(): found for found in self._known_databases()}
        if "master" not in self._databases:
            self.create_database("master")
        self.master_database = self._databases["master"]
        self._cleaner = threading.Thread(target=self._clean_up, name="cleanup", daemon=True)
        self._cleaner.start()

    def _open_master(self) -> apsw.Connection:
        master = apsw.Connection(str(self._master_path))
        master.set_busy_timeout(10_000)
        master.execute("PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL")
        with master:
            found = master.execute("SELECT 1 FROM sqlite_schema WHERE name = 'databases'")
            if found.fetchone() is None:
                master.execute(_LAYOUT)
                master.execute(security.LAYOUT)
        return master

    def path_of(self, database_id: int) -> Path:
        return self.home / "databases" / f"{database_id}.db"

    def _known_databases(self) -> Iterator[Database]:
        rows = self.master.execute(
            "SELECT name, database_id, snapshot_isolation, state FROM databases"
        ).fetchall()
        for row in rows:
            name, database_id, snapshot_isolation, state = (str(value) for value in row)
            yield Database(
                str(name),
                int(database_id),
                self.path_of(int(database_id)),
                self._master_path,
                snapshot_isolation == "1",
                state != "ONLINE",
            )

    # Logins and sessions.
    def open(
        self, user: str, password: str, database: str | None, cancelled: Callable[[], bool]
    ) -> Session:
        with self._guard:
            login, sysadmin = security.authenticate(self.master, user, password)
            spid = next(self._spids)
        wanted = database or "master"
        place = self.known(wanted)
        if place is None or place.offline:
            raise _cannot_open(wanted)
        session = Session(self, spid, login, sysadmin=sysadmin, cancelled=cancelled)
        try:
            session.use(place)
        except SqlError:
            raise _cannot_open(wanted) from None
        with self._guard:
            self._sessions[spid] = session
            self._logins[spid] = time.time()
            self._homes[spid] = place.name
        return session

    def forget(self, session: Session) -> None:
        with self._guard:
            self._sessions.pop(session.spid, None)
            self._logins.pop(session.spid, None)
            self._homes.pop(session.spid, None)
            self._guard.notify_all()

    def home_of(self, session: Session) -> Database:
        """Return the database that the login asked for."""
        return self.known(self._homes[session.spid]) or self.master_database

    def close(self) -> None:
        """Stop; sessions that are still open end at their next statement."""
        self.closing.set()
        with self._guard:
            sessions = list(self._sessions.values())
        for session in sessions:
            session.killed = True
        self._cleaner.join(timeout=5)
        self.master.close()

    def sessions(self) -> list[dict[str, object]]:
        with self._guard:
            return [
                {
                    "session_id": spid,
                    "login_time": self._logins[spid],
                    "host_name": None,
                    "program_name": None,
                    "login_name": session.login,
                    "status": "sleeping" if session.work.idle else "running",
                    "database_id": session.place.database_id,
                    "open_transaction_count": session.trancount,
                }
                for spid, session in sorted(self._sessions.items())
            ]

    def kill(self, own: Session, spid: int) -> None:
        """End another session: what it has open is rolled back, its next statement drops it."""
        own.require_sysadmin("KILL")
        if spid == own.spid:
            raise SqlError(6104, "Cannot use KILL to kill your own process.")
        with self._guard:
            session = self._sessions.get(spid)
        if session is None:
            raise SqlError(6106, f"Process ID {spid} is not an active process ID.")
        self._end(session)

    @staticmethod
    def _end(session: Session) -> None:
        session.killed = True
        with session.place.turn:
            if session.work.idle or session.work.aside:
                session.work.rollback()
            session.place.turn.notify_all()

    def end_sessions(self, place: Database, *, besides: Session) -> None:
        """End every other session that is in a database, and wait until none writes there."""
        with self._guard:
            others = [each for each in self._sessions.values() if each is not besides]
        for session in others:
            if session.place is place:
                self._end(session)

    def in_use(self, place: Database, own: Session) -> bool:
        """Whether other sessions stay in a database; one that is about to leave may do so."""

        def free() -> bool:
            own.check()
            return not any(
                each.place is place and each is not own and not each.killed
                for each in self._sessions.values()
            )

        with self._guard:
            return not self._guard.wait_for(free, _LEAVING_SECONDS)

    # Databases.
    def names(self) -> frozenset[str]:
        return frozenset(self._databases)

    def known(self, name: str) -> Database | None:
        return self._databases.get(name.lower())

    def find(self, name: str) -> Database:
        found = self.known(name)
        if found is None:
            raise SqlError(
                911,
                f"Database '{name}' does not exist. Make sure that the name is entered correctly.",
            )
        if found.offline:
            raise SqlError(
                942, f"Database '{name}' cannot be opened because it is offline.", severity=14
            )
        return found

    def database_id(self, name: str) -> int | None:
        found = self.known(name)
        return None if found is None else found.database_id

    def database_name(self, database_id: int | None) -> str | None:
        with self._guard:
            for found in self._databases.values():
                if found.database_id == database_id:
                    return found.name
        return None

    def may_enter(self, session: Session, name: str) -> int | None:
        found = self.known(name)
        if found is None:
            return None
        if session.sysadmin or found is self.master_database:
            return 1
        db = found.connect()
        try:
            return int(security.user_of(db, session.login) is not None)
        finally:
            db.close()

    def create_database(self, name: str) -> Database:
        """Create an empty database."""
        with self._guard:
            if name.lower() in getattr(self, "_databases", {}):
                raise SqlError(
                    1801,
                    f"Database '{name}' already exists. Choose a different database name.",
                    state=3,
                )
            taken = self.master.execute("SELECT max(database_id) FROM databases").get
            database_id = 1 if name == "master" else max(int(taken or 0) + 1, 5)
            path = self.path_of(database_id)
            remove(path)
            now = time.time()
            database.create(path, database_id, now, self._master_path)
            self.master.execute(
                "INSERT INTO databases VALUES (?, ?, 'ONLINE', ?, 0, 0, 172800, 1, NULL, NULL)",
                (database_id, name, now),
            )
            created = Database(name, database_id, path, self._master_path)
            self._databases[name.lower()] = created
            self.note(created)
            return created

    def note(self, place: Database) -> None:
        """Bring what master.db tells of a database in line with its file."""
        db = place.connect()
        try:
            rows: Any = db.execute("SELECT name, value FROM meta_options").fetchall()
            options: dict[str, Any] = dict(rows)
            enabled, seconds, cleanup = db.execute(
                "SELECT enabled, retention_seconds, auto_cleanup FROM ct_state"
            ).fetchall()[0]
        finally:
            db.close()
        place.snapshot_isolation = bool(options["snapshot_isolation"])
        with self._guard:
            self.master.execute(
                "UPDATE databases SET state = ?, snapshot_isolation = ?, ct_on = ?, "
                "ct_retention_seconds = ?, ct_auto_cleanup = ?, family_guid = ?, "
                "recovery_fork_guid = ? WHERE database_id = ?",
                (
                    "OFFLINE" if place.offline else "ONLINE",
                    int(place.snapshot_isolation),
                    enabled,
                    seconds,
                    cleanup,
                    options["family_guid"],
                    options["recovery_fork_guid"],
                    place.database_id,
                ),
            )

    def drop_database(self, place: Database) -> None:
        with self._guard:
            self.master.execute("DELETE FROM databases WHERE database_id = ?", (place.database_id,))
            del self._databases[place.name.lower()]
            remove(place.path)

    def set_offline(self, place: Database, *, offline: bool) -> None:
        place.offline = offline
        with self._guard:
            self.master.execute(
                "UPDATE databases SET state = ? WHERE database_id = ?",
                ("OFFLINE" if offline else "ONLINE", place.database_id),
            )

    def restore(self, place: Database, source: Path) -> None:
        """Put a backup in a database's place; it gets a new identity."""
        temporary = place.path.with_suffix(".restoring")
        copy(source, temporary)
        db = apsw.Connection(str(temporary))
        for name in ("family_guid", "recovery_fork_guid"):
            guid = str(uuid.uuid4()).upper()
            db.execute("UPDATE meta_options SET value = ? WHERE name = ?", (guid, name))
        db.execute(
            "UPDATE meta_options SET value = ? WHERE name = 'database_id'", (place.database_id,)
        )
        db.close()
        remove(place.path)
        temporary.replace(place.path)
        with place.turn:
            place.identities.clear()
            place.define(None)
        self.note(place)

    # Logins.
    def has_login(self, name: str) -> bool:
        with self._guard:
            found = self.master.execute("SELECT 1 FROM logins WHERE name = ?", (name,))
            return found.fetchone() is not None

    def set_login(self, name: str, password: str) -> None:
        with self._guard:
            security.set_login(self.master, name, password)

    def drop_login(self, name: str) -> None:
        with self._guard:
            self.master.execute("DELETE FROM logins WHERE name = ?", (name,))

    def set_sysadmin(self, name: str, *, sysadmin: bool) -> None:
        with self._guard:
            self.master.execute(
                "UPDATE logins SET sysadmin = ? WHERE name = ?", (int(sysadmin), name)
            )

    def rights_changed(self) -> None:
        self.rights_serial += 1

    # Statements and procedures that are the instance's.
    def administer(self, executor: Executor, node: Any) -> Iterator[Event]:
        return administration.run(self, executor, node)

    def procedure(self, session: Session, name: str, given: Sequence[Parameter]) -> Iterator[Event]:
        """Run one of the procedures that the stand-in has; 2812 for any other."""
        plain = name.replace("[", "").replace("]", "")
        if plain.removeprefix("sys.").removeprefix("dbo.") == "sp_rename":
            yield from _rename(session, given)
            return
        found = hooks.PROCEDURES.get(plain) or hooks.PROCEDURES.get(f"sys.{plain}")
        if found is None:
            raise SqlError(2812, f"Could not find stored procedure '{name}'.", state=62)
        names = hooks.PARAMETERS.get(plain) or hooks.PARAMETERS.get(f"sys.{plain}") or ()
        arguments: dict[str, object] = {}
        for place, parameter in enumerate(given):
            if parameter.name:
                arguments[parameter.name.lower().removeprefix("@")] = parameter.value
            elif place < len(names):
                arguments[names[place]] = parameter.value
            else:
                raise SqlError(
                    8144, f"Procedure or function {name} has too many arguments specified."
                )
        yield from found(session, arguments)

    # Autocleanup.
    def _clean_up(self) -> None:
        """Every half hour, drop the changes that are older than their database's retention."""
        while not self.closing.wait(_CLEANUP_SECONDS):
            for place in list(self._databases.values()):
                if not place.offline:
                    self._clean_database(place)

    def _clean_database(self, place: Database) -> None:
        db = place.connect()
        work = Work(place, db, 0)
        try:
            tracked = db.execute("SELECT enabled AND auto_cleanup FROM ct_state").get
            if tracked:
                work.write(self._waited)
                change_tracking.cleanup(db)
                work.wrote = True
                work.commit()
        finally:
            work.rollback()
            db.close()

    def _waited(self, _seconds: float) -> None:
        if self.closing.is_set():
            raise ConnectionDropped


def _cannot_open(name: str) -> SqlError:
    return SqlError(
        4060,
        f'Cannot open database "{name}" requested by the login. The login failed.',
        severity=11,
    )


def _rename(session: Session, given: Sequence[Parameter]) -> Iterator[Event]:
    names = ("@objname", "@newname", "@objtype")
    values: dict[str, object] = {}
    for place, parameter in enumerate(given):
        values[(parameter.name or names[place]).lower()] = parameter.value
    old, new, kind = (values.get(name) for name in names)
    if not old or not new:
        raise SqlError(201, "Procedure or function 'sp_rename' expects parameter '@newname'.")
    definitions.rename(session, str(old), str(new), None if kind is None else str(kind))
    yield Info(
        15477,
        "Caution: Changing any part of an object name could break scripts and stored procedures.",
    )
    yield Returned(0)


def remove(path: Path) -> None:
    """Remove a database's file and what SQLite keeps beside it."""
    for suffix in ("", "-wal", "-shm", "-journal"):
        Path(f"{path}{suffix}").unlink(missing_ok=True)


def copy(source: Path, target: Path) -> None:
    """Make a whole, consistent copy of a database file that may be in use."""
    remove(target)
    read, write = apsw.Connection(str(source)), apsw.Connection(str(target))
    try:
        with write.backup("main", read, "main") as backup:
            backup.step()
    finally:
        read.close()
        write.close()
