"""A day's files read back: the inverse of `rendering`, as far as each format keeps its rows.

No error here quotes what a file holds: texts of entries are nobody's business but its readers'.
"""

from __future__ import annotations

import csv
import io
import sys
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Final

import orjson

from schemas import dates
from schemas.errors import Failed
from stream_app.files.rendering import COLUMNS

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from datetime import date

    from schemas.records import UnifiedEntry

__all__ = ["BEST_FIRST", "READERS", "FileRow", "Unreadable", "flat", "kept", "read", "row_of"]

# By how much of a row they keep: JSON all but the entry's id, CSV the least.
BEST_FIRST: Final = ("json", "parquet", "csv")
# A text may be as long as varchar(max); the library's own limit is there for other people's files.
csv.field_size_limit(sys.maxsize)


class Unreadable(Failed):
    """A file is not what `rendering` writes."""


@dataclass(frozen=True, slots=True)
class FileRow:
    """A row as a file keeps it: without its entry's id, and the patient's as a text."""

    center_id: str
    center_name: str
    date: date
    patient_id: str
    insurance_status: str
    insurance_name: str | None
    chart_entry: str
    service_codes: tuple[str, ...]


def row_of(entry: UnifiedEntry) -> FileRow:
    """Give what the files keep of a unified entry."""
    return FileRow(
        entry.center_id,
        entry.center_name,
        entry.date,
        str(entry.patient_id),
        entry.insurance_status,
        entry.insurance_name,
        entry.chart_entry,
        entry.service_codes,
    )


def flat(row: FileRow) -> FileRow:
    """Give what CSV keeps of a row: no name is an empty one, and codes are one text."""
    codes = ",".join(row.service_codes)
    return replace(
        row, insurance_name=row.insurance_name or None, service_codes=(codes,) if codes else ()
    )


def kept(extension: str, row: FileRow) -> FileRow:
    """Give what a format keeps of a row."""
    return flat(row) if extension == "csv" else row


def read(extension: str, content: bytes) -> Iterator[FileRow]:
    """Give a file's rows in their order, or raise Unreadable where it is no such file."""
    try:
        yield from READERS[extension](content)
    except Unreadable:
        raise
    except (ValueError, TypeError, KeyError, AttributeError, OSError, csv.Error) as error:
        raise Unreadable(
            f"is no {extension} file of a day ({type(error).__name__})",
            hint="have it written again: chartfeed reconcile --repair",
        ) from None


def _csv(content: bytes) -> Iterator[FileRow]:
    lines = csv.reader(io.TextIOWrapper(io.BytesIO(content), "utf-8", newline=""), strict=True)
    if tuple(next(lines, ())) != COLUMNS:
        raise Unreadable("has no header of a day's CSV")
    for center, name, day, patient, status, insurance, text, codes in lines:
        yield FileRow(
            center,
            name,
            dates.iso(day),
            patient,
            status,
            insurance or None,
            text,
            (codes,) if codes else (),
        )


def _json(content: bytes) -> Iterator[FileRow]:
    lines = io.BytesIO(content)
    head = next(lines, b"").removesuffix(b"\n")
    if head.endswith(b"[]}"):
        yield from _entries(head.removesuffix(b"]}"), iter(()))
        return
    yield from _entries(head, lines)


def _entries(head: bytes, lines: Iterator[bytes]) -> Iterator[FileRow]:
    said = orjson.loads(head + b"]}")
    seen = 0
    ended = head.endswith(b"[") and not said["record_count"]
    for line in lines:
        if line == b"]}\n":
            ended = True
            break
        seen += 1
        yield _row(orjson.loads(line.removesuffix(b"\n").removesuffix(b",")))
    if not ended or seen != said["record_count"] or next(lines, None) is not None:
        raise Unreadable(f"says {said['record_count']} rows and has {seen}")


def _row(entry: Mapping[str, Any]) -> FileRow:
    return FileRow(
        entry["center_id"],
        entry["center_name"],
        dates.iso(entry["date"]),
        str(entry["patient_id"]),
        entry["insurance_status"],
        entry["insurance_name"],
        entry["chart_entry"],
        tuple(entry["service_codes"]),
    )


def _parquet(content: bytes) -> Iterator[FileRow]:
    # As in `rendering`: only those who have Parquet wait for its library.
    from pyarrow import BufferReader  # noqa: PLC0415
    from pyarrow.parquet import ParquetFile  # noqa: PLC0415

    with ParquetFile(BufferReader(content)) as file:
        if tuple(file.schema_arrow.names) != COLUMNS:
            raise Unreadable("has not the columns of a day's Parquet")
        for batch in file.iter_batches():
            for values in zip(*(column.to_pylist() for column in batch.columns), strict=True):
                center, name, day, patient, status, insurance, text, codes = values
                yield FileRow(center, name, day, patient, status, insurance, text, tuple(codes))


READERS: Final[Mapping[str, Callable[[bytes], Iterator[FileRow]]]] = {
    "csv": _csv,
    "json": _json,
    "parquet": _parquet,
}
