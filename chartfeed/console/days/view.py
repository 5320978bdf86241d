"""What of a day's rows is shown: filtered, searched, sorted, one page; pure, on Arrow columns."""

from __future__ import annotations

import unicodedata
from collections import OrderedDict
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from functools import reduce
from typing import Any, Final

import pyarrow as pa
import pyarrow.compute as pc

from chartfeed.console.days.columns import Columns
from stream_app.files.reading import FileRow

__all__ = ["PAGE_ROWS", "SORTS", "Page", "Selections", "Wanted", "page"]

PAGE_ROWS: Final = 50
# So many answers to the last filters are kept, four bytes a row each.
KEPT: Final = 4


@dataclass(frozen=True, slots=True)
class Wanted:
    """What a reader asks for; an empty text asks for nothing in particular.

    `text` and `patient` are about persons: they never stand in an address or a log.
    """

    center: str = ""
    status: str = ""
    insurance: str = ""
    code: str = ""
    patient: str = field(default="", repr=False)
    text: str = field(default="", repr=False)
    sort: str = ""
    descending: bool = False
    number: int = 1

    @property
    def is_all(self) -> bool:
        """Tell whether nothing is filtered out."""
        return not any(
            (self.center, self.status, self.insurance, self.code, self.patient, self.text)
        )

    @property
    def is_as_filed(self) -> bool:
        """Tell whether it is all rows in the order of the file."""
        return self.is_all and not self.sort


@dataclass(frozen=True, slots=True)
class Page:
    """Rows of a page, with where they stand among all that were wanted."""

    rows: tuple[FileRow, ...]
    total: int
    number: int
    pages: int

    @property
    def first(self) -> int:
        """Give the place of the first row shown, counted from one; 0 without rows."""
        return (self.number - 1) * PAGE_ROWS + 1 if self.rows else 0

    @property
    def last(self) -> int:
        return self.first + len(self.rows) - 1 if self.rows else 0


class Selections:
    """The rows that the last questions asked for, as indices; for one thread at a time."""

    def __init__(self) -> None:
        self._kept: OrderedDict[Wanted, Any] = OrderedDict()

    @property
    def size(self) -> int:
        return sum(int(one.nbytes) for one in list(self._kept.values()))

    def of(self, columns: Columns, wanted: Wanted) -> Any:
        """Give the indices of all rows wanted, in order."""
        asked = replace(wanted, number=1)
        found = self._kept.get(asked)
        if found is None:
            found = self._kept[asked] = _selected(columns, wanted)
            while len(self._kept) > KEPT:
                self._kept.popitem(last=False)
        self._kept.move_to_end(asked)
        return found


def page(columns: Columns, wanted: Wanted, selections: Selections) -> Page:
    """Give a page of what is wanted; the last one where there are fewer pages."""
    chosen = None if wanted.is_as_filed else selections.of(columns, wanted)
    total = columns.rows if chosen is None else len(chosen)
    pages = max(1, -(-total // PAGE_ROWS))
    number = min(max(1, wanted.number), pages)
    start = (number - 1) * PAGE_ROWS
    count = min(PAGE_ROWS, total - start)
    if chosen is None:
        table = columns.slice(start, count)
    else:
        table = columns.take(chosen.slice(start, count))
    return Page(tuple(_rows(table)), total, number, pages)


def _rows(table: Any) -> Iterator[FileRow]:
    for values in zip(*(column.to_pylist() for column in table.columns), strict=True):
        center, name, day, patient, status, insurance, text, codes = values
        yield FileRow(center, name, day, patient, status, insurance, text, tuple(codes or ()))


def _selected(columns: Columns, wanted: Wanted) -> Any:
    """Give the indices of the rows wanted; None for all of them as they are."""
    chosen = _chosen(columns, wanted)
    if not wanted.sort:
        return chosen
    keys = SORTS[wanted.sort](columns)
    if chosen is not None:
        keys = [key.take(chosen) for key in keys]
    order = _order(keys, descending=wanted.descending)
    return order.cast(pa.uint32()) if chosen is None else chosen.take(order)


def _chosen(columns: Columns, wanted: Wanted) -> Any:
    masks = list(_masks(columns, wanted))
    mask = reduce(pc.and_, masks) if masks else None
    if wanted.code:
        having = _with_code(columns.column("service_codes"), wanted.code)
        return having if mask is None else having.filter(mask.take(having))
    if mask is None:
        return None
    chosen = pc.indices_nonzero(mask).cast(pa.uint32())
    return chosen.combine_chunks() if isinstance(chosen, pa.ChunkedArray) else chosen


def _order(keys: list[Any], *, descending: bool) -> Any:
    names = [str(number) for number in range(len(keys))]
    way = "descending" if descending else "ascending"
    return pc.sort_indices(
        pa.table(keys, names=names),
        sort_keys=[(name, way, "at_start" if descending else "at_end") for name in names],
    )


def _masks(columns: Columns, wanted: Wanted) -> Iterator[Any]:
    for name, value in (
        ("center_id", wanted.center),
        ("insurance_status", wanted.status),
        ("insurance_name", wanted.insurance),
        ("patient_id", wanted.patient),
    ):
        if value:
            yield pc.fill_null(pc.equal(columns.column(name), value), fill_value=False)
    if wanted.text:
        yield pc.match_substring(columns.column("chart_entry"), wanted.text, ignore_case=True)


def _with_code(codes: Any, code: str) -> Any:
    """Give the indices of the rows that have the code, compared exactly."""
    found, before = [pa.array([], pa.uint32())], 0
    for chunk in codes.chunks:
        having = pc.list_parent_indices(chunk).filter(pc.equal(pc.list_flatten(chunk), code))
        if len(having):
            # A row has a code once, if it is of ours; of others' rows none is shown twice either.
            is_new = pc.not_equal(pc.pairwise_diff(having), 0).fill_null(fill_value=True)
            found.append(pc.add(having.filter(is_new), before).cast(pa.uint32()))
        before += len(chunk)
    return pa.concat_arrays(found)


def _ranked(name: str) -> Callable[[Columns], list[Any]]:
    """Sort few values by how people read them: their ranks, for each row."""

    def keys(columns: Columns) -> list[Any]:
        column = columns.column(name)
        if not column.num_chunks:
            return [pa.chunked_array([], pa.int32())]
        values = column.chunk(0).dictionary.to_pylist()
        order = sorted(range(len(values)), key=lambda at: _readable(values[at]))
        ranks = [0] * len(values)
        for rank, at in enumerate(order):
            ranks[at] = rank
        known = pa.array(ranks, pa.int32())
        return [pa.chunked_array([known.take(chunk.indices) for chunk in column.chunks])]

    return keys


def _readable(text: str) -> tuple[str, str]:
    """Give what texts are sorted by: Ä beside A, capitals beside small letters."""
    plain = unicodedata.normalize("NFKD", text.casefold())
    return "".join(one for one in plain if not unicodedata.combining(one)), text


def _patients(columns: Columns) -> list[Any]:
    """Sort numbers by value and before texts, as everywhere."""
    ids = columns.column("patient_id")
    is_number = pc.match_substring_regex(ids, r"^-?\d{1,18}$")
    numbers = pc.if_else(is_number, ids, pa.scalar(None, pa.string())).cast(pa.int64())
    return [numbers, ids]


def _texts(columns: Columns) -> list[Any]:
    return [columns.column("chart_entry")]


def _codes(columns: Columns) -> list[Any]:
    return [pc.binary_join(columns.column("service_codes"), ",")]


SORTS: Final[dict[str, Callable[[Columns], list[Any]]]] = {
    "center": _ranked("center_id"),
    "patient": _patients,
    "status": _ranked("insurance_status"),
    "insurance": _ranked("insurance_name"),
    "text": _texts,
    "codes": _codes,
}
