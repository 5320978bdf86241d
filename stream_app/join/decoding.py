"""Values to rows for the state's tables; what is no record, or not its key's, is refused.

A refused record stops nothing: it is a dead letter with its reason (invariant 9).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import date
from typing import Any, Final

from fastavro import schema as avro_schema
from fastavro.read import SchemaResolutionError

from schemas import avro, readers, topics
from schemas.avro import Json
from schemas.codec import HEADER, WRONG, Decoder, Undecodable, UnknownSchema, schema_id
from schemas.errors import SkipRecord
from schemas.ids import Id
from schemas.records import ChartEntry, Checkpoint, Insurer, PatientInsurance, Service
from stream_app.join.waiting import CHECKPOINTS, Content, Read

__all__ = ["Decoding"]

Make = Callable[..., tuple[str, Content]]
TAIL: Final = 2
"""Fields behind those that a row has."""
REMEMBERED: Final = 4096
NOT_AVRO: Final = (
    avro_schema.SchemaParseException,
    avro_schema.UnknownType,
    SchemaResolutionError,
    *WRONG,
)


def _entry(
    center: str, id_: Id, patient: Id, day: date, text: str, *_: object
) -> tuple[str, Content]:
    return center, (id_, patient, day.toordinal(), text)


def _service(
    center: str, id_: Id, patient: Id, day: date, code: str, *_: object
) -> tuple[str, Content]:
    return center, (id_, patient, day.toordinal(), code)


def _link(center: str, id_: Id, patient: Id, insurer: Id | None, *_: object) -> tuple[str, Content]:
    return center, (id_, patient, insurer)


def _insurer(
    center: str, id_: Id, name: str | None, kind: str | None, *_: object
) -> tuple[str, Content]:
    return center, (id_, name, kind)


TABLES: Final[Mapping[str, tuple[type[Any], Make]]] = {
    topics.CHART_ENTRIES.name: (ChartEntry, _entry),
    topics.SERVICES.name: (Service, _service),
    topics.PATIENT_INSURANCES.name: (PatientInsurance, _link),
    topics.INSURERS.name: (Insurer, _insurer),
}


class _Straight:
    """Reads values of a schema that is our own, and what repeats in them by its bytes.

    First stands the center, which the key has named; last the version and the moment, which all
    events of a source transaction share and no row has.
    """

    def __init__(self, schema: Json, make: Make) -> None:
        first, *fields = [readers.reader(field["type"], {}) for field in schema["fields"]]
        self._first = first
        self._content, self._tail = fields[:-TAIL], fields[-TAIL:]
        self._make = make
        self._heads: dict[str, bytes] = {}
        self._tails: set[bytes] = set()

    def read(self, center: str, value: bytes) -> tuple[str, Content]:
        """Give the center and a row's content, or raise one of WRONG."""
        head = self._heads.get(center)
        if head is not None and value.startswith(head, HEADER.size):
            named, at = center, HEADER.size + len(head)
        else:
            named, at = self._first(value, HEADER.size)
            if named == center:
                self._heads[center] = value[HEADER.size : at]
        fields = []
        for read in self._content:
            field, at = read(value, at)
            fields.append(field)
        if value[at:] not in self._tails:
            self._read_tail(value, at)
        return self._make(named, *fields)

    def _read_tail(self, value: bytes, at: int) -> None:
        tail = value[at:]
        for read in self._tail:
            _, at = read(value, at)
        if at != len(value):
            raise ValueError("bytes are left")
        if len(self._tails) >= REMEMBERED:
            self._tails.clear()
        self._tails.add(tail)


class Decoding:
    """Reads the join's topics, and learns schemas from the registry as they turn up."""

    def __init__(self, schema_of: Callable[[int], Json | None]) -> None:
        self._schema_of = schema_of
        self._decoders: dict[str, Decoder[Any]] = {
            topic: Decoder(record) for topic, (record, _) in TABLES.items()
        }
        self._decoders[CHECKPOINTS] = Decoder(Checkpoint)

    def checkpoint(self, key: bytes | None, value: bytes) -> Checkpoint:
        """Give the checkpoint in a value, or raise SkipRecord."""
        found: Checkpoint = self._decode(self._decoders[CHECKPOINTS], value)
        if found.center_id.encode() != key:
            raise SkipRecord("the checkpoint is another center's", reason="wrong-key")
        return found

    def reader(self, topic: str) -> Read:
        """Give what makes a row of a topic's value."""
        type_, make = TABLES[topic]
        schema = avro.load(type_)
        bare = avro.bare(schema)
        # What is written with our own schema becomes a row without becoming a record first, and
        # only what the row needs is read.
        straight = _Straight(schema, make)
        known: dict[bytes, bool] = {}
        decoder, fields = self._decoders[topic], [field["name"] for field in schema["fields"]]

        def slowly(value: bytes) -> tuple[str, Content]:
            record = self._decode(decoder, value)
            if value[:5] not in known:
                known[value[:5]] = avro.bare(self._schema_of(schema_id(value))) == bare
            return make(*(getattr(record, field) for field in fields))

        def read(center: str, row: bytes, value: bytes) -> Content:
            found: Content
            if known.get(value[:5]):
                try:
                    named, found = straight.read(center, value)
                except WRONG:
                    raise Undecodable("the value is no record", reason="undecodable") from None
            else:
                named, found = slowly(value)
            id_ = found[0]
            if named != center or (b"%d" % id_ if type(id_) is int else str(id_).encode()) != row:
                raise SkipRecord("the key is another row's", reason="wrong-key")
            return found

        return read

    def _decode(self, decoder: Decoder[Any], value: bytes) -> Any:
        try:
            return decoder.decode(value)
        except UnknownSchema as unknown:
            schema = self._schema_of(unknown.schema_id)
            if schema is None:
                raise
            self._learn(decoder, unknown.schema_id, schema)
        except SchemaResolutionError:
            raise SkipRecord("the schema is another record's", reason="undecodable") from None
        return self._decode(decoder, value)

    def _learn(self, decoder: Decoder[Any], id_: int, schema: Json) -> None:
        try:
            decoder.learn(id_, schema)
        except NOT_AVRO:
            raise SkipRecord(f"schema {id_} is no Avro schema", reason="unknown-schema") from None
