"""A day's rows as the bytes of its files.

The bytes depend on the rows alone, and for Parquet on the version of its library: nothing tells
when or by whom a file was written, so a replay gives the same file.
"""

from __future__ import annotations

import io
import re
from typing import TYPE_CHECKING, Final

import orjson

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from datetime import date

    from schemas.records import UnifiedEntry

__all__ = ["FORMATS", "file_name", "manifest_name", "render"]

COLUMNS: Final = (
    "center_id",
    "center_name",
    "date",
    "patient_id",
    "insurance_status",
    "insurance_name",
    "chart_entry",
    "service_codes",
)
STEM: Final = "ivoris_chart_entries_"
NEEDS_QUOTES: Final = re.compile(r'[",\n\r]').search


def file_name(day: date, extension: str) -> str:
    """Give the name of a day's file in one format."""
    return f"{STEM}{day.isoformat()}.{extension}"


def manifest_name(day: date) -> str:
    """Give the name of the file that speaks for a day's others."""
    return file_name(day, "manifest.json")


def render(extension: str, day: date, rows: Sequence[UnifiedEntry]) -> bytes:
    """Give the bytes of a day's file; the rows must stand in the order of files."""
    return FORMATS[extension](day, rows)


def _csv(_day: date, rows: Sequence[UnifiedEntry]) -> bytes:
    # Written out, for the standard library's quoting differs between versions of Python.
    lines = [",".join(COLUMNS)]
    lines += [
        ",".join(
            (
                _field(row.center_id),
                _field(row.center_name),
                row.date.isoformat(),
                _field(str(row.patient_id)),
                row.insurance_status,
                "" if row.insurance_name is None else _field(row.insurance_name),
                _field(row.chart_entry),
                _field(",".join(row.service_codes)),
            )
        )
        for row in rows
    ]
    lines.append("")
    return "\n".join(lines).encode()


def _field(text: str) -> str:
    if NEEDS_QUOTES(text) is None:
        return text
    return '"' + text.replace('"', '""') + '"'


def _json(day: date, rows: Sequence[UnifiedEntry]) -> bytes:
    # One entry a line: a diff of two files then shows the entries that differ.
    entries = b",\n".join(
        orjson.dumps(
            {
                "center_id": row.center_id,
                "center_name": row.center_name,
                "date": row.date,
                "patient_id": row.patient_id,
                "insurance_status": row.insurance_status,
                "insurance_name": row.insurance_name,
                "chart_entry": row.chart_entry,
                "service_codes": row.service_codes,
            }
        )
        for row in rows
    )
    head = f'{{"target_date":"{day.isoformat()}","record_count":{len(rows)},"entries":['
    return head.encode() + (b"\n" + entries + b"\n" if rows else b"") + b"]}\n"


def _parquet(_day: date, rows: Sequence[UnifiedEntry]) -> bytes:
    # Only those who ask for Parquet wait for its library, which takes longer than a small day.
    import pyarrow as pa  # noqa: PLC0415
    from pyarrow import parquet  # noqa: PLC0415

    text = pa.string()
    # One column has one type in every file: an id is a text here, whatever the center's is.
    schema = pa.schema(
        [
            pa.field("center_id", text, nullable=False),
            pa.field("center_name", text, nullable=False),
            pa.field("date", pa.date32(), nullable=False),
            pa.field("patient_id", text, nullable=False),
            pa.field("insurance_status", text, nullable=False),
            pa.field("insurance_name", text),
            pa.field("chart_entry", text, nullable=False),
            pa.field(
                "service_codes", pa.list_(pa.field("element", text, nullable=False)), nullable=False
            ),
        ]
    )
    columns = [
        [row.center_id for row in rows],
        [row.center_name for row in rows],
        [row.date for row in rows],
        [str(row.patient_id) for row in rows],
        [row.insurance_status for row in rows],
        [row.insurance_name for row in rows],
        [row.chart_entry for row in rows],
        [row.service_codes for row in rows],
    ]
    table = pa.Table.from_arrays(
        [pa.array(values, type=field.type) for values, field in zip(columns, schema, strict=True)],
        schema=schema,
    )
    buffer = io.BytesIO()
    parquet.write_table(table, buffer, compression="snappy", version="2.6", store_schema=False)
    return buffer.getvalue()


FORMATS: Final[Mapping[str, Callable[[date, Sequence[UnifiedEntry]], bytes]]] = {
    "csv": _csv,
    "json": _json,
    "parquet": _parquet,
}
