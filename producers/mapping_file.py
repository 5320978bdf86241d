"""Mapping files: `mappings/CENTER.yml`, made for a person to read and for a diff."""

from __future__ import annotations

import json
import os
import re
import tempfile
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any, Literal, cast

import yaml
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
from producers.errors import MappingDamaged
from producers.mapping import ColumnMapping, Mapping, Rival, TableMapping
from producers.quoting import LONGEST
from schemas import document
from schemas.errors import BadInput
from schemas.ids import IdType, Role

__all__ = ["FORMAT", "as_data", "json_schema", "load", "path_of", "render", "replace_file", "save"]

FORMAT = 1
HEADER = (
    "# Which actual table and column is which. docs/mapping.md says how to read it.\n"
    "# Names change by `chartfeed review`; an edit by hand takes an approval away.\n"
)


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


def path_of(folder: Path, center: str) -> Path:
    """Give where a center's mapping file is."""
    return folder / f"{center}.yml"


def load(path: Path, *, center: str | None = None) -> Mapping:
    """Give the mapping that the file holds, or say which line is wrong and what to do."""
    try:
        text = path.read_text(encoding="utf-8")
    except UnicodeDecodeError as error:
        raise MappingDamaged(
            f"{path}: not UTF-8 at byte {error.start}",
            hint=f"save {path} as UTF-8, or {_anew(center or path.stem)}",
        ) from error
    except FileNotFoundError:
        raise MappingDamaged(
            f"{path}: there is no mapping yet", hint=f"chartfeed discover {path.stem}"
        ) from None
    except OSError as error:
        raise MappingDamaged(
            f"{path}: can't be read: {error.strerror}", hint=f"look at {path}"
        ) from error
    return parse(text, name=str(path), center=center)


def parse(text: str, *, name: str, center: str | None = None) -> Mapping:
    """Give the mapping that a file's text holds; errors name the file as `name`."""
    whose = center or Path(name).stem
    _refuse_the_future(text, name, whose)
    try:
        node = document.parse(text, MappingNode, name=name)
    except BadInput as error:
        raise MappingDamaged(error.message, hint=_next(error, name, whose)) from error
    if center is not None and node.center != center:
        raise MappingDamaged(
            f"{name}:{_line_of(text, 'center')}: this is the mapping of {node.center!r}, "
            f"not of {center!r}",
            hint=_anew(center),
        )
    return _mapping(node)


def _next(error: BadInput, name: str, center: str) -> str:
    return f"{error.hint or f'correct {name}'}, or {_anew(center)}"


def _anew(center: str) -> str:
    return f"make it anew: chartfeed discover {center} --again"


def _refuse_the_future(text: str, name: str, center: str) -> None:
    given = re.search(r"^format:\s*(\d+)\s*$", text, re.MULTILINE)
    if given is None:
        return  # Damaged, or not ours: the document's own errors say more.
    if int(given[1]) > FORMAT:
        raise MappingDamaged(
            f"{name}:{_line_of(text, 'format')}: format {given[1]} is newer than this chartfeed "
            f"knows ({FORMAT})",
            hint=f"update chartfeed, or {_anew(center)}",
        )


def _line_of(text: str, key: str) -> int:
    lines = text.splitlines()
    return next((n for n, line in enumerate(lines, 1) if line.startswith(f"{key}:")), 1)


def _rivals(nodes: list[RivalNode]) -> tuple[Rival, ...]:
    return tuple(Rival(node.name, node.confidence, tuple(node.evidence)) for node in nodes)


def _mapping(node: MappingNode) -> Mapping:
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


def render(mapping: Mapping) -> str:
    """Give the file's text; the same mapping gives the same bytes."""
    return HEADER + yaml.safe_dump(
        as_data(mapping), sort_keys=False, allow_unicode=True, width=10_000
    )


def save(mapping: Mapping, folder: Path) -> Path:
    """Write a center's mapping file: a reader sees the whole old or the whole new one."""
    folder.mkdir(parents=True, exist_ok=True)
    path = path_of(folder, mapping.center)
    replace_file(path, render(mapping))
    return path


def replace_file(path: Path, text: str) -> None:
    """Put `text` in the place of the file at `path`, durably and in one step."""
    handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(handle, "w", encoding="utf-8", newline="\n") as file:
            file.write(text)
            file.flush()
            os.fchmod(file.fileno(), 0o644)
            os.fsync(file.fileno())
        Path(temporary).replace(path)
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)
