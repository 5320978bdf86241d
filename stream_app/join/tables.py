"""The state's tables, and what a change in them touches.

Ids have columns without a type, so they keep their own, and SQLite's order of values is the
order of ids: integers before texts, texts by their bytes. A row is known by its `key`, the part
of the event's key behind the center, as an integer where it reads like one: a tombstone does
not say whether its 17 was a number or a text.
"""

from __future__ import annotations

from typing import Final

__all__ = ["FORMAT", "RULES", "TABLES", "TRIGGERS", "WORK", "key_of"]

FORMAT: Final = 1
"""Of the tables and digests: a state of another is made anew."""
RULES: Final = 1
"""Of the join: rows of another may be wrong, and are compared with those published."""

TABLES: Final = """
CREATE TABLE meta (name TEXT PRIMARY KEY, value) WITHOUT ROWID;
CREATE TABLE center (
  num INTEGER PRIMARY KEY, id TEXT NOT NULL UNIQUE, name TEXT NOT NULL, whole INTEGER NOT NULL,
  revision INTEGER NOT NULL, checkpoint INTEGER, version INTEGER, captured_at INTEGER,
  partial INTEGER, snapshot INTEGER, dead_letters INTEGER
);
CREATE TABLE position (topic TEXT PRIMARY KEY, offset INTEGER NOT NULL) WITHOUT ROWID;
CREATE TABLE applied (
  center INTEGER NOT NULL, topic TEXT NOT NULL, offset INTEGER NOT NULL, reached INTEGER,
  covered INTEGER, PRIMARY KEY (center, topic)
) WITHOUT ROWID;

CREATE TABLE entry (
  num INTEGER PRIMARY KEY, center INTEGER NOT NULL, key NOT NULL, id NOT NULL, patient NOT NULL,
  day INTEGER NOT NULL, digest BLOB, text TEXT NOT NULL
);
CREATE UNIQUE INDEX entry_key ON entry (center, key);
CREATE INDEX entry_group ON entry (center, patient, day);
CREATE TABLE service (
  center INTEGER NOT NULL, patient NOT NULL, day INTEGER NOT NULL, id NOT NULL, key NOT NULL,
  code TEXT NOT NULL, PRIMARY KEY (center, patient, day, id)
) WITHOUT ROWID;
CREATE UNIQUE INDEX service_key ON service (center, key);
CREATE TABLE link (
  center INTEGER NOT NULL, patient NOT NULL, id NOT NULL, key NOT NULL, insurer,
  PRIMARY KEY (center, patient, id)
) WITHOUT ROWID;
CREATE UNIQUE INDEX link_key ON link (center, key);
CREATE INDEX link_insurer ON link (center, insurer);
CREATE TABLE insurer (
  center INTEGER NOT NULL, key NOT NULL, id NOT NULL, name TEXT, kind TEXT,
  PRIMARY KEY (center, key)
) WITHOUT ROWID;
CREATE INDEX insurer_id ON insurer (center, id, name, kind);

CREATE TABLE unusable (
  topic TEXT NOT NULL, key BLOB NOT NULL, center TEXT, offset INTEGER NOT NULL,
  reason TEXT NOT NULL, PRIMARY KEY (topic, key)
) WITHOUT ROWID;
CREATE TABLE outbox (
  seq INTEGER PRIMARY KEY, topic TEXT NOT NULL, count INTEGER NOT NULL, pack BLOB NOT NULL
);
CREATE TABLE due (
  seq INTEGER PRIMARY KEY, center INTEGER NOT NULL, checkpoint INTEGER NOT NULL,
  version INTEGER NOT NULL, captured_at INTEGER NOT NULL, partial INTEGER NOT NULL,
  dead_letters INTEGER NOT NULL, behind TEXT, applied_at INTEGER NOT NULL
);
CREATE TABLE unified_end (partition INTEGER PRIMARY KEY, offset INTEGER NOT NULL);
CREATE TABLE published (
  center INTEGER NOT NULL, key NOT NULL, day INTEGER NOT NULL, digest BLOB NOT NULL,
  PRIMARY KEY (center, key, day)
) WITHOUT ROWID;
"""

WORK: Final = """
CREATE TEMP TABLE touched (
  n INTEGER PRIMARY KEY, center INTEGER, patient, day INTEGER, UNIQUE (center, patient, day)
);
CREATE TEMP TABLE touched_patient (
  center INTEGER, patient, PRIMARY KEY (center, patient)
) WITHOUT ROWID;
CREATE TEMP TABLE touched_insurer (
  center INTEGER, id, PRIMARY KEY (center, id)
) WITHOUT ROWID;
CREATE TEMP TABLE gone (center INTEGER, key, day INTEGER, PRIMARY KEY (center, key, day))
WITHOUT ROWID;
"""
"""Filled while a change is applied, and empty again when it is done."""

# What an event says is known where it is applied; these collect what was there before, and what
# few events say. An entry that leaves a place touches nothing there: it lacks only itself.
# OR IGNORE would give way to what the statement says that fires a trigger.
TRIGGERS: Final = {
    "entry_moved": """AFTER UPDATE OF day ON main.entry
WHEN OLD.day <> NEW.day AND OLD.digest IS NOT NULL BEGIN
  INSERT INTO gone VALUES (OLD.center, OLD.key, OLD.day)
  ON CONFLICT DO NOTHING;
END""",
    "entry_gone": """AFTER DELETE ON main.entry WHEN OLD.digest IS NOT NULL BEGIN
  INSERT INTO gone VALUES (OLD.center, OLD.key, OLD.day)
  ON CONFLICT DO NOTHING;
END""",
    "service_moved": """AFTER UPDATE ON main.service
WHEN OLD.patient IS NOT NEW.patient OR OLD.day <> NEW.day BEGIN
  INSERT INTO touched (center, patient, day) VALUES (OLD.center, OLD.patient, OLD.day)
  ON CONFLICT DO NOTHING;
END""",
    "service_gone": """AFTER DELETE ON main.service BEGIN
  INSERT INTO touched (center, patient, day) VALUES (OLD.center, OLD.patient, OLD.day)
  ON CONFLICT DO NOTHING;
END""",
    "link_new": """AFTER INSERT ON main.link BEGIN
  INSERT INTO touched_patient VALUES (NEW.center, NEW.patient)
  ON CONFLICT DO NOTHING;
END""",
    "link_changed": """AFTER UPDATE ON main.link BEGIN
  INSERT INTO touched_patient
  VALUES (OLD.center, OLD.patient), (NEW.center, NEW.patient)
  ON CONFLICT DO NOTHING;
END""",
    "link_gone": """AFTER DELETE ON main.link BEGIN
  INSERT INTO touched_patient VALUES (OLD.center, OLD.patient)
  ON CONFLICT DO NOTHING;
END""",
    "insurer_new": """AFTER INSERT ON main.insurer BEGIN
  INSERT INTO touched_insurer VALUES (NEW.center, NEW.id)
  ON CONFLICT DO NOTHING;
END""",
    "insurer_changed": """AFTER UPDATE ON main.insurer BEGIN
  INSERT INTO touched_insurer VALUES (OLD.center, OLD.id), (NEW.center, NEW.id)
  ON CONFLICT DO NOTHING;
END""",
    "insurer_gone": """AFTER DELETE ON main.insurer BEGIN
  INSERT INTO touched_insurer VALUES (OLD.center, OLD.id)
  ON CONFLICT DO NOTHING;
END""",
}
"""By name; not there while rebuilding, when everything is compared at the end."""

LARGEST: Final = 2**63


def key_of(row: str) -> int | str:
    """Give the key of a row from its id as text."""
    if row.isascii() and (row.isdigit() or row[:1] == "-"):
        try:
            number = int(row)
        except ValueError:
            return row
        if str(number) == row and -LARGEST <= number < LARGEST:
            return number
    return row
