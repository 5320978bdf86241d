"""Mappings, reports and differences as text for a terminal."""

from __future__ import annotations

import shutil
import textwrap
from collections.abc import Iterator, Sequence

from producers import canonical, shown
from producers.canonical import Kind
from producers.catalog import Catalog
from producers.extract import CenterDay
from producers.mapping import ColumnMapping, Mapping, TableMapping
from producers.shown import printable
from producers.validation import Finding
from schemas.records import UnifiedEntry

__all__ = [
    "ROWS",
    "aligned",
    "catalog",
    "day",
    "findings",
    "mapping",
    "names",
    "printable",
    "terminal_width",
    "unified",
    "wrapped",
]

# What the last column of a table needs beside the others; with less it goes below them.
NARROW = 36
BELOW = 10
# How many rows of a day are enough to judge names by.
ROWS = 20


def terminal_width() -> int:
    """Give the terminal's width, 0 where nobody looks at one."""
    return shutil.get_terminal_size((0, 0)).columns


def aligned(rows: Sequence[Sequence[str]], indent: str = "") -> Iterator[str]:
    """Give rows as lines with their columns aligned."""
    widths = [max(len(row[at]) for row in rows) for at in range(len(rows[0]))] if rows else []
    for row in rows:
        cells = [cell.ljust(width) for cell, width in zip(row, widths, strict=True)]
        yield (indent + "  ".join(cells)).rstrip()


def wrapped(rows: Sequence[Sequence[str]], width: int) -> Iterator[str]:
    """Give rows aligned, the last column broken to a terminal's width, 0 for as long as it is.

    Where too little of the width is left, the last column goes below.
    """
    heads = list(aligned([row[:-1] for row in rows]))
    start = max(map(len, heads), default=0) + 2
    if width and width - start < NARROW:
        start = BELOW
    for head, row in zip(heads, rows, strict=True):
        broken = textwrap.wrap(row[-1], max(1, width - start)) if width else [row[-1]]
        if len(head) + 2 <= start:
            first, *broken = broken or [""]
            yield f"{head:<{start}}{first}".rstrip()
        else:
            yield head
        yield from (" " * start + text for text in broken)


def mapping(one: Mapping, problem: str | None, width: int = 0) -> Iterator[str]:
    """Give a mapping as a table with its evidence; `problem` is why it is not approved."""
    yield printable(f"{one.center}: database {one.database}, schema {one.schema or 'open'}")
    if one.schema_rivals:
        yield f"  possible schemas: {', '.join(map(printable, one.schema_rivals))}"
    if problem is None and one.reviewed_at is not None:
        at = f"{one.reviewed_at:%Y-%m-%d %H:%M} UTC"
        yield printable(f"approved by {one.reviewed_by} at {at}")
    else:
        yield printable(_not_approved(one, problem))
    rows: list[tuple[str, ...]] = [("", "is", "type", "sure", "because")]
    for role in canonical.TABLES:
        table = one.tables[role]
        rows.append(_line(role, table, ""))
        rows += _rivals(table)
        for key in canonical.TABLES[role]:
            column = table.columns[key]
            rows.append(_line(f"  {role}.{key}", column, column.type or ""))
            rows += _rivals(column)
    yield from wrapped(rows, width)


def _not_approved(one: Mapping, problem: str | None) -> str:
    if one.reviewed:
        return f"NOT approved: {problem}"
    missing = one.missing()
    return f"NOT approved; open: {', '.join(missing)}" if missing else "NOT approved yet"


def names(one: Mapping) -> Iterator[str]:
    """Give every name with its confidence, as a person signs for them."""
    rows = [("schema", printable(one.schema or "(open)"), "")]
    for role, wanted in canonical.TABLES.items():
        table = one.tables[role]
        rows.append(_signed(role, table))
        rows += [_signed(f"{role}.{key}", table.columns[key]) for key in wanted]
    yield from aligned(rows, "  ")


def _signed(point: str, one: TableMapping | ColumnMapping) -> tuple[str, str, str]:
    label, name, _, sure, _ = _line(point, one, "")
    return label, name, sure


def _line(
    label: str, one: TableMapping | ColumnMapping, type_: str
) -> tuple[str, str, str, str, str]:
    name = "(open)" if one.name is None else printable(one.name)
    sure = "" if one.name is None else f"{one.confidence:.2f}"
    return (label, name, printable(type_), sure, printable("; ".join(one.evidence)))


def _rivals(one: TableMapping | ColumnMapping) -> list[tuple[str, ...]]:
    return [
        (
            "      rival",
            printable(rival.name),
            "",
            f"{rival.confidence:.2f}",
            printable("; ".join(rival.evidence)),
        )
        for rival in one.rivals
    ]


def catalog(one: Catalog) -> Iterator[str]:
    """Give a catalog as it is: every table with its rows, key and columns."""
    for table in one.tables:
        key = ", ".join(map(printable, table.primary_key)) or "none"
        place = f"{printable(table.schema)}.{printable(table.name)}"
        yield f"{place}  {table.rows:,} rows, primary key {key}"
        for column in table.columns:
            null = "" if column.nullable else " not null"
            yield f"    {printable(column.name)}  {printable(column.described)}{null}"


def findings(found: Sequence[Finding], width: int = 0) -> Iterator[str]:
    """Give what a validation found, errors first, broken to a terminal's width."""
    order = ["error", "warning", "info"]
    ranked = sorted(found, key=lambda finding: order.index(finding.level))
    yield from wrapped([(f"  {f.level}", f.point, printable(f.text)) for f in ranked], width)


def day(one: CenterDay, width: int = 0) -> Iterator[str]:
    """Give a day's unified rows as shapes, but for what names nobody: a text may name people.

    Lines end where the terminal does.
    """
    heads = ("patient", "status", "insurer", "codes", "entry")
    for line in aligned([heads, *map(unified, one.rows[:ROWS])], "  "):
        yield line[: width or None]
    if len(one.rows) > ROWS:
        yield f"  … and {len(one.rows) - ROWS:,} more"


def unified(row: UnifiedEntry) -> tuple[str, str, str, str, str]:
    """Give a unified row's patient, status, insurer, codes and entry as they may be shown."""
    patient, *_ = shown.values(Kind.ID, [row.patient_id])
    return (
        patient,
        str(row.insurance_status),
        shown.insurer(row.insurance_name or ""),
        ",".join(shown.values(Kind.CODE, row.service_codes)),
        shown.masked(row.chart_entry),
    )
