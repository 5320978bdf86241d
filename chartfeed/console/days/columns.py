"""A day's file as Arrow columns: read when they are asked for, never as Python rows.

Parquet gives single columns and row groups; CSV and JSON are parsed as a whole at the first
question that their beginning does not answer. No error here quotes what a file holds.
"""

from __future__ import annotations

import re
import threading
from collections import OrderedDict
from collections.abc import Callable
from typing import Any, Final, Protocol, TypeAlias, TypeVar

import orjson
import pyarrow as pa
import pyarrow.compute as pc
from pyarrow import csv, json, parquet

from stream_app.files.reading import Unreadable
from stream_app.files.rendering import COLUMNS

__all__ = ["FASTEST_FIRST", "Columns", "Table", "open_columns"]

Table: TypeAlias = Any
"""A pyarrow.Table, which ships no types."""

Found = TypeVar("Found")

FASTEST_FIRST: Final = ("parquet", "csv", "json")
# Few values in many rows: kept as numbers into a list of the values.
FEW: Final = ("center_id", "center_name", "insurance_status", "insurance_name")
CODES: Final = pa.list_(pa.field("element", pa.string()))
NUMBER: Final = re.compile(rb'"patient_id":(-?\d+),')
# So many row groups are read for a page rather than a column of all rows.
FEW_GROUPS: Final = 2


class Columns(Protocol):
    """A day's rows by columns; any thread may ask, and one at a time is served."""

    @property
    def rows(self) -> int:
        """Give how many rows there are."""

    @property
    def size(self) -> int:
        """Give how many bytes are in memory now."""

    def column(self, name: str) -> Any:
        """Give a column of all rows, as one chunked array with one dictionary."""

    def slice(self, start: int, count: int) -> Table:
        """Give rows that follow one another."""

    def take(self, indices: Any) -> Table:
        """Give some rows in the order of their indices."""


def open_columns(extension: str, content: bytes, rows: int) -> Columns:
    """Give the columns of a file's content, or raise Unreadable where it is no such file."""
    if extension == "parquet":
        return _guarded(extension, lambda: _Parquet(content))
    return _Parsed(extension, content, rows)


def _guarded(extension: str, work: Callable[[], Found]) -> Found:
    try:
        return work()
    except (pa.ArrowException, ValueError, OSError, KeyError) as error:
        raise Unreadable(
            f"is no {extension} file of a day ({type(error).__name__})",
            hint="have it written again: chartfeed reconcile --repair",
        ) from None


class _Parquet:
    """Row groups and columns of a Parquet file, which stays in memory compressed."""

    def __init__(self, content: bytes) -> None:
        self._file = parquet.ParquetFile(pa.BufferReader(content), read_dictionary=list(FEW))
        if tuple(self._file.schema_arrow.names) != COLUMNS:
            raise Unreadable("has not the columns of a day's Parquet")
        metadata = self._file.metadata
        self._ends: list[int] = []
        for group in range(metadata.num_row_groups):
            before = self._ends[-1] if self._ends else 0
            self._ends.append(before + metadata.row_group(group).num_rows)
        self._content_size = len(content)
        self._read: dict[str, Any] = {}
        self._groups: OrderedDict[int, Table] = OrderedDict()
        self._lock = threading.Lock()

    @property
    def rows(self) -> int:
        return int(self._file.metadata.num_rows)

    @property
    def size(self) -> int:
        held = [*self._read.values(), *self._groups.values()]
        return self._content_size + sum(int(one.nbytes) for one in held)

    def column(self, name: str) -> Any:
        with self._lock:
            return self._column(name)

    def _column(self, name: str) -> Any:
        found = self._read.get(name)
        if found is None:
            table = _guarded("parquet", lambda: self._file.read(columns=[name]))
            found = self._read[name] = _typed(name, table.column(0))
        return found

    def slice(self, start: int, count: int) -> Table:
        return self.take(pa.array(range(start, min(start + count, self.rows)), pa.uint32()))

    def take(self, indices: Any) -> Table:
        wanted: list[int] = indices.to_pylist()
        groups = sorted({self._group(index) for index in wanted})
        with self._lock:
            if len(groups) > FEW_GROUPS:
                return pa.table({name: self._column(name).take(indices) for name in COLUMNS})
            read = {group: self._group_of_rows(group) for group in groups}
        if not wanted:
            return self._file.schema_arrow.empty_table()
        starts, before = {}, 0
        for group in groups:
            starts[group], before = before, before + read[group].num_rows
        places = [
            starts[group] + index - (self._ends[group - 1] if group else 0)
            for index in wanted
            for group in (self._group(index),)
        ]
        return pa.concat_tables(read.values()).take(pa.array(places, pa.int64()))

    def _group(self, index: int) -> int:
        return next(group for group, end in enumerate(self._ends) if index < end)

    def _group_of_rows(self, group: int) -> Table:
        found = self._groups.get(group)
        if found is None:
            found = _guarded("parquet", lambda: self._file.read_row_group(group))
            self._groups[group] = found
        self._groups.move_to_end(group)
        while len(self._groups) > FEW_GROUPS:
            self._groups.popitem(last=False)
        return found


class _Parsed:
    """A CSV or JSON file; its first rows come without parsing the rest."""

    def __init__(self, extension: str, content: bytes, rows: int) -> None:
        self._extension = extension
        self._content: bytes | None = content
        self._rows = rows
        self._table: Table | None = None
        self._head: Table | None = None
        self._lock = threading.Lock()

    @property
    def rows(self) -> int:
        return self._rows

    @property
    def size(self) -> int:
        table, content = self._table, self._content
        held = len(content) if content is not None else 0
        return held + (int(table.nbytes) if table is not None else 0)

    def column(self, name: str) -> Any:
        return self._whole().column(name)

    def slice(self, start: int, count: int) -> Table:
        if self._table is None:
            head = self._beginning()
            if start + count <= head.num_rows:
                return head.slice(start, count)
        return self._whole().slice(start, count)

    def take(self, indices: Any) -> Table:
        return self._whole().take(indices)

    def _beginning(self) -> Table:
        with self._lock:
            if self._head is None:
                content = self._content
                if content is None:
                    return self._table
                self._head = _guarded(self._extension, lambda: HEADS[self._extension](content))
            return self._head

    def _whole(self) -> Table:
        with self._lock:
            if self._table is None:
                content = self._content
                found = _guarded(self._extension, lambda: TABLES[self._extension](content))
                if found.num_rows != self._rows:
                    raise Unreadable(f"has {found.num_rows} rows, not {self._rows}")
                self._table, self._content, self._head = found, None, None
            return self._table


def _csv_options() -> dict[str, Any]:
    text = pa.string()
    return {
        "parse_options": csv.ParseOptions(newlines_in_values=True),
        "convert_options": csv.ConvertOptions(
            column_types=dict.fromkeys(COLUMNS, text), strings_can_be_null=False
        ),
    }


def _csv(content: bytes) -> Table:
    return _arranged(csv.read_csv(pa.BufferReader(content), **_csv_options()))


def _csv_head(content: bytes) -> Table:
    with csv.open_csv(pa.BufferReader(content), **_csv_options()) as reader:
        batches = [reader.read_next_batch()] if content.count(b"\n", 0, 1 << 12) > 1 else []
        return _arranged(pa.Table.from_batches(batches, reader.schema))


def _json(content: bytes) -> Table:
    first = _after_head(content)
    lines = memoryview(content)[first:]
    if not len(lines):
        return _no_rows()
    return _json_lines(bytes(lines).removesuffix(b"\n]}\n"))


def _after_head(content: bytes) -> int:
    first = content.index(b"\n") + 1
    head = content[:first].removesuffix(b"\n").removesuffix(b"]}")
    if orjson.loads(head + b"]}").keys() != {"target_date", "record_count", "entries"}:
        raise Unreadable("has not the head of a day's JSON")
    return first


def _json_head(content: bytes) -> Table:
    first = _after_head(content)
    end = content.rfind(b"\n", first, first + (1 << 20))
    if end < 0 or content.endswith(b"]}\n", first, end + 1):
        return _json(content)
    return _json_lines(content[first:end].removesuffix(b","))


def _json_lines(lines: bytes) -> Table:
    # Inside a text a quote is written \" and a line break \n, so neither pattern meets a text.
    plain = NUMBER.sub(rb'"patient_id":"\1",', lines.replace(b",\n", b"\n"))
    schema = pa.schema(
        [(name, CODES if name == "service_codes" else pa.string()) for name in COLUMNS]
    )
    options = json.ParseOptions(explicit_schema=schema, unexpected_field_behavior="error")
    return _arranged(json.read_json(pa.BufferReader(plain), parse_options=options))


def _no_rows() -> Table:
    return _arranged(pa.table({name: pa.array([], pa.string()) for name in COLUMNS}))


def _arranged(table: Table) -> Table:
    """Give the columns of a day in their order and types."""
    if set(table.column_names) != set(COLUMNS):
        raise Unreadable("has not the columns of a day")
    return pa.table({name: _typed(name, table.column(name)) for name in COLUMNS})


def _typed(name: str, column: Any) -> Any:
    if name == "service_codes":
        if column.type == pa.string():
            column = pc.split_pattern(_none_if_empty(column), ",")
        return column.cast(CODES)
    if name == "date":
        return column.cast(pa.date32())
    if name not in FEW:
        return column
    if column.type == pa.string():
        column = pc.dictionary_encode(_none_if_empty(column))
    return column.unify_dictionaries()


def _none_if_empty(column: Any) -> Any:
    return pc.if_else(pc.equal(column, ""), pa.scalar(None, pa.string()), column)


TABLES: Final[dict[str, Callable[[Any], Table]]] = {"csv": _csv, "json": _json}
HEADS: Final[dict[str, Callable[[Any], Table]]] = {"csv": _csv_head, "json": _json_head}
