"""Values in Confluent's wire format: any record there and back, anything else refused."""

import io
import json
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import fastavro
import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas import avro, records
from schemas.codec import (
    Decoder,
    Encoder,
    Undecodable,
    Unencodable,
    UnknownSchema,
    schema_id,
)
from tests.factories import a_chart_entry, a_unified_entry
from tests.strategies import any_


def decoder_of(record: type[Any], id_: int = 7) -> Decoder[Any]:
    decoder: Decoder[Any] = Decoder(record)
    decoder.learn(id_, avro.load(record))
    return decoder


CODECS = {
    record.__name__: (record, Encoder(record, 7), decoder_of(record)) for record in avro.FILES
}
RECORDS = {record.__name__: any_(record) for record in avro.FILES}


@pytest.mark.parametrize("name", CODECS)
@given(data=st.data())
def test_any_record_comes_back_as_it_was(name: str, data: st.DataObject) -> None:
    _, encoder, decoder = CODECS[name]
    record = data.draw(RECORDS[name])

    assert decoder.decode(encoder.encode(record)) == record


@pytest.mark.parametrize("name", CODECS)
@given(data=st.data())
def test_any_avro_reader_with_the_registered_schema_reads_it(
    name: str, data: st.DataObject
) -> None:
    type_, encoder, _ = CODECS[name]
    record = data.draw(RECORDS[name])
    schema = fastavro.parse_schema(avro.load(type_))

    value = encoder.encode(record)
    buffer = io.BytesIO(value[5:])
    read: Any = fastavro.schemaless_reader(buffer, schema, None)

    assert buffer.read() == b""
    for field, found in read.items():
        expected = getattr(record, field)
        if not isinstance(expected, tuple) and not hasattr(expected, "__slots__"):
            assert found == expected
    written = io.BytesIO()
    fastavro.schemaless_writer(written, schema, read)
    assert written.getvalue() == value[5:]


@given(st.integers(-(2**63), 2**63 - 1))
def test_every_long_travels_as_a_number_and_every_text_as_a_text(number: int) -> None:
    _, encoder, decoder = CODECS["ChartEntry"]
    record = a_chart_entry(entry_id=number, patient_id=str(number), source_version=number)

    assert decoder.decode(encoder.encode(record)) == record


def test_a_value_begins_with_zero_and_its_schemas_id() -> None:
    value = Encoder(records.ChartEntry, 0x01020304).encode(a_chart_entry())

    assert value[:5] == b"\x00\x01\x02\x03\x04"
    assert schema_id(value) == 0x01020304


def test_a_moment_of_another_zone_is_the_same_moment() -> None:
    _, encoder, decoder = CODECS["ChartEntry"]
    berlin = datetime(2022, 1, 18, 13, tzinfo=timezone(timedelta(hours=1)))

    decoded = decoder.decode(encoder.encode(a_chart_entry(captured_at=berlin)))

    assert decoded.captured_at == datetime(2022, 1, 18, 12, tzinfo=UTC)
    assert decoded.captured_at.tzinfo is UTC


@pytest.mark.parametrize(
    "changes",
    [
        {"chart_entry": "half a character \ud83e"},
        {"chart_entry": None},
        {"center_id": 5},
        {"entry_id": None},
        {"entry_id": 2**63},
        {"source_version": 2**63},
        {"entry_date": "2022-01-18"},
        {"captured_at": datetime(2022, 1, 18)},  # noqa: DTZ001 - that is the fault
    ],
)
def test_what_avro_cannot_hold_is_refused_without_its_text(changes: dict[str, Any]) -> None:
    with pytest.raises(Unencodable) as caught:
        CODECS["ChartEntry"][1].encode(a_chart_entry(**changes))

    assert caught.value.reason == "unencodable"
    assert "half" not in str(caught.value)
    assert caught.value.__cause__ is None


GOOD = Encoder(records.ChartEntry, 7).encode(a_chart_entry())


@pytest.mark.parametrize(
    "value",
    [b"", b"\x00", GOOD[:4], GOOD[:5], GOOD[:-1], GOOD + b"\x00", b"\x01" + GOOD[1:]],
)
def test_what_is_no_record_is_undecodable(value: bytes) -> None:
    with pytest.raises(Undecodable) as caught:
        CODECS["ChartEntry"][2].decode(value)

    assert caught.value.reason == "undecodable"


@pytest.mark.parametrize("name", CODECS)
@given(garbage=st.binary(max_size=60))
def test_garbage_is_a_record_or_undecodable_and_nothing_else(name: str, garbage: bytes) -> None:
    type_, _, decoder = CODECS[name]
    try:
        record = decoder.decode(b"\x00\x00\x00\x00\x07" + garbage)
    except Undecodable:
        return
    assert type(record) is type_


@given(st.data())
def test_a_flipped_bit_is_a_record_or_undecodable(data: st.DataObject) -> None:
    position = data.draw(st.integers(5, len(GOOD) - 1))
    bit = data.draw(st.integers(0, 7))
    value = bytearray(GOOD)
    value[position] ^= 1 << bit
    try:
        record = CODECS["ChartEntry"][2].decode(bytes(value))
    except Undecodable:
        return
    assert type(record) is records.ChartEntry


def test_an_unknown_schema_is_named_so_that_it_can_be_learnt() -> None:
    value = Encoder(records.ChartEntry, 8).encode(a_chart_entry())
    decoder = decoder_of(records.ChartEntry, 7)

    with pytest.raises(UnknownSchema) as caught:
        decoder.decode(value)
    decoder.learn(caught.value.schema_id, avro.load(records.ChartEntry))

    assert decoder.decode(value) == a_chart_entry()


def test_a_record_of_an_older_schema_gets_the_defaults() -> None:
    older = avro.load(records.UnifiedEntry)
    older["fields"] = [field for field in older["fields"] if field["name"] != "revision"]
    decoder = Decoder(records.UnifiedEntry)
    decoder.learn(3, older)

    decoded = decoder.decode(written_with(older, 3, a_unified_entry(revision=9)))

    assert decoded == a_unified_entry(revision=0)


def test_a_record_of_a_newer_schema_loses_what_we_do_not_know() -> None:
    newer = avro.load(records.UnifiedEntry)
    newer["fields"].insert(2, {"name": "tooth", "type": "string", "default": "16"})
    decoder = Decoder(records.UnifiedEntry)
    decoder.learn(4, newer)

    assert decoder.decode(written_with(newer, 4, a_unified_entry())) == a_unified_entry()


def test_a_record_of_another_kind_is_undecodable() -> None:
    decoder = Decoder(records.UnifiedEntry)
    decoder.learn(5, avro.load(records.ChartEntry))

    with pytest.raises(Undecodable):
        decoder.decode(Encoder(records.ChartEntry, 5).encode(a_chart_entry()))


@pytest.mark.parametrize(
    "schema",
    [
        'syntax = "proto3"; message Row {}',
        {"type": "object", "properties": {}},
        {"type": "record", "name": "Row", "fields": [{"name": "a", "type": "nowhere"}]},
        {"title": "JSON Schema"},
        7,
    ],
)
def test_a_schema_that_is_no_avro_is_refused_as_unknown(schema: Any) -> None:
    decoder = Decoder(records.UnifiedEntry)
    with pytest.raises(Undecodable) as caught:
        decoder.learn(6, schema)
    assert "unknown-schema" == caught.value.reason


def written_with(schema: Any, id_: int, record: records.UnifiedEntry) -> bytes:
    buffer = io.BytesIO()
    raw = {
        field["name"]: getattr(record, field["name"], field.get("default"))
        for field in schema["fields"]
    }
    fastavro.schemaless_writer(buffer, fastavro.parse_schema(json.loads(json.dumps(schema))), raw)
    return b"\x00" + id_.to_bytes(4, "big") + buffer.getvalue()


def test_a_schema_that_comes_back_without_inherited_namespaces_is_still_our_own() -> None:
    own = avro.load(records.Checkpoint)
    assert own["fields"][5]["type"]["items"].pop("namespace") == "chartfeed"
    assert avro.bare(own) == avro.bare(avro.load(records.Checkpoint))


def test_a_schema_of_another_namespace_is_another_one() -> None:
    other = avro.load(records.Checkpoint)
    other["fields"][5]["type"]["items"]["namespace"] = "elsewhere"
    assert avro.bare(other) != avro.bare(avro.load(records.Checkpoint))
