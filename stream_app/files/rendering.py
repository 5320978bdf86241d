"""A day's rows as the bytes of its files.

The bytes depend on the rows alone, and for Parquet on the version of its library: nothing tells
when or by whom a file was written, so a replay gives the same file (invariant 8). A row is handed
in as it stands in the JSON file, and a file comes out in pieces: a day of a million rows needs no
more memory than one of a thousand.
"""

from __future__ import annotations

import re
from itertools import islice
from typing import TYPE_CHECKING, Any, Final, Protocol

import orjson

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
    from datetime import date

    from schemas.records import UnifiedEntry

__all__ = ["FORMATS", "Entries", "chunks", "entry", "file_name", "manifest_name", "render"]

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
LINES_A_CHUNK: Final = 1000
# Fixed, for a file's bytes must not tell how its rows came in.
ROWS_A_GROUP: Final = 100_000


class Entries(Protocol):
    """A day's rows in the order of files, each as `entry` gives it; may be gone through again."""

    def __len__(self) -> int: ...
    def __iter__(self) -> Iterator[bytes]: ...


def file_name(day: date, extension: str) -> str:
    """Give the name of a day's file in one format."""
    return f"{STEM}{day.isoformat()}.{extension}"


def manifest_name(day: date) -> str:
    """Give the name of the file that speaks for a day's others."""
    return file_name(day, "manifest.json")


def entry(row: UnifiedEntry) -> bytes:
    """Give a row as it stands in the JSON file."""
    return orjson.dumps(
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


def chunks(extension: str, day: date, entries: Entries) -> Iterator[bytes]:
    """Give the bytes of a day's file, piece by piece."""
    return FORMATS[extension](day, entries)


def render(extension: str, day: date, rows: Sequence[UnifiedEntry]) -> bytes:
    """Give the bytes of a day's file; the rows must stand in the order of files."""
    return b"".join(chunks(extension, day, [entry(row) for row in rows]))


def _groups(entries: Iterable[bytes], size: int) -> Iterator[list[bytes]]:
    remaining = iter(entries)
    while group := list(islice(remaining, size)):
        yield group


def _csv(_day: date, entries: Entries) -> Iterator[bytes]:
    # Written out, for the standard library's quoting differs between versions of Python.
    yield ",".join(COLUMNS).encode() + b"\n"
    for group in _groups(entries, LINES_A_CHUNK):
        yield "".join([_line(orjson.loads(one)) for one in group]).encode()


def _line(row: Mapping[str, Any]) -> str:
    insurance = row["insurance_name"]
    return (
        f"{_field(row['center_id'])},{_field(row['center_name'])},{row['date']},"
        f"{_field(str(row['patient_id']))},{row['insurance_status']},"
        f"{'' if insurance is None else _field(insurance)},{_field(row['chart_entry'])},"
        f"{_field(','.join(row['service_codes']))}\n"
    )


def _field(text: str) -> str:
    if NEEDS_QUOTES(text) is None:
        return text
    return '"' + text.replace('"', '""') + '"'


def _json(day: date, entries: Entries) -> Iterator[bytes]:
    # One entry a line: a diff of two files then shows the entries that differ.
    head = f'{{"target_date":"{day.isoformat()}","record_count":{len(entries)},"entries":['
    before = head.encode() + b"\n"
    for group in _groups(entries, LINES_A_CHUNK):
        yield before + b",\n".join(group)
        before = b",\n"
    yield b"\n]}\n" if len(entries) else head.encode() + b"]}\n"


class _Drained:
    """A file that is written to and emptied, over and over."""

    closed = False

    def __init__(self) -> None:
        self._pieces: list[bytes] = []
        self._written = 0

    def write(self, piece: bytes) -> int:
        self._pieces.append(bytes(piece))
        self._written += len(piece)
        return len(piece)

    def tell(self) -> int:
        return self._written

    def flush(self) -> None:
        """Nothing waits anywhere else."""

    def drain(self) -> bytes:
        pieces, self._pieces = self._pieces, []
        return b"".join(pieces)


def _parquet(day: date, entries: Entries) -> Iterator[bytes]:
    # Only those who ask for Parquet wait for its library, which takes longer than a small day.
    import pyarrow as pa  # noqa: PLC0415
    from pyarrow import parquet  # noqa: PLC0415

    text = pa.string()
    # One column has one type in every file: an id is a text here, whatever the center's is.
    codes = pa.list_(pa.field("element", text, nullable=False))
    types = dict.fromkeys(COLUMNS, text) | {"date": pa.date32(), "service_codes": codes}
    schema = pa.schema(
        [pa.field(name, kind, nullable=name == "insurance_name") for name, kind in types.items()]
    )

    def table(rows: list[dict[str, Any]]) -> Any:
        columns = {name: [row[name] for row in rows] for name in COLUMNS}
        columns["date"] = [day] * len(rows)
        columns["patient_id"] = [str(id_) for id_ in columns["patient_id"]]
        return pa.Table.from_arrays(
            [pa.array(columns[field.name], type=field.type) for field in schema], schema=schema
        )

    file = _Drained()
    with parquet.ParquetWriter(
        pa.PythonFile(file, mode="w"),
        schema,
        compression="snappy",
        version="2.6",
        store_schema=False,
    ) as writer:
        for group in _groups(entries, ROWS_A_GROUP):
            writer.write_table(table([orjson.loads(one) for one in group]), ROWS_A_GROUP)
            yield file.drain()
        if not len(entries):
            writer.write_table(table([]))
    yield file.drain()


FORMATS: Final[Mapping[str, Callable[[date, Entries], Iterator[bytes]]]] = {
    "csv": _csv,
    "json": _json,
    "parquet": _parquet,
}
