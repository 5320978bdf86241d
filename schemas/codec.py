"""Records as Kafka values and back, in Confluent's wire format.

A value is a zero byte, the schema's id in the registry as four bytes, and the record in Avro's
binary form. Ids are handed in: talking to the registry is not done here. What was written with
another released schema than ours goes through fastavro, which resolves one into the other.
"""

from __future__ import annotations

import io
import struct
from collections.abc import Callable
from typing import Any, Final, Generic, TypeVar

from schemas import avro, readers, records, writers
from schemas.avro import Json
from schemas.errors import SkipRecord

__all__ = ["Decoder", "Encoder", "Undecodable", "Unencodable", "UnknownSchema", "schema_id"]

R = TypeVar("R", bound=records.Record)

MAGIC: Final = 0
HEADER: Final = struct.Struct(">bI")
NESTED: Final[dict[str, Callable[..., Any]]] = {
    "Offset": records.Offset,
    "SnapshotProgress": records.SnapshotProgress,
    "TablePosition": records.TablePosition,
}
# What Python and fastavro raise for bytes that are no record, or a record of other types.
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


def schema_id(value: bytes) -> int:
    """Give the id of the schema that a value was written with."""
    if len(value) < HEADER.size or value[0] != MAGIC:
        raise Undecodable("the value is not in Confluent's wire format", reason="undecodable")
    return int.from_bytes(value[1:5], "big")


class Encoder(Generic[R]):
    """Turns records of one type into values that carry the given schema id."""

    def __init__(self, record: type[R], schema_id: int) -> None:
        self._header = HEADER.pack(MAGIC, schema_id)
        self._write = writers.writer(avro.load(record))

    def encode(self, record: R) -> bytes:
        """Give a record's value, or raise Unencodable."""
        try:
            return self._header + self._write(record)
        except WRONG as error:
            # The error's own text may hold a value, which may be personal.
            raise Unencodable(
                f"{type(record).__name__} can't be encoded ({type(error).__name__})",
                reason="unencodable",
            ) from None


class Decoder(Generic[R]):
    """Turns values into records of one type, whatever released schema they were written with."""

    def __init__(self, record: type[R]) -> None:
        self._record = record
        self._own = avro.load(record)
        self._bare = avro.bare(self._own)
        self._read = readers.reader(self._own, {**NESTED, record.__name__: record})
        # By the first five bytes of a value.
        self._known: dict[bytes, readers.Read] = {}

    def learn(self, schema_id: int, schema: Json) -> None:
        """Take in the schema that the registry has under an id, or raise Undecodable.

        A registry keeps schemas of other kinds too, and nobody keeps their ids out of a topic.
        """
        same = avro.bare(schema) == self._bare
        header = HEADER.pack(MAGIC, schema_id)
        self._known[header] = self._read if same else self._resolving(schema_id, schema)

    def decode(self, value: bytes) -> R:
        """Give the record in a value, or raise Undecodable or UnknownSchema."""
        read = self._known.get(value[: HEADER.size])
        if read is None:
            raise UnknownSchema(schema_id(value))
        try:
            record, end = read(value, HEADER.size)
        except WRONG as error:
            raise Undecodable(
                f"the value is no {self._record.__name__} ({type(error).__name__})",
                reason="undecodable",
            ) from None
        if end != len(value):
            raise Undecodable(
                f"bytes are left after the {self._record.__name__}", reason="undecodable"
            )
        return record  # type: ignore[no-any-return]  # a reader makes what its schema names

    def _resolving(self, schema_id: int, schema: Json) -> readers.Read:
        """Read what another schema wrote, write it as ours would, and read that."""
        # Not imported where all was written with our own schemas: it is 4 MB of a process.
        import fastavro  # noqa: PLC0415
        from fastavro.read import SchemaResolutionError  # noqa: PLC0415
        from fastavro.schema import SchemaParseException  # noqa: PLC0415

        try:
            theirs = fastavro.parse_schema(schema)
        except (SchemaParseException, *WRONG):
            raise Undecodable(
                f"schema {schema_id} is no Avro schema", reason="unknown-schema"
            ) from None
        ours = fastavro.parse_schema(self._own)

        def read(data: bytes, at: int) -> tuple[object, int]:
            buffer = io.BytesIO(data)
            buffer.seek(at)
            try:
                plain = fastavro.schemaless_reader(buffer, theirs, ours)
            except SchemaResolutionError:
                raise Undecodable("its schema is another record's", reason="undecodable") from None
            again = io.BytesIO()
            fastavro.schemaless_writer(again, ours, plain)
            record, _ = self._read(again.getvalue(), 0)
            return record, buffer.tell()

        return read
