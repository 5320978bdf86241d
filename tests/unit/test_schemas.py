"""The .avsc files: one to one with the records, documented, and never broken."""

import json
import types
from collections.abc import Iterator
from dataclasses import fields
from datetime import date, datetime
from pathlib import Path
from typing import Any, get_args, get_origin, get_type_hints

import fastavro
import pytest

from schemas import avro, codec, records
from schemas.compatibility import breaks

RELEASED = Path(__file__).parent.parent / "golden" / "avsc"
NAMES = {record.__name__: record for record in avro.FILES}


def avro_type(hint: Any) -> Any:
    """Give the Avro type, without documentation, that a Python type travels as."""
    if get_origin(hint) is types.UnionType:
        branches = [avro_type(part) for part in get_args(hint)]
        nullable = [branch for branch in branches if branch == "null"]
        return [*nullable, *(branch for branch in branches if branch != "null")]
    if get_origin(hint) is tuple:
        return {"type": "array", "items": avro_type(get_args(hint)[0])}
    if get_origin(hint) is dict:
        return {"type": "map", "values": avro_type(get_args(hint)[1])}
    simple: dict[Any, Any] = {
        str: "string",
        int: "long",
        float: "double",
        bool: "boolean",
        type(None): "null",
        date: {"type": "int", "logicalType": "date"},
        datetime: {"type": "long", "logicalType": "timestamp-micros"},
    }
    return simple[hint] if hint in simple else record_type(hint)


def record_type(record: type) -> Any:
    hints = get_type_hints(record)
    return {
        "name": record.__name__,
        "fields": [(field.name, avro_type(hints[field.name])) for field in fields(record)],
    }


def shape(schema: Any) -> Any:
    """Give a schema as `avro_type` gives it; a smaller integer is an integer."""
    match schema:
        case list():
            return [shape(branch) for branch in schema]
        case {"type": "record"}:
            return {
                "name": schema["name"],
                "fields": [(field["name"], shape(field["type"])) for field in schema["fields"]],
            }
        case {"type": "array"}:
            return {"type": "array", "items": shape(schema["items"])}
        case "int":
            return "long"
        case _:
            return schema


def nodes(schema: Any) -> Iterator[dict[str, Any]]:
    """Give every record and field in a schema."""
    if isinstance(schema, list):
        for branch in schema:
            yield from nodes(branch)
    elif isinstance(schema, dict):
        if schema.get("type") == "record":
            yield schema
            for field in schema["fields"]:
                yield field
                yield from nodes(field["type"])
        yield from nodes(schema.get("items"))


@pytest.mark.parametrize("name", NAMES)
def test_a_schema_has_its_records_fields_in_order_and_type(name: str) -> None:
    assert shape(avro.load(NAMES[name])) == record_type(NAMES[name])


def test_every_record_has_one_schema() -> None:
    assert set(avro.FILES) == set(get_args(records.Record))
    assert sorted(f"{file}.avsc" for file in avro.FILES.values()) == sorted(
        path.name for path in (Path(codec.__file__).parent / "avsc").glob("*.avsc")
    )


@pytest.mark.parametrize("name", NAMES)
def test_every_record_and_field_is_documented(name: str) -> None:
    undocumented = [node["name"] for node in nodes(avro.load(NAMES[name])) if not node.get("doc")]

    assert undocumented == []


@pytest.mark.parametrize("name", NAMES)
def test_what_may_be_null_is_so_by_default(name: str) -> None:
    for node in nodes(avro.load(NAMES[name])):
        if isinstance(node["type"], list) and "null" in node["type"]:
            assert node["type"][0] == "null"
            assert node["default"] is None


@pytest.mark.parametrize("name", NAMES)
def test_a_schema_reads_all_that_a_released_one_wrote(name: str) -> None:
    released = json.loads((RELEASED / f"{avro.FILES[NAMES[name]]}.avsc").read_text())

    assert breaks(released, avro.load(NAMES[name])) == [], (
        "this change is not BACKWARD compatible: give a new field a default, keep a type; "
        "when a compatible change is released, copy its file to tests/golden/avsc"
    )


@pytest.mark.parametrize("name", NAMES)
def test_fastavro_takes_every_schema(name: str) -> None:
    fastavro.parse_schema(avro.load(NAMES[name]))


def changed(**changes: Any) -> Any:
    """Give ChartEntry's schema with fields changed, added, or (None) taken away."""
    schema = avro.load(records.ChartEntry)
    kept = [
        field | changes.pop(field["name"], {})
        for field in schema["fields"]
        if changes.get(field["name"], {}) is not None
    ]
    added = [{"name": name} | field for name, field in changes.items() if field is not None]
    return schema | {"fields": [*kept, *added]}


@pytest.mark.parametrize(
    "harmless",
    [
        changed(doc={"type": "string", "default": ""}),
        changed(tooth={"type": ["null", "string"], "default": None}),
        changed(chart_entry=None),
        changed(source_version={"type": ["null", "long"]}),
        changed(entry_id={"type": ["long", "string", "bytes"]}),
        changed(source_version={"type": "double"}),
    ],
)
def test_what_a_reader_can_live_with_is_compatible(harmless: Any) -> None:
    assert breaks(avro.load(records.ChartEntry), harmless) == []


@pytest.mark.parametrize(
    ("breaking", "said"),
    [
        (changed(tooth={"type": "string"}), "value.tooth: a new field needs a default"),
        (changed(source_version={"type": "int"}), "value.source_version: long was written, int"),
        (changed(entry_id={"type": "long"}), "value.entry_id: string was written, long"),
        (changed(entry_id={"type": ["long", "int"]}), "value.entry_id: string was written, but"),
        (changed(entry_date={"type": "int"}), "value.entry_date: date became plain"),
        (changed() | {"name": "Entry"}, "value: ChartEntry was renamed to Entry"),
    ],
)
def test_what_a_reader_could_not_read_is_said(breaking: Any, said: str) -> None:
    found = breaks(avro.load(records.ChartEntry), breaking)

    assert len(found) == 1
    assert found[0].startswith(said)


def test_a_nested_break_is_found() -> None:
    old = avro.load(records.Checkpoint)
    new = json.loads(json.dumps(old).replace('"name": "partition"', '"name": "shard"'))

    assert breaks(old, new) == ["value.offsets[].shard: a new field needs a default"]
