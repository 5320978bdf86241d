"""Source rows into the state's tables, and from there to all rows they touch."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Mapping
from typing import Any, Final

from schemas import topics
from stream_app.join.waiting import Event
from stream_app.many import put

__all__ = [
    "DELETE",
    "UPSERT",
    "WIDEN",
    "apply",
    "touch",
    "touch_center",
    "touch_insurers",
    "touch_nothing",
    "widen",
]

Row = tuple[Any, ...]

# Without a target: the row that a conflict is with is the same one, whatever index finds it.
# An event that says nothing new (a resync sends all rows) changes nothing and touches nothing.
UPSERT: Final[Mapping[str, str]] = {
    topics.CHART_ENTRIES.name: """INSERT INTO entry (center, key, id, patient, day, text)
VALUES (?, ?, ?, ?, ?, ?)
ON CONFLICT DO UPDATE
SET id = excluded.id, patient = excluded.patient, day = excluded.day, text = excluded.text
WHERE id IS NOT excluded.id OR patient IS NOT excluded.patient OR day IS NOT excluded.day
   OR text IS NOT excluded.text""",
    topics.SERVICES.name: """INSERT INTO service (center, key, id, patient, day, code)
VALUES (?, ?, ?, ?, ?, ?)
ON CONFLICT DO UPDATE
SET id = excluded.id, patient = excluded.patient, day = excluded.day, code = excluded.code
WHERE id IS NOT excluded.id OR patient IS NOT excluded.patient OR day IS NOT excluded.day
   OR code IS NOT excluded.code""",
    topics.PATIENT_INSURANCES.name: """INSERT INTO link (center, key, id, patient, insurer)
VALUES (?, ?, ?, ?, ?)
ON CONFLICT DO UPDATE
SET id = excluded.id, patient = excluded.patient, insurer = excluded.insurer
WHERE id IS NOT excluded.id OR patient IS NOT excluded.patient
   OR insurer IS NOT excluded.insurer""",
    topics.INSURERS.name: """INSERT INTO insurer (center, key, id, name, kind)
VALUES (?, ?, ?, ?, ?)
ON CONFLICT DO UPDATE SET id = excluded.id, name = excluded.name, kind = excluded.kind
WHERE id IS NOT excluded.id OR name IS NOT excluded.name OR kind IS NOT excluded.kind""",
}
DELETE: Final[Mapping[str, str]] = {
    topics.CHART_ENTRIES.name: "DELETE FROM entry WHERE center = ? AND key = ?",
    topics.SERVICES.name: "DELETE FROM service WHERE center = ? AND key = ?",
    topics.PATIENT_INSURANCES.name: "DELETE FROM link WHERE center = ? AND key = ?",
    topics.INSURERS.name: "DELETE FROM insurer WHERE center = ? AND key = ?",
}
# An insurer touches the patients whose link that counts names it; where the link changed as
# well, the link has touched its patient itself.
WIDEN: Final = (
    """INSERT OR IGNORE INTO touched_patient
SELECT l.center, l.patient
FROM touched_insurer AS t CROSS JOIN link AS l ON l.center = t.center AND l.insurer = t.id
WHERE l.id = (
  SELECT m.id FROM link AS m WHERE m.center = l.center AND m.patient = l.patient
  ORDER BY m.id DESC LIMIT 1
)""",
    """INSERT OR IGNORE INTO touched (center, patient, day)
SELECT e.center, e.patient, e.day
FROM touched_patient AS t CROSS JOIN entry AS e
  ON e.center = t.center AND e.patient = t.patient""",
)
PLACED: Final = frozenset({topics.CHART_ENTRIES.name, topics.SERVICES.name})
TOUCH: Final = "INSERT OR IGNORE INTO touched (center, patient, day) VALUES (?, ?, ?)"
TOUCH_CENTER: Final = """INSERT OR IGNORE INTO touched (center, patient, day)
SELECT DISTINCT center, patient, day FROM entry WHERE center = ?"""
TOUCH_KIND: Final = """INSERT OR IGNORE INTO touched_insurer
SELECT center, id FROM insurer WHERE kind IS ?"""


def apply(
    connection: sqlite3.Connection,
    topic: str,
    found: Iterable[tuple[int, Event]],
    places: set[Row],
) -> int:
    """Put events into a topic's table, each with its center's number, and count them.

    Adds the patients' days that entries and services are of now to `places`.
    """
    present: dict[Row, Row] = {}
    gone: dict[Row, None] = {}
    count = 0
    for num, (_, key, content, _) in found:
        count += 1
        at = (num, key)
        if content is None:
            present.pop(at, None)
            gone[at] = None
        else:
            if gone:
                gone.pop(at, None)
            present[at] = (num, key, *content)
    if gone:
        connection.executemany(DELETE[topic], gone)
    if present:
        rows = present.values()
        put(connection, UPSERT[topic], rows)
        if topic in PLACED:
            places.update([(row[0], row[3], row[4]) for row in rows])
    return count


def widen(connection: sqlite3.Connection) -> None:
    """Touch the days of touched patients, and those whose insurer is touched."""
    for statement in WIDEN:
        connection.execute(statement)


def touch(connection: sqlite3.Connection, places: Iterable[Row]) -> None:
    """Touch patients' days, by the center's number, patient and day."""
    put(connection, TOUCH, places)


def touch_center(connection: sqlite3.Connection, num: int) -> None:
    """Touch all that a center has."""
    connection.execute(TOUCH_CENTER, (num,))


def touch_insurers(connection: sqlite3.Connection, kinds: Iterable[str | None]) -> None:
    """Touch all insurers of these kinds."""
    connection.executemany(TOUCH_KIND, ((kind,) for kind in kinds))


def touch_nothing(connection: sqlite3.Connection) -> None:
    """Empty the working tables."""
    for table in ("touched", "touched_patient", "touched_insurer", "gone"):
        connection.execute(f"DELETE FROM temp.{table}")
