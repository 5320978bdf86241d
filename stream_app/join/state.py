"""The state's file: made, opened, put aside when it doesn't fit."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final

from stream_app.join.contract import Contract
from stream_app.join.tables import FORMAT, RULES, TABLES, TRIGGERS, WORK
from stream_app.states import AHEAD, LOG_BYTES, put_aside

__all__ = ["EPOCH", "MICROSECOND", "State", "moment", "open_state"]

EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
MICROSECOND: Final = timedelta(microseconds=1)
# Pages kept by each of a worker's partitions, in KiB; the rest is the operating system's. With a
# large state all of them fill up: twice as much was no faster.
CACHE: Final = 4 * 1024
# Pages in the log before they go to the file: fewer, larger writes.
LOG_PAGES: Final = 4000


def moment(micros: int) -> datetime:
    """Give the moment that the state keeps as microseconds."""
    return EPOCH + timedelta(microseconds=micros)


class State:
    """A connection to the state's file, and what it says about itself."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self.connection = connection

    @contextmanager
    def transaction(self) -> Iterator[sqlite3.Connection]:
        """Change the state whole or not at all (invariant 6)."""
        connection = self.connection
        connection.execute("BEGIN IMMEDIATE")
        try:
            yield connection
        except BaseException:
            connection.execute("ROLLBACK")
            raise
        connection.execute("COMMIT")

    def meta(self) -> dict[str, Any]:
        return dict(self.connection.execute("SELECT name, value FROM meta"))

    def note(self, **values: object) -> None:
        """Write down facts about the state, inside a transaction."""
        self.connection.executemany("INSERT OR REPLACE INTO meta VALUES (?, ?)", values.items())

    def watch(self, *, changes: bool) -> None:
        """Collect what changes touch, or leave it."""
        for name, body in TRIGGERS.items():
            self.connection.execute(f"DROP TRIGGER IF EXISTS temp.{name}")
            if changes:
                self.connection.execute(f"CREATE TEMP TRIGGER {name} {body}")

    def close(self) -> None:
        self.connection.close()


def open_state(path: Path, contract: Contract) -> State:
    """Open a state that fits, or put it aside and make one that has to be rebuilt."""
    path.parent.mkdir(parents=True, exist_ok=True)
    reason = _reason_against(path, contract) if path.exists() else "there is no state yet"
    if reason is not None:
        put_aside(path)
    state = State(_connect(path))
    if reason is not None:
        _make(state, contract, reason)
    state.connection.executescript(WORK)
    return state


def _connect(path: Path) -> sqlite3.Connection:
    # The worker's own order of calls keeps two threads from using it at once.
    connection = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
    try:
        connection.execute("PRAGMA journal_mode = WAL")
        # Not every commit waits for the disk. After a power cut state and offsets are an older pair
        # that belongs together, but rows may be published of which it knows nothing: the machine's
        # boot is a part of what names it (worker/folder), so then it is compared with those.
        connection.execute("PRAGMA synchronous = NORMAL")
        connection.execute(f"PRAGMA cache_size = -{CACHE}")
        connection.execute(f"PRAGMA wal_autocheckpoint = {LOG_PAGES}")
        connection.execute(f"PRAGMA journal_size_limit = {LOG_BYTES}")
        connection.execute("PRAGMA temp_store = FILE")
        # Some builds write zeros over all that goes; the outbox goes after each transaction.
        connection.execute("PRAGMA secure_delete = OFF")
    except BaseException:
        connection.close()
        raise
    return connection


def _reason_against(path: Path, contract: Contract) -> str | None:
    try:
        with closing(_connect(path)) as connection:
            found = State(connection).meta()
            tables = _tables(connection)
    except sqlite3.DatabaseError as error:
        return f"the state can't be read ({error})"
    for name, value in _identity(contract).items():
        if found.get(name) != value:
            return f"the state is of another {name}"
    if tables != _due_tables() or "used_at" not in found:
        return "the state is of another version"
    idle = (contract.now() - EPOCH) // MICROSECOND - found["used_at"]
    if idle < -(AHEAD // MICROSECOND):
        return "the clock is before the state's last use, so nobody knows how long it was not used"
    if idle > contract.stale_after // MICROSECOND:
        return "the state was not used for too long, so deletions may have been missed"
    return None


def _tables(connection: sqlite3.Connection) -> list[tuple[str, str]]:
    return connection.execute(
        "SELECT name, sql FROM sqlite_master WHERE sql IS NOT NULL ORDER BY name"
    ).fetchall()


def _due_tables() -> list[tuple[str, str]]:
    with closing(sqlite3.connect(":memory:")) as connection:
        for statement in TABLES.split(";"):
            connection.execute(statement)
        return _tables(connection)


def _identity(contract: Contract) -> Mapping[str, object]:
    return {
        "format": FORMAT,
        "rules": RULES,
        "partition": f"{contract.partition} of {contract.partitions}",
        "topics": json.dumps(dict(contract.topic_ids), sort_keys=True),
    }


def _make(state: State, contract: Contract, reason: str) -> None:
    with state.transaction() as connection:
        for statement in TABLES.split(";"):
            connection.execute(statement)
        state.note(
            **_identity(contract),
            used_at=(contract.now() - EPOCH) // MICROSECOND,
            rebuilding=reason,
            statuses=json.dumps(contract.statuses.described()),
            seq=0,
        )
