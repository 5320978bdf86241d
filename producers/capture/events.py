"""Rows as messages: events under their keys, tombstones, and dead letters. No I/O.

A row that breaks a rule becomes a dead letter, and a tombstone that withdraws what its key
said before; so does one whose event would be too large. Nothing of its content but its id
goes into the dead letter (invariants 9 and 10).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Any, Final

from schemas import topics
from schemas.errors import SkipRecord
from schemas.records import ChartEntry, DeadLetter, Insurer, PatientInsurance, Service

if TYPE_CHECKING:
    from datetime import datetime

    from producers.rows import Rules
    from schemas.ids import Id

__all__ = ["LARGEST", "TABLES", "Encoders", "Events", "Headers", "Message", "Row"]

Row = Sequence[Any]
Headers = tuple[tuple[str, bytes], ...]
Encoders = Mapping[type[Any], Callable[[Any], bytes]]
"""Per record's type what makes a Kafka value of it."""

TABLES: Final = {
    "KASSEN": (topics.INSURERS, Insurer),
    "PATKASSE": (topics.PATIENT_INSURANCES, PatientInsurance),
    "KARTEI": (topics.CHART_ENTRIES, ChartEntry),
    "LEISTUNG": (topics.SERVICES, Service),
}
LARGEST: Final = 900_000  # A broker takes a million bytes unless told otherwise, headers included.
LONGEST_KEY: Final = 200
OPERATIONS: Final = {"I": "insert", "U": "update", "D": "delete"}


@dataclass(frozen=True, slots=True)
class Message:
    """What is produced; `table` is the source row's, by its canonical name.

    A dead letter has its reason here too, so that it can be counted.
    """

    topic: str
    key: bytes
    value: bytes | None
    headers: Headers
    table: str
    version: int
    reason: str | None = None

    @property
    def size(self) -> int:
        return len(self.key) + len(self.value or b"")

    @property
    def is_dead_letter(self) -> bool:
        return self.topic == topics.DEAD_LETTERS.name


@lru_cache(maxsize=1024)
def headers(operation: str, version: int) -> Headers:
    """Give the headers of a source event."""
    return (("operation", operation.encode()), ("source_version", str(version).encode()))


class Events:
    """Makes messages of one center's rows."""

    def __init__(self, rules: Rules, encoders: Encoders) -> None:
        self._rules = rules
        self._center = rules.center_id
        self._encoders = encoders
        self._make = {
            "KASSEN": rules.insurer,
            "PATKASSE": rules.patient_insurance,
            "KARTEI": rules.chart_entry,
            "LEISTUNG": rules.service,
        }

    def of_change(self, table: str, change: Row, captured_at: datetime) -> Iterator[Message]:
        """Give what a net change says: version, operation, key, then the row as it is now."""
        version, operation, id_, *row = change
        if operation == "D" or row[0] is None:
            yield from self.gone(table, id_, version, captured_at)
        else:
            found = self.of_row(table, row, OPERATIONS[operation], version, captured_at)
            # A row that is dead now may have been live when it was published.
            yield from found or self.gone(table, id_, version, captured_at)

    def of_row(
        self, table: str, row: Row, operation: str, version: int, captured_at: datetime
    ) -> tuple[Message, ...]:
        """Give a live row's event or a broken row's dead letter, nothing for a dead row."""
        topic, type_ = TABLES[table]
        try:
            record = self._make[table](row, version, captured_at)
            if record is None:
                return ()
            key, value = self._key(table, row[0]), self._encoders[type_](record)
        except SkipRecord as error:
            return self._refused(table, row[0], error.reason, version, captured_at)
        if len(value) > LARGEST:
            return self._refused(table, row[0], "too-large", version, captured_at)
        return (Message(topic.name, key, value, headers(operation, version), table, version),)

    def gone(
        self, table: str, id_: object, version: int, captured_at: datetime
    ) -> tuple[Message, ...]:
        """Give the tombstone of a row that is deleted, or marked so."""
        topic, _ = TABLES[table]
        try:
            key = self._key(table, id_)
        except SkipRecord as error:
            return (self._dead_letter(table, id_, error.reason, version, captured_at),)
        return (Message(topic.name, key, None, headers("delete", version), table, version),)

    def withdrawn(self, table: str, key: bytes, version: int) -> Message:
        """Give the tombstone for a key that is published but no longer at the source."""
        topic, _ = TABLES[table]
        return Message(topic.name, key, None, headers("delete", version), table, version)

    def key(self, table: str, id_: object) -> bytes | None:
        """Give the key of a row's event, None where its id can't be one."""
        try:
            return self._key(table, id_)
        except SkipRecord:
            return None

    def _key(self, table: str, id_: object) -> bytes:
        return _row_key(self._center, self._rules.row_id(table, id_))

    def _refused(
        self, table: str, id_: object, reason: str, version: int, captured_at: datetime
    ) -> tuple[Message, ...]:
        letter = self._dead_letter(table, id_, reason, version, captured_at)
        key = self.key(table, id_)
        return (letter,) if key is None else (self.withdrawn(table, key, version), letter)

    def _dead_letter(
        self, table: str, id_: object, reason: str, version: int, captured_at: datetime
    ) -> Message:
        shown = f"{self._center}/{id_}".encode("utf-8", "replace")[:LONGEST_KEY]
        letter = DeadLetter(
            stage="producer",
            center_id=self._center,
            table=table,
            key=str(id_).encode("utf-8", "replace")[:LONGEST_KEY].decode("utf-8", "ignore"),
            reason=reason,
            source_version=version,
            topic=None,
            partition=None,
            offset=None,
            at=captured_at,
        )
        return Message(
            topics.DEAD_LETTERS.name,
            self.key(table, id_) or shown,
            self._encoders[DeadLetter](letter),
            (("table", table.encode()),),
            table,
            version,
            reason,
        )


def _row_key(center_id: str, row_id: Id) -> bytes:
    try:
        return topics.row_key(center_id, row_id)
    except UnicodeEncodeError:
        # Half a character in an id: it can't be told apart from others once it is replaced.
        raise SkipRecord("an id has half a character", reason="invalid-id") from None
