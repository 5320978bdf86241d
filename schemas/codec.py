"""Records as Kafka values and back, in Confluent's wire format.

A value is a zero byte, the schema's id in the registry as four bytes, and the record in Avro's
binary form. Ids are handed in: talking to the registry is not done here.

fastavro runs on schemas without logical types, and the few fields that are dates or times are
converted here: an event's day and moment are mostly those of the event before it, so a cache
does what fastavro would do anew for each.
"""

from __future__ import annotations

import io
import struct
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from functools import lru_cache
from operator import attrgetter
from typing import TYPE_CHECKING, Any, Final, Generic, TypeVar

import fastavro

from schemas import avro, records
from schemas.errors import SkipRecord

if TYPE_CHECKING:
    from schemas.avro import Json

__all__ = ["Decoder", "Encoder", "Undecodable", "Unencodable", "UnknownSchema", "schema_id"]

R = TypeVar("R", bound=records.Record)
Convert = Callable[[Any], Any]

MAGIC: Final = 0
HEADER: Final = struct.Struct(">bI")
EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
EPOCH_ORDINAL: Final = date(1970, 1, 1).toordinal()
MICROSECOND: Final = timedelta(microseconds=1)
NESTED: Final[dict[str, type[Any]]] = {
    "Offset": records.Offset,
    "SnapshotProgress": records.SnapshotProgress,
    "TablePosition": records.TablePosition,
}
# What fastavro and Python raise for bytes that are no record, or a record of other types.
WRONG: Final = (
    ArithmeticError,
    AttributeError,
    EOFError,
    LookupError,
    TypeError,
    ValueError,
    struct.error,
)


class Unencodable(SkipRecord):
    """A record that Avro can't hold, such as half a character in a text."""


class Undecodable(SkipRecord):
    """A value that is not what its topic holds."""


class UnknownSchema(SkipRecord):
    """A value whose schema the decoder has not learnt; the registry may know it."""

    def __init__(self, id_: int) -> None:
        super().__init__(f"schema {id_} is not known", reason="unknown-schema", schema_id=id_)
        self.schema_id = id_


@lru_cache(maxsize=4096)
def _days(day: date) -> int:
    return day.toordinal() - EPOCH_ORDINAL


@lru_cache(maxsize=4096)
def _day(days: int) -> date:
    return date.fromordinal(days + EPOCH_ORDINAL)


@lru_cache(maxsize=4096)
def _micros(moment: datetime) -> int:
    return (moment - EPOCH) // MICROSECOND


@lru_cache(maxsize=4096)
def _moment(micros: int) -> datetime:
    return EPOCH + timedelta(microseconds=micros)


def schema_id(value: bytes) -> int:
    """Give the id of the schema that a value was written with."""
    if len(value) < HEADER.size or value[0] != MAGIC:
        raise Undecodable("the value is not in Confluent's wire format", reason="undecodable")
    return int.from_bytes(value[1:5], "big")


class Encoder(Generic[R]):
    """Turns records of one type into values that carry the given schema id."""

    def __init__(self, record: type[R], schema_id: int) -> None:
        schema = avro.load(record)
        self._header = HEADER.pack(MAGIC, schema_id)
        self._schema = fastavro.parse_schema(avro.bare(schema))
        self._names = tuple(field["name"] for field in schema["fields"])
        self._values = attrgetter(*self._names)
        self._converters = _converters(schema, _to_wire)

    def encode(self, record: R) -> bytes:
        """Give a record's value, or raise Unencodable."""
        try:
            raw = dict(zip(self._names, self._values(record), strict=True))
            for name, convert in self._converters:
                raw[name] = convert(raw[name])
            buffer = io.BytesIO()
            buffer.write(self._header)
            fastavro.schemaless_writer(buffer, self._schema, raw)
        except WRONG as error:
            # The error's own text may hold a value, which may be personal.
            raise Unencodable(
                f"{type(record).__name__} can't be encoded ({type(error).__name__})",
                reason="unencodable",
            ) from None
        return buffer.getvalue()


class Decoder(Generic[R]):
    """Turns values into records of one type, whatever released schema they were written with."""

    def __init__(self, record: type[R]) -> None:
        schema = avro.load(record)
        self._record = record
        self._own = schema
        self._reader = fastavro.parse_schema(avro.bare(schema))
        self._converters = _converters(schema, _from_wire)
        # By schema id: the writer's schema, and ours where the two differ.
        self._known: dict[int, tuple[Json, Json | None]] = {}

    def learn(self, schema_id: int, schema: Json) -> None:
        """Take in the schema that the registry has under an id."""
        writer = avro.bare(schema)
        same = writer == avro.bare(self._own)
        self._known[schema_id] = (fastavro.parse_schema(writer), None if same else self._reader)

    def decode(self, value: bytes) -> R:
        """Give the record in a value, or raise Undecodable or UnknownSchema."""
        id_ = schema_id(value)
        try:
            writer, reader = self._known[id_]
        except KeyError:
            raise UnknownSchema(id_) from None
        buffer = io.BytesIO(value)
        buffer.seek(HEADER.size)
        try:
            raw: Any = fastavro.schemaless_reader(buffer, writer, reader)
            for name, convert in self._converters:
                raw[name] = convert(raw[name])
            record = self._record(**raw)
        except WRONG as error:
            raise Undecodable(
                f"the value is no {self._record.__name__} ({type(error).__name__})",
                reason="undecodable",
            ) from None
        if buffer.tell() != len(value):
            raise Undecodable(
                f"bytes are left after the {self._record.__name__}", reason="undecodable"
            )
        return record


def _converters(
    schema: Json, of: Callable[[Json], Convert | None]
) -> tuple[tuple[str, Convert], ...]:
    """Give the fields of a record that do not travel as they are, each with its conversion."""
    found = ((field["name"], of(field["type"])) for field in schema["fields"])
    return tuple((name, convert) for name, convert in found if convert is not None)


def _to_wire(schema: Json) -> Convert | None:
    match schema:
        case {"logicalType": "date"}:
            return _days
        case {"logicalType": "timestamp-micros"}:
            return _micros
        case {"type": "array", "items": items}:
            return _each(_to_wire(items), list)
        case {"type": "record"}:
            return _to_raw(schema)
        case list():
            return _unless_null(schema, _to_wire)
        case _:
            return None


def _from_wire(schema: Json) -> Convert | None:
    match schema:
        case {"logicalType": "date"}:
            return _day
        case {"logicalType": "timestamp-micros"}:
            return _moment
        case {"type": "array", "items": items}:
            return _each(_from_wire(items), tuple)
        case {"type": "record"}:
            return _from_raw(schema)
        case list():
            return _unless_null(schema, _from_wire)
        case _:
            return None


def _each(convert: Convert | None, container: Callable[[Any], Any]) -> Convert:
    if convert is None:
        return container
    return lambda values: container([convert(value) for value in values])


def _unless_null(branches: list[Json], of: Callable[[Json], Convert | None]) -> Convert | None:
    # Only ["null", x] has a conversion; in a union of more, every branch travels as it is.
    found = [convert for branch in branches if (convert := of(branch)) is not None]
    if not found:
        return None
    (convert,) = found
    return lambda value: None if value is None else convert(value)


def _to_raw(schema: Json) -> Convert:
    names = tuple(field["name"] for field in schema["fields"])
    values = attrgetter(*names)
    converters = _converters(schema, _to_wire)

    def to_raw(record: object) -> dict[str, Any]:
        raw = dict(zip(names, values(record), strict=True))
        for name, convert in converters:
            raw[name] = convert(raw[name])
        return raw

    return to_raw


def _from_raw(schema: Json) -> Convert:
    record = NESTED[schema["name"]]
    converters = _converters(schema, _from_wire)

    def from_raw(raw: dict[str, Any]) -> object:
        for name, convert in converters:
            raw[name] = convert(raw[name])
        return record(**raw)

    return from_raw
