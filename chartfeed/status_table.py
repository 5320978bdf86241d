"""`chartfeed status` as a person reads it, in as much room as there is. No I/O."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING, Final

from rich.cells import cell_len
from rich.console import Group
from rich.table import Table
from rich.text import Text

from chartfeed.amounts import amount

if TYPE_CHECKING:
    from chartfeed.stream_group import Stream
    from producers.capture.view import View

__all__ = ["shown"]

GOOD: Final = frozenset({"streaming", "snapshot", "resync", "starting"})
GAP: Final = 2
# A remark that has less room beside its center stands below.
REMARK: Final = 30
# More centers that say the same than this are counted.
MANY: Final = 3
TIME: Final = re.compile(r"\d{4}-\d\d-\d\dT[\d:.]+Z")


def shown(views: Sequence[View], stream: Stream, width: int, problem: str | None = None) -> Group:
    """Give a table for a width, and below it what is to be done, then a line on the stream.

    Columns that don't fit are left out, none is cut.
    """
    cells = {name: [show(one) for one in views] for name, show in COLUMNS.items()}
    widths = {name: GAP + max(map(cell_len, (name, *found))) for name, found in cells.items()}
    kept = list(COLUMNS)
    for name in EXPENDABLE:
        if sum(widths[one] for one in kept) <= width + GAP:
            break
        kept.remove(name)
    beside = width - sum(widths[name] for name in kept) >= REMARK
    table = Table(box=None, pad_edge=False, padding=(0, GAP, 0, 0))
    for name in kept:
        is_word = name in {"center", "state"}
        table.add_column(name, justify="left" if is_word else "right", overflow="fold")
    if beside:
        table.add_column("", overflow="fold")
    for at, one in enumerate(views):
        row = [Text(cells[name][at], _colour(one) if name == "state" else "") for name in kept]
        table.add_row(*row, *[Text(_remark(one))] * beside)
    workers, behind = amount(stream.workers, "worker"), amount(stream.lag_events, "event")
    caption = f"stream: {workers}, {behind} behind"
    below = map(Text, _below(views, remarks=not beside))
    return Group(table, *below, Text(problem or caption, "dim italic"))


def _below(views: Sequence[View], *, remarks: bool) -> Iterator[str]:
    """Give a line for each center that has something to say, or one for many that say the same."""
    found: dict[str, list[tuple[str, str]]] = {}
    for one in views:
        parts = [_remark(one)] if remarks else []
        if one.next_command and one.needs_somebody:
            parts.append(f"next: {one.next_command}")
        text = "; ".join(filter(None, parts))
        if text:
            alike = TIME.sub("", text.replace(one.center_id, ""))
            found.setdefault(alike, []).append((one.center_id, text))
    for same in found.values():
        if len(same) > MANY:
            center, text = same[0]
            yield f"{amount(len(same), 'center')} such as {center}: {text}"
        else:
            yield from (f"{center}: {text}" for center, text in same)


def _colour(one: View) -> str:
    return "green" if one.state in GOOD else "red" if one.needs_somebody else "yellow"


def _remark(one: View) -> str:
    if one.snapshot is None or one.state not in {"snapshot", "resync"}:
        return one.detail or ""
    done, total = one.snapshot.rows_done, max(one.snapshot.rows_total, one.snapshot.rows_done, 1)
    return f"{one.snapshot.table}: {done:,} of {total:,} rows ({100 * done // total} %)"


def _last_event(one: View) -> str:
    return "" if one.last_event_at is None else f"{one.last_event_at:%m-%d %H:%M:%S}Z"


def _number(value: int | None) -> str:
    return "" if value is None else f"{value:,}"


def _span(seconds: float | None) -> str:
    """Say a length of time as a person would: 0.2 s, 3 min, 47 h."""
    if seconds is None:
        return ""
    if seconds < 100:
        return f"{seconds:.1f} s"
    if seconds < 6000:
        return f"{seconds / 60:.0f} min"
    return f"{seconds / 3600:.0f} h"


COLUMNS: Final[dict[str, Callable[[View], str]]] = {
    "center": lambda one: one.center_id,
    "state": lambda one: one.state,
    "version": lambda one: "" if one.version is None else str(one.version),
    "behind": lambda one: _number(one.lag_versions),
    "lag": lambda one: _span(one.lag_seconds),
    "last event": _last_event,
    "events": lambda one: _number(one.events_total),
    "dead": lambda one: _number(one.dead_letters),
    "left": lambda one: _span(one.retention_headroom_seconds),
    "restarts": lambda one: _number(one.restarts),
}
# What is left out where there is no room, in this order.
EXPENDABLE: Final = ("restarts", "last event", "events", "version", "behind", "dead", "left", "lag")
