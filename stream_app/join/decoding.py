"""Values to rows for the state's tables; what is no record, or not its key's, is refused."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final

from fastavro import schema as avro_schema
from fastavro.read import SchemaResolutionError

from schemas import topics
from schemas.avro import Json
from schemas.codec import WRONG, Decoder, UnknownSchema
from schemas.errors import SkipRecord
from schemas.records import ChartEntry, Checkpoint, Insurer, PatientInsurance, Service
from stream_app.join.waiting import CHECKPOINTS, Content, Read

__all__ = ["Decoding"]

Make = Callable[[Any], Content]
NOT_AVRO: Final = (
    avro_schema.SchemaParseException,
    avro_schema.UnknownType,
    SchemaResolutionError,
    *WRONG,
)


def _entry(record: ChartEntry) -> Content:
    day = record.entry_date.toordinal()
    return (record.entry_id, record.patient_id, day, record.chart_entry)


def _service(record: Service) -> Content:
    day = record.service_date.toordinal()
    return (record.service_id, record.patient_id, day, record.code)


def _link(record: PatientInsurance) -> Content:
    return (record.link_id, record.patient_id, record.insurer_id)


def _insurer(record: Insurer) -> Content:
    return (record.insurer_id, record.name, record.kind)


TABLES: Final[Mapping[str, tuple[type[Any], Make]]] = {
    topics.CHART_ENTRIES.name: (ChartEntry, _entry),
    topics.SERVICES.name: (Service, _service),
    topics.PATIENT_INSURANCES.name: (PatientInsurance, _link),
    topics.INSURERS.name: (Insurer, _insurer),
}


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
        """Give what makes a row of a topic's value: the row's id first, then what it says."""
        decoder, make = self._decoders[topic], TABLES[topic][1]
        decode, learning = decoder.decode, self._decode

        def read(center: str, row: str, value: bytes) -> Content:
            try:
                record = decode(value)
            except (UnknownSchema, SchemaResolutionError):
                record = learning(decoder, value)
            found = make(record)
            if record.center_id != center or str(found[0]) != row:
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
