"""One database: its file, its definitions, who may write now, and what is planned for it."""

from __future__ import annotations

import itertools
import threading
import uuid
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import apsw

from deploy.local.sqlserver import catalog, change_tracking, collation, functions, storage
from deploy.local.sqlserver.storage import Definitions

if TYPE_CHECKING:
    from deploy.local.sqlserver.transactions import Work

_CACHED_STATEMENTS = 256
_PLANS = 4096


def connect(path: Path, master: Path) -> apsw.Connection:
    """Return a connection to a database's file with the functions that SQL here needs."""
    flags = apsw.SQLITE_OPEN_READWRITE | apsw.SQLITE_OPEN_CREATE | apsw.SQLITE_OPEN_URI
    db = apsw.Connection(str(path), flags=flags, statementcachesize=_CACHED_STATEMENTS)
    db.set_busy_timeout(10_000)
    db.execute("PRAGMA synchronous = NORMAL")
    db.execute("PRAGMA temp_store = MEMORY")
    db.execute("PRAGMA cache_size = -16000")
    collation.register(db)
    functions.register(db)
    change_tracking.prepare(db)
    catalog.prepare(db)
    db.execute("ATTACH ? AS master_", (f"file:{master}?mode=ro",))
    return db


def create(path: Path, database_id: int, created: float, master: Path) -> None:
    """Create a database file with its layout, all of it or nothing."""
    db = connect(path, master)
    try:
        db.execute("PRAGMA journal_mode = WAL")
        with db:
            db.execute(storage.LAYOUT)
            change_tracking.create_layout(db)
            catalog.create_layout(db)
            options = {
                "database_id": database_id,
                "created": created,
                "snapshot_isolation": 0,
                "family_guid": str(uuid.uuid4()).upper(),
                "recovery_fork_guid": str(uuid.uuid4()).upper(),
            }
            db.executemany("INSERT INTO meta_options VALUES (?, ?)", list(options.items()))
    finally:
        db.close()


@dataclass(slots=True, eq=False)
class Database:
    """What all sessions of one database share. `turn` guards everything that changes here."""

    name: str
    database_id: int
    path: Path
    master: Path
    snapshot_isolation: bool = False
    offline: bool = False
    turn: threading.Condition = field(default_factory=threading.Condition)
    writer: Work | None = None
    parked: list[Work] = field(default_factory=list)
    snapshots: list[Work] = field(default_factory=list)
    commits: int = 0
    identities: dict[int, int] = field(default_factory=dict)
    plans: dict[Any, Any] = field(default_factory=dict)
    _definitions: Definitions | None = None

    def connect(self) -> apsw.Connection:
        return connect(self.path, self.master)

    @property
    def definitions(self) -> Definitions:
        """What is defined now, uncommitted changes left out."""
        known = self._definitions
        if known is None:
            with self.turn:
                known = self._definitions
                if known is None:
                    db = self.connect()
                    try:
                        known = storage.load(db)
                    finally:
                        db.close()
                    self._definitions = known
        return known

    def define(self, definitions: Definitions | None) -> None:
        """Tell all sessions of definitions that were just committed; None: look again."""
        self._definitions = definitions
        self.plans.clear()

    def plan(self, key: Any, make: Callable[[], Any]) -> Any:
        """Return what was planned for a statement, made where there is nothing yet."""
        found = self.plans.get(key)
        if found is None:
            found = make()
            if len(self.plans) >= _PLANS:
                for old in list(itertools.islice(self.plans, _PLANS // 2)):
                    self.plans.pop(old, None)
            self.plans[key] = found
        return found

    def next_identity(self, db: apsw.Connection, definitions: Definitions, object_id: int) -> int:
        """Return an identity value that nobody had before; a rollback does not give it back."""
        with self.turn:
            column = definitions.by_id[object_id].identity
            assert column is not None  # noqa: S101 - rendering asks for identity columns only
            assert column.identity is not None  # noqa: S101
            seed, increment = column.identity
            last = self.identities.get(object_id)
            if last is None:
                last = last_identity(db, definitions, object_id)
            value = seed if last is None else last + increment
            self.identities[object_id] = value
            return value

    def given_identity(
        self, db: apsw.Connection, definitions: Definitions, object_id: int, value: int
    ) -> None:
        """Go on numbering after a value that was given by hand."""
        with self.turn:
            last = self.identities.get(object_id)
            if last is None:
                last = last_identity(db, definitions, object_id)
            if last is None or value > last:
                self.identities[object_id] = value


def last_identity(db: apsw.Connection, definitions: Definitions, object_id: int) -> int | None:
    """Return the last identity value that the file knows of, noted or in a row."""
    table = definitions.by_id[object_id]
    column = table.identity
    if column is None:
        return None
    noted = db.execute(
        "SELECT identity_last FROM meta_tables WHERE object_id = ?", (object_id,)
    ).fetchone()
    highest = db.execute(f"SELECT max({column.sql}) FROM {table.sql}").fetchone()
    known = [row[0] for row in (noted, highest) if row is not None and row[0] is not None]
    return max(known) if known else None
