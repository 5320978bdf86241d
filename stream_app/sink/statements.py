"""The SQL of a partition's days."""

from __future__ import annotations

from typing import Final

from stream_app.states import LOG_BYTES

__all__ = [
    "ANY_UNUSABLE",
    "BURIED",
    "CENTER_ROWS",
    "COUNTS",
    "DAY",
    "DAYS",
    "DIRTY",
    "FORMAT",
    "GONE",
    "LETTER",
    "MARK",
    "META",
    "NAME",
    "NOTE",
    "PREPARE",
    "PUT",
    "READABLE",
    "ROWS",
    "SCHEMA",
    "SETTLE",
    "STALE",
    "UNBURIED",
    "UNREADABLE",
    "UNUSABLE",
    "WRITTEN",
]

FORMAT: Final = 3

# A commit that a power cut takes back takes rows, marks and offset back together, and the topic
# has them still: so NORMAL, which syncs at checkpoints only, loses nothing.
PREPARE: Final = f"""
    PRAGMA journal_mode = WAL;
    PRAGMA synchronous = NORMAL;
    PRAGMA busy_timeout = 30000;
    PRAGMA secure_delete = OFF;
    PRAGMA journal_size_limit = {LOG_BYTES};
"""
# The entry's id is kept twice: `row` as the topic's key has it, by which a tombstone finds it, and
# as a number where it is one, by which it is ordered. `patient` has no type, so that SQLite orders
# integers before texts, and texts by their bytes, as schemas.ids does. `letters` are still to go to
# the dead letters.
SCHEMA: Final = """
    CREATE TABLE meta (key TEXT PRIMARY KEY, value) WITHOUT ROWID;
    CREATE TABLE rows (
        day INTEGER, center TEXT, row TEXT, number INTEGER, patient, body BLOB,
        PRIMARY KEY (day, center, row)
    ) WITHOUT ROWID;
    CREATE TABLE days (
        day INTEGER PRIMARY KEY, changed INTEGER NOT NULL, written INTEGER NOT NULL, files TEXT,
        changed_at INTEGER
    );
    CREATE TABLE unusable (
        day INTEGER, center TEXT, row TEXT, reason TEXT,
        PRIMARY KEY (day, center, row)
    ) WITHOUT ROWID;
    CREATE TABLE letters (offset INTEGER PRIMARY KEY, key BLOB, reason TEXT NOT NULL);
"""
META: Final = "SELECT key, value FROM meta"
NOTE: Final = "INSERT OR REPLACE INTO meta VALUES (?, ?)"

PUT: Final = "INSERT OR REPLACE INTO rows VALUES (?, ?, ?, ?, ?, ?)"
GONE: Final = "DELETE FROM rows WHERE day = ? AND center = ? AND row = ?"
UNREADABLE: Final = "INSERT OR REPLACE INTO unusable VALUES (?, ?, ?, ?)"
READABLE: Final = "DELETE FROM unusable WHERE day = ? AND center = ? AND row = ?"

LETTER: Final = "INSERT OR REPLACE INTO letters VALUES (?, ?, ?)"
UNBURIED: Final = "SELECT offset, key, reason FROM letters ORDER BY offset LIMIT ?"
BURIED: Final = "DELETE FROM letters WHERE offset <= ?"

# A day is dirty while it has changed since what was written of it.
MARK: Final = """
    INSERT INTO days VALUES (?, ?, -1, NULL, ?)
    ON CONFLICT (day) DO UPDATE SET
        changed = excluded.changed, changed_at = max(coalesce(changed_at, 0), excluded.changed_at)
"""
STALE: Final = """
    INSERT INTO days VALUES (?, 0, -1, NULL, NULL)
    ON CONFLICT (day) DO UPDATE SET written = -1, files = NULL
"""
WRITTEN: Final = "UPDATE days SET written = ?, files = ? WHERE day = ?"
SETTLE: Final = "UPDATE days SET written = changed"
DIRTY: Final = "SELECT day FROM days WHERE changed > written ORDER BY day DESC"
DAYS: Final = "SELECT day, changed, written, files, changed_at FROM days ORDER BY day DESC"
DAY: Final = "SELECT day, changed, written, files, changed_at FROM days WHERE day = ?"

COUNTS: Final = "SELECT center, count(*) FROM rows WHERE day = ? GROUP BY center"
ANY_UNUSABLE: Final = "SELECT EXISTS (SELECT 1 FROM unusable)"
UNUSABLE: Final = "SELECT center, count(*) FROM unusable WHERE day = ? GROUP BY center"
NAME: Final = "SELECT body FROM rows WHERE day = ? AND center = ? LIMIT 1"
ROWS: Final = """
    SELECT body FROM rows WHERE day = ?
    ORDER BY center, patient, number IS NULL, number, row
"""
CENTER_ROWS: Final = """
    SELECT body FROM rows WHERE day = ? AND center = ?
    ORDER BY patient, number IS NULL, number, row
"""
