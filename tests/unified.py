"""Records of the unified topic, without a broker."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import date, timedelta
from pathlib import Path
from typing import Any

from schemas import avro, topics
from schemas.codec import Encoder
from schemas.records import UnifiedEntry
from stream_app.batches import Batch
from stream_app.sink.rows import RowReader
from stream_app.sink.store import Identity, Store
from tests.factories import A_MOMENT, a_unified_entry

SCHEMA_ID = 7
IDENTITY = Identity(0, "topic", timedelta(days=7))
ENCODE = Encoder(UnifiedEntry, SCHEMA_ID).encode


@dataclass(frozen=True, slots=True)
class Record:
    """A record as a Kafka client hands it over."""

    offset: int
    key: bytes | None
    value: bytes | None
    timestamp: int = 0


def key_of(row: UnifiedEntry) -> bytes:
    return topics.unified_key(row.date, row.center_id, row.entry_id)


def records(*changes: UnifiedEntry | bytes, start: int = 0) -> list[Record]:
    """Give a record for each row, and a tombstone for each key."""
    return [
        Record(start + number, change, None)
        if isinstance(change, bytes)
        else Record(start + number, key_of(change), ENCODE(change))
        for number, change in enumerate(changes)
    ]


def batch(found: Iterable[Record], *, position: int | None = None, partition: int = 0) -> Batch:
    read = list(found)
    end = read[-1].offset + 1 if read else 0
    return Batch(topics.UNIFIED_ENTRIES.name, partition, read, position or end)


def schema_of(id_: int) -> Any:
    return avro.load(UnifiedEntry) if id_ == SCHEMA_ID else None


def a_store(folder: Path, *, end: int = 0, **changes: Any) -> Store:
    identity = replace(IDENTITY, **changes)
    return Store(folder / "days-0.sqlite", identity, RowReader(schema_of), A_MOMENT, end=end)


def rows_of(store: Store, day: date) -> list[bytes]:
    """Give a day's rows as they would be written."""
    view = store.view()
    with view.snapshot():
        found = list(view.rows(day, sum(view.counts(day).values())))
    view.close()
    return found


def an_entry(**changes: Any) -> UnifiedEntry:
    return a_unified_entry(**changes)
