"""Values to rows for the state's tables; what is no record, or not its key's, is refused.

A refused record stops nothing: it is a dead letter with its reason (invariant 9).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any, Final

from schemas import avro, readers, topics
from schemas.avro import Json
from schemas.codec import HEADER, WRONG, Decoder, Undecodable, UnknownSchema, schema_id
from schemas.errors import SkipRecord
from schemas.records import ChartEntry, Checkpoint, Insurer, PatientInsurance, Service
from stream_app.join.waiting import CHECKPOINTS, LONGEST_KEY, Content, Read

__all__ = ["Decoding"]

TAIL: Final = 2
"""Fields behind those that a row has."""
# Of transactions whose events are read just now; those of the past don't come again.
REMEMBERED: Final = 256


@dataclass(frozen=True, slots=True)
class _Table:
    """What a topic's events are: a record, and a row's content between its center and its end."""

    record: type[Any]
    content: tuple[str, ...]

    def of(self, record: Any) -> tuple[str, Content]:
        """Give the center and a row's content of a record that was read whole."""
        values = (getattr(record, name) for name in self.content)
        content = (value.toordinal() if type(value) is date else value for value in values)
        return record.center_id, tuple(content)


TABLES: Final[Mapping[str, _Table]] = {
    topics.CHART_ENTRIES.name: _Table(
        ChartEntry, ("entry_id", "patient_id", "entry_date", "chart_entry")
    ),
    topics.SERVICES.name: _Table(Service, ("service_id", "patient_id", "service_date", "code")),
    topics.PATIENT_INSURANCES.name: _Table(
        PatientInsurance, ("link_id", "patient_id", "insurer_id")
    ),
    topics.INSURERS.name: _Table(Insurer, ("insurer_id", "name", "kind")),
}


class _Straight:
    """Reads values of a schema that is our own, and what repeats in them by its bytes.

    First stands the center, which the key has named; last the version and the moment, which all
    events of a source transaction share and no row has.
    """

    def __init__(self, table: _Table) -> None:
        first, *fields = avro.load(table.record)["fields"]
        content, tail = fields[:-TAIL], fields[-TAIL:]
        if tuple(field["name"] for field in content) != table.content:
            raise ImportError(
                f"{table.record.__name__}: its fields are others than join/decoding's"
            )
        self._first = _read(first)
        # Without a loop, for this is run for each event; a link or an insurer has one field less.
        self._one, self._two, self._three, *more = map(_read, content)
        self._four = more[0] if more else None
        self._tail = tuple(map(_read, tail))
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
        one, at = self._one(value, at)
        two, at = self._two(value, at)
        three, at = self._three(value, at)
        content: Content = (one, two, three)
        if self._four is not None:
            four, at = self._four(value, at)
            content = (one, two, three, four)
        if value[at:] not in self._tails:
            self._read_tail(value, at)
        return named, content

    def _read_tail(self, value: bytes, at: int) -> None:
        tail = value[at:]
        for read in self._tail:
            _, at = read(value, at)
        if at != len(value):
            raise ValueError("bytes are left")
        if len(self._tails) >= REMEMBERED:
            self._tails.clear()
        self._tails.add(tail)


def _read(field: Json) -> readers.Read:
    """Give what reads a field as the state keeps it: a day is its ordinal."""
    if avro.meaning(field["type"]) == "date":
        return readers.read_ordinal
    return readers.reader(field["type"], {})


class Decoding:
    """Reads the join's topics, and learns schemas from the registry as they turn up."""

    def __init__(self, schema_of: Callable[[int], Json | None]) -> None:
        self._schema_of = schema_of
        self._decoders: dict[str, Decoder[Any]] = {
            topic: Decoder(table.record) for topic, table in TABLES.items()
        }
        self._decoders[CHECKPOINTS] = Decoder(Checkpoint)

    def checkpoint(self, key: bytes | None, value: bytes) -> Checkpoint:
        """Give the checkpoint in a value, or raise SkipRecord."""
        found: Checkpoint = self._decode(self._decoders[CHECKPOINTS], value)
        if found.center_id.encode() != key:
            raise SkipRecord("the checkpoint is another center's", reason="wrong-key")
        if len(key) > LONGEST_KEY:
            raise SkipRecord("the key is too long for a center", reason="unusable-key")
        return found

    def reader(self, topic: str) -> Read:
        """Give what makes a row of a topic's value."""
        table = TABLES[topic]
        bare = avro.bare(avro.load(table.record))
        # What is written with our own schema becomes a row without becoming a record first, and
        # only what the row needs is read.
        straight = _Straight(table)
        known: dict[bytes, bool] = {}
        decoder = self._decoders[topic]

        def slowly(value: bytes) -> tuple[str, Content]:
            record = self._decode(decoder, value)
            if value[:5] not in known:
                known[value[:5]] = avro.bare(self._schema_of(schema_id(value))) == bare
            return table.of(record)

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
            decoder.learn(unknown.schema_id, schema)
        return decoder.decode(value)
