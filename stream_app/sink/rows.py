"""Records of the unified topic as changes of a day's rows: no I/O but what `schema_of` does."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import date
from typing import TYPE_CHECKING, Any, Final, TypeAlias

import orjson
from fastavro import schema as avro_schema
from fastavro.read import SchemaResolutionError

from schemas import avro, codec, dates, readers, topics
from schemas.codec import Decoder
from schemas.errors import SkipRecord
from schemas.records import UnifiedEntry

if TYPE_CHECKING:
    from collections.abc import Iterable

    from schemas.ids import Id
    from stream_app.batches import Rec

__all__ = ["Changes", "Key", "Row", "RowReader", "SchemaOf", "Unusable", "parse_key", "refuse"]

# Gives the schema that the registry has under an id, None where it has none; whatever it raises
# because the registry does not answer goes through, and the records can be read again later.
SchemaOf: TypeAlias = Callable[[int], avro.Json | None]

# What a schema raises that is none, or another record's.
NO_SCHEMA_OF_OURS: Final = (
    avro_schema.SchemaParseException,
    avro_schema.UnknownType,
    SchemaResolutionError,
    *codec.WRONG,
)

# Fields of a UnifiedEntry before the entry's id, and how many of their values are remembered.
HEAD: Final = 3
HEADS: Final = 4096

# A row's place: the day's ordinal, the center, and the entry's id as the topic's key has it.
Key: TypeAlias = tuple[int, str, str]
# The place, the entry's id where it is a number, the patient, and the row as it stands in JSON.
Row: TypeAlias = tuple[int, str, str, int | None, "Id", bytes]


@dataclass(frozen=True, slots=True)
class Unusable:
    """A record that could not be used, and why; `place` is the row that it withdraws, if known."""

    partition: int
    offset: int
    key: bytes | None
    reason: str
    place: Key | None


@dataclass(slots=True)
class Changes:
    """What records mean for the rows: the last record of each key, and nothing of those before."""

    rows: list[Row] = field(default_factory=list)
    gone: list[Key] = field(default_factory=list)
    unusable: list[Unusable] = field(default_factory=list)
    days: dict[int, int] = field(default_factory=dict)
    """Each day that is touched, with the time of its last record, in milliseconds."""


def parse_key(key: bytes | None) -> Key:
    """Give the place that a key names, or raise SkipRecord."""
    try:
        day, center, row = (key or b"").decode().split("/", 2)
        ordinal = dates.iso(day).toordinal()
    except ValueError:
        center = row = ""
        ordinal = 0
    if not (center and row):
        raise SkipRecord("the key names no row of a day", reason="invalid-key")
    return ordinal, center, row


class RowReader:
    """Reads records; keeps the schemas it has learnt."""

    def __init__(self, schema_of: SchemaOf) -> None:
        self._schema_of = schema_of
        own = avro.load(UnifiedEntry)
        self._bare = avro.bare(own)
        # Not into a record, which is not needed and takes as long again.
        self._read = tuple(readers.reader(field["type"], {}) for field in own["fields"])
        # What stands before the entry's id is as a rule another row's too, and known by its bytes.
        self._heads: dict[bytes, _Head] = {}
        self._same: set[bytes] = set()
        self._decoder = Decoder(UnifiedEntry)
        self._learnt: set[int] = set()

    def changes(self, partition: int, records: Iterable[Rec]) -> Changes:
        """Give what the records change."""
        last: dict[bytes | None, Rec] = {record.key: record for record in records}
        found = Changes()
        rows, gone, same, days = found.rows, found.gone, self._same, found.days
        for key, record in last.items():
            value = record.value
            try:
                if value is None:
                    gone.append(place := parse_key(key))
                    day = place[0]
                else:
                    row = self._fast(key, value) if value[:5] in same else self._slow(key, value)
                    rows.append(row)
                    day = row[0]
            except SkipRecord as error:
                refused = refuse(partition, record.offset, key, error.reason)
                found.unusable.append(refused)
                if refused.place is None:
                    continue
                day = refused.place[0]
            if record.timestamp > days.get(day, -1):
                days[day] = record.timestamp
        return found

    def _fast(self, key: bytes | None, value: bytes) -> Row:
        fields: list[Any] = []
        try:
            # The bytes of two short texts and of a day between 1992 and 4840.
            end = (7 + (value[5] >> 1)) + (value[6 + (value[5] >> 1)] >> 1) + 3
            head = self._heads.get(value[5:end])
            if head is None:
                head, end = self._read_head(value)
            for read in self._read[HEAD:]:
                field, end = read(value, end)
                fields.append(field)
        except codec.WRONG:
            end, head = -1, None
        if head is None or end != len(value):
            raise SkipRecord("the value is no UnifiedEntry", reason="undecodable")
        return _row(key, head, fields)

    def _read_head(self, value: bytes) -> tuple[_Head, int]:
        end = 5
        fields = []
        for read in self._read[:HEAD]:
            field, end = read(value, end)
            fields.append(field)
        head = _head(*fields)
        if len(self._heads) >= HEADS:
            self._heads.clear()
        self._heads[value[5:end]] = head
        return head, end

    def _slow(self, key: bytes | None, value: bytes) -> Row:
        id_ = codec.schema_id(value)
        if id_ not in self._learnt:
            schema = self._schema_of(id_)
            if schema is None:
                raise codec.UnknownSchema(id_)
            self._learn(id_, schema)
        if value[:5] in self._same:
            return self._fast(key, value)
        try:
            row = self._decoder.decode(value)
        except SchemaResolutionError:
            raise SkipRecord("the schema is another record's", reason="undecodable") from None
        fields = [getattr(row, name) for name in UnifiedEntry.__slots__]
        return _row(key, _head(*fields[:HEAD]), fields[HEAD:])

    def _learn(self, id_: int, schema: avro.Json) -> None:
        try:
            if avro.bare(schema) == self._bare:
                self._same.add(codec.HEADER.pack(codec.MAGIC, id_))
            else:
                self._decoder.learn(id_, schema)
        except NO_SCHEMA_OF_OURS:
            raise SkipRecord(f"schema {id_} is no Avro schema", reason="unknown-schema") from None
        self._learnt.add(id_)


@dataclass(frozen=True, slots=True)
class _Head:
    """The first fields of a row, and what they are in keys and files."""

    day: int
    center: str
    key: bytes
    json: bytes


def _head(center: str, name: str, day: date) -> _Head:
    fields = {"center_id": center, "center_name": name, "date": day}
    return _Head(
        day=day.toordinal(),
        center=center,
        key=topics.unified_key(day, center, ""),
        json=orjson.dumps(fields)[:-1] + b",",
    )


def _row(key: bytes | None, head: _Head, fields: list[Any]) -> Row:
    entry, patient, status, insurance, text, codes, _, _ = fields
    row = str(entry)
    if head.key + row.encode() != key:
        raise SkipRecord("the key is not the record's", reason="invalid-key")
    # The line as stream_app.files.rendering.entry gives it.
    rest = orjson.dumps(
        {
            "patient_id": patient,
            "insurance_status": status,
            "insurance_name": insurance,
            "chart_entry": text,
            "service_codes": codes,
        }
    )
    number = entry if type(entry) is int else None
    return head.day, head.center, row, number, patient, head.json + rest[1:]


def refuse(partition: int, offset: int, key: bytes | None, reason: str) -> Unusable:
    """Give what is known of a record that could not be used."""
    try:
        place = parse_key(key)
    except SkipRecord:
        place = None
    return Unusable(partition, offset, key, reason, place)
