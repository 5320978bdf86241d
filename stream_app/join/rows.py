"""The join: touched patients' days to unified rows, and which of them differ.

What is published of an entry is remembered as a digest of its value, without the revision and
the moment of the change, which stand at its end: so the same content is never sent twice, and
no text is kept twice.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Mapping
from datetime import date, datetime
from functools import lru_cache
from hashlib import blake2b
from typing import Final, TypeAlias

from schemas import avro, writers
from schemas.ids import Id
from schemas.insurance import Status, StatusTable
from schemas.records import UnifiedEntry
from schemas.unified import service_codes

__all__ = [
    "ENTRIES",
    "SERVICES",
    "Difference",
    "Rows",
    "center_content",
    "content_of",
    "digest",
    "value_end",
]

SERVICES: Final = """SELECT t.n, s.id, s.code
FROM touched AS t CROSS JOIN service AS s
  ON s.center = t.center AND s.patient = t.patient AND s.day = t.day
WHERE t.n BETWEEN ? AND ?"""
ENTRIES: Final = """SELECT t.n, t.center, e.num, e.id, e.patient, e.day, e.text, e.digest,
  i.id IS NOT NULL, i.name, i.kind
FROM touched AS t
CROSS JOIN entry AS e ON e.center = t.center AND e.patient = t.patient AND e.day = t.day
LEFT JOIN insurer AS i ON i.center = t.center AND i.id = (
  SELECT l.insurer FROM link AS l WHERE l.center = t.center AND l.patient = t.patient
  ORDER BY l.id DESC LIMIT 1
)
WHERE t.n BETWEEN ? AND ?"""

FIELDS: Final = avro.load(UnifiedEntry)["fields"]
NAMES: Final = tuple(field["name"] for field in FIELDS)
LAST: Final = ("revision", "captured_at")
if NAMES[-2:] != LAST:
    raise ImportError(f"unified_entry.avsc must end with {' and '.join(LAST)}: see join/rows.py")
WRITE: Final[Mapping[str, writers.Write]] = {
    field["name"]: writers.writer(field["type"]) for field in FIELDS
}
CONTENT: Final = NAMES[:-2]
SELF_PAYER: Final = WRITE["insurance_status"](Status.SELBSTZAHLER) + WRITE["insurance_name"](None)
# A practice meets ever new combinations of codes, and a worker has this for each of its partitions.
REMEMBERED: Final = 4096
DIGEST_BYTES: Final = 12

Difference: TypeAlias = tuple[int, int, Id, int, bytes, bytes]
"""An entry that is not as it was published: its center's number and its own, its id and day,
and content and digest of what it is now."""


def content_of(row: UnifiedEntry) -> bytes:
    """Give a row's value without header, revision and moment."""
    return b"".join(WRITE[name](getattr(row, name)) for name in CONTENT)


def center_content(center_id: str, name: str) -> bytes:
    """Give the beginning of a row's content."""
    return WRITE["center_id"](center_id) + WRITE["center_name"](name)


def value_end(revision: int, captured_at: datetime) -> bytes:
    """Give what stands behind a row's content in its value."""
    return WRITE["revision"](revision) + WRITE["captured_at"](captured_at)


def digest(content: bytes) -> bytes:
    """Give what is remembered of a row's content."""
    return blake2b(content, digest_size=DIGEST_BYTES).digest()


@lru_cache(maxsize=REMEMBERED)
def _day(day: int) -> bytes:
    return WRITE["date"](date.fromordinal(day))


class Rows:
    """Makes unified rows; remembers what of them is mostly the same."""

    def __init__(self, statuses: StatusTable) -> None:
        self._statuses = statuses
        self._insurance: dict[tuple[str | None, str | None], bytes] = {}
        self._codes: dict[tuple[str, ...], bytes] = {}

    def differing(
        self, connection: sqlite3.Connection, first: int, last: int, names: Mapping[int, bytes]
    ) -> Iterator[Difference]:
        """Give the touched entries from number `first` to `last` whose row differs.

        `names` has the encoded id and name of each center.
        """
        none = self._encoded_codes(())
        codes = self._codes_of(connection, first, last)
        insurance_of = self._insured
        write_id, write_patient = WRITE["entry_id"], WRITE["patient_id"]
        write_text = WRITE["chart_entry"]
        for row in connection.execute(ENTRIES, (first, last)):
            n, center, num, id_, patient, day, text, before, insured, name, kind = row
            content = b"".join(
                (
                    names[center],
                    _day(day),
                    write_id(id_),
                    write_patient(patient),
                    insurance_of(name, kind) if insured else SELF_PAYER,
                    write_text(text),
                    codes.get(n, none),
                )
            )
            now = blake2b(content, digest_size=DIGEST_BYTES).digest()
            if now != before:
                yield center, num, id_, day, content, now

    def _codes_of(self, connection: sqlite3.Connection, first: int, last: int) -> dict[int, bytes]:
        """Give the encoded codes of touched days, where there are services."""
        single: dict[int, tuple[Id, str]] = {}
        several: dict[int, list[tuple[Id, str]]] = {}
        for n, id_, code in connection.execute(SERVICES, (first, last)):
            if n not in single:
                single[n] = (id_, code)
            elif n in several:
                several[n].append((id_, code))
            else:
                several[n] = [single[n], (id_, code)]
        found = {n: self._encoded_codes((code,)) for n, (_, code) in single.items()}
        for n, services in several.items():
            found[n] = self._encoded_codes(service_codes(services))
        return found

    def _insured(self, name: str | None, kind: str | None) -> bytes:
        found = self._insurance.get((name, kind))
        if found is None:
            if len(self._insurance) >= REMEMBERED:
                self._insurance.clear()
            status: Status = self._statuses.status(kind)
            found = WRITE["insurance_status"](status) + WRITE["insurance_name"](name)
            self._insurance[name, kind] = found
        return found

    def _encoded_codes(self, codes: tuple[str, ...]) -> bytes:
        found = self._codes.get(codes)
        if found is None:
            if len(self._codes) >= REMEMBERED:
                self._codes.clear()
            trimmed = service_codes(enumerate(codes))
            found = self._codes[codes] = WRITE["service_codes"](trimmed)
        return found
