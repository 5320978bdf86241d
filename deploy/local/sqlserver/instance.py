"""All databases under one folder: logins, sessions, and what concerns a database as a whole."""

from __future__ import annotations

import threading
import time
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import apsw

from deploy.local.sqlserver import (
    database,
    hooks,
    security,
)
from deploy.local.sqlserver.cleanup import Cleanup
from deploy.local.sqlserver.database import Database
from deploy.local.sqlserver.engine_session import Session
from deploy.local.sqlserver.errors import SqlError
from deploy.local.sqlserver.files import copy, remove
from deploy.local.sqlserver.sessions import Sessions

_LAYOUT = """
CREATE TABLE databases(database_id INTEGER PRIMARY KEY, name TEXT COLLATE NOCASE UNIQUE,
  state TEXT, created REAL, snapshot_isolation INT, ct_on INT, ct_retention_seconds INT,
  ct_auto_cleanup INT, family_guid TEXT, recovery_fork_guid TEXT);
"""


class Instance:
    """Implements Engine: everything is under `home`; the password is the login sa's."""

    def __init__(self, home: Path, password: str) -> None:
        self.home = home
        self.closing = threading.Event()
        self.faults = hooks.Faults()
        self.rights_serial = 0
        self.sessions = Sessions()
        self._guard = threading.RLock()
        (home / "databases").mkdir(parents=True, exist_ok=True)
        (home / "backups").mkdir(exist_ok=True)
        self._master_path = home / "master.db"
        self.master = self._open_master()
        security.set_login(self.master, "sa", password, sysadmin=True)
        self._databases = {found.name.lower(): found for found in self._known_databases()}
        if "master" not in self._databases:
            self.create_database("master")
        self.master_database = self._databases["master"]
        self._cleanup = Cleanup(lambda: list(self._databases.values()), self.closing)

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
        wanted = database or "master"
        place = self.known(wanted)
        if place is None or place.offline:
            raise _cannot_open(wanted)
        spid = self.sessions.next_spid()
        session = Session(self, spid, login, sysadmin=sysadmin, cancelled=cancelled)
        try:
            session.use(place)
        except SqlError:
            raise _cannot_open(wanted) from None
        self.sessions.add(session, place)
        return session

    def home_of(self, session: Session) -> Database:
        """Return the database that the login asked for."""
        return self.known(self.sessions.home_of(session)) or self.master_database

    def close(self) -> None:
        """Stop; sessions that are still open end at their next statement."""
        self.closing.set()
        self.sessions.drop_all()
        self._cleanup.join(timeout=5)
        self.master.close()

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

    def set_server_right(self, login: str, right: str, action: str) -> None:
        with self._guard:
            self.master.execute(
                "DELETE FROM server_rights WHERE login = ? AND right = ?", (login, right)
            )
            if action != "REVOKE":
                self.master.execute(
                    "INSERT INTO server_rights VALUES (?, ?, ?)",
                    (login, right, int(action == "DENY")),
                )

    def has_server_right(self, login: str, right: str) -> bool:
        with self._guard:
            found = self.master.execute(
                "SELECT 1 FROM server_rights WHERE login = ? AND right = ? AND NOT denied",
                (login, right),
            )
            return found.fetchone() is not None

    def rights_changed(self) -> None:
        self.rights_serial += 1


def _cannot_open(name: str) -> SqlError:
    return SqlError(
        4060,
        f'Cannot open database "{name}" requested by the login. The login failed.',
        severity=11,
    )
