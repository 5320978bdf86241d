"""What a mapping file may say: its keys and values, their JSON Schema, and the mapping in them."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Annotated, Any, Literal, cast

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    StrictBool,
    create_model,
)

from producers import canonical
from producers.mapping import ColumnMapping, Mapping, Rival, TableMapping
from producers.quoting import LONGEST
from schemas.ids import IdType, Role

__all__ = ["FORMAT", "MappingNode", "as_data", "as_mapping", "json_schema"]

FORMAT = 1


def _text(value: object) -> object:
    if isinstance(value, bool) or (value is not None and not isinstance(value, str)):
        raise ValueError(f"{value!r} is read as no text; put it in quotes")
    return value


def _exactly_one(value: object) -> object:
    if isinstance(value, bool):
        raise ValueError(f"{value!r} is no number")  # noqa: TRY004 - pydantic's
    return value


def _identifier(value: str) -> str:
    if "\x00" in value or len(value.encode("utf-16-le", "surrogatepass")) > 2 * LONGEST:
        raise ValueError(f"an identifier has 1 to {LONGEST} characters")
    return value


def _live(value: object) -> object:
    if isinstance(value, bool):
        raise ValueError(f"{value!r} is read as no text; put it in quotes")  # noqa: TRY004 - pydantic's
    return str(value) if isinstance(value, int) else value


def _utc(value: datetime) -> datetime:
    if value.tzinfo is None:
        raise ValueError("a time needs its zone, such as 2026-01-31T08:00:00Z")
    return value.astimezone(UTC)


Text = Annotated[str, BeforeValidator(_text)]
Name = Annotated[Text, Field(min_length=1), AfterValidator(_identifier)]
Live = Annotated[str | None, BeforeValidator(_live)]
Confidence = Annotated[float, Field(ge=0, le=1)]
Hash = Annotated[str, Field(pattern="^sha256:[0-9a-f]{64}$")]


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", title=None)


class RivalNode(_Strict):
    name: Name
    confidence: Confidence = 0.0
    evidence: list[Text] = []


class ColumnNode(_Strict):
    name: Name | None
    type: Text | None = None
    live: Annotated[list[Live] | None, Field(min_length=1)] = None
    confidence: Confidence = 0.0
    evidence: list[Text] = []
    rivals: list[RivalNode] = []


class TableNode(_Strict):
    name: Name | None
    primary_key: list[Name] = []
    confidence: Confidence = 0.0
    evidence: list[Text] = []
    rivals: list[RivalNode] = []


def _table_node(table: str) -> type[BaseModel]:
    wanted: dict[str, Any] = dict.fromkeys(canonical.TABLES[table], (ColumnNode, ...))
    columns = create_model(f"{table}_columns", __base__=_Strict, **wanted)
    return create_model(table, __base__=TableNode, columns=(columns, ...))


_TABLES: dict[str, Any] = {table: (_table_node(table), ...) for table in canonical.TABLES}
TablesNode: type[BaseModel] = create_model("tables", __base__=_Strict, **_TABLES)


class MappingNode(_Strict):
    format: Annotated[Literal[1], BeforeValidator(_exactly_one)]
    center: Text
    database: Text
    schema_: Annotated[Name | None, Field(alias="schema")]
    schema_rivals: list[Name] = []
    reviewed: StrictBool
    reviewed_by: Text | None = None
    reviewed_at: Annotated[datetime, AfterValidator(_utc)] | None = None
    fingerprint: Hash | None = None
    seal: Hash | None = None
    ids: dict[Role, IdType] = {}
    tables: TablesNode  # type: ignore[valid-type]  # built from the domain's tables


def json_schema() -> str:
    """Give the JSON Schema of a mapping file, for editors; a test keeps the committed one equal."""
    schema = MappingNode.model_json_schema(by_alias=True)
    schema["title"] = "chartfeed mapping, format 1"
    return json.dumps(schema, indent=2, ensure_ascii=False, sort_keys=True) + "\n"


def _rivals(nodes: list[RivalNode]) -> tuple[Rival, ...]:
    return tuple(Rival(node.name, node.confidence, tuple(node.evidence)) for node in nodes)


def as_mapping(node: MappingNode) -> Mapping:
    """Give the mapping that a file's nodes hold."""
    tables = {}
    for table, wanted in canonical.TABLES.items():
        given: Any = getattr(node.tables, table)
        columns = {}
        for column in wanted:
            entry = cast("ColumnNode", getattr(given.columns, column))
            columns[column] = ColumnMapping(
                name=entry.name,
                type=entry.type,
                live=None if entry.live is None else tuple(entry.live),
                confidence=entry.confidence,
                evidence=tuple(entry.evidence),
                rivals=_rivals(entry.rivals),
            )
        tables[table] = TableMapping(
            name=given.name,
            columns=columns,
            primary_key=tuple(given.primary_key),
            confidence=given.confidence,
            evidence=tuple(given.evidence),
            rivals=_rivals(given.rivals),
        )
    return Mapping(
        center=node.center,
        database=node.database,
        schema=node.schema_,
        tables=tables,
        ids={role: node.ids[role] for role in Role if role in node.ids},
        reviewed=node.reviewed,
        reviewed_by=node.reviewed_by,
        reviewed_at=node.reviewed_at,
        fingerprint=node.fingerprint,
        seal=node.seal,
        schema_rivals=tuple(node.schema_rivals),
    )


def as_data(mapping: Mapping) -> dict[str, object]:
    """Give the mapping as plain data in the file's order, for YAML and for JSON."""
    at = mapping.reviewed_at
    return {
        "format": FORMAT,
        "center": mapping.center,
        "database": mapping.database,
        "schema": mapping.schema,
        "schema_rivals": list(mapping.schema_rivals),
        "reviewed": mapping.reviewed,
        "reviewed_by": mapping.reviewed_by,
        "reviewed_at": at.isoformat().replace("+00:00", "Z") if at else None,
        "fingerprint": mapping.fingerprint,
        "seal": mapping.seal,
        "ids": {str(role): str(mapping.ids[role]) for role in Role if role in mapping.ids},
        "tables": {
            name: {
                "name": table.name,
                "primary_key": list(table.primary_key),
                "confidence": table.confidence,
                "evidence": list(table.evidence),
                "rivals": [_rival_data(rival) for rival in table.rivals],
                "columns": {
                    key: _column_data(table.columns[key]) for key in canonical.TABLES[name]
                },
            }
            for name in canonical.TABLES
            for table in [mapping.tables[name]]
        },
    }


def _rival_data(rival: Rival) -> dict[str, object]:
    return {
        "name": rival.name,
        "confidence": rival.confidence,
        "evidence": list(rival.evidence),
    }


def _column_data(column: ColumnMapping) -> dict[str, object]:
    data: dict[str, object] = {"name": column.name, "type": column.type}
    if column.live is not None:
        data["live"] = list(column.live)
    return data | {
        "confidence": column.confidence,
        "evidence": list(column.evidence),
        "rivals": [_rival_data(rival) for rival in column.rivals],
    }
