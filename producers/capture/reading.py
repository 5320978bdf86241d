"""One read of a center's changes: all four tables in one SNAPSHOT transaction."""

from __future__ import annotations

import heapq
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from contextlib import closing as closed
from typing import TYPE_CHECKING, Any

from producers.canonical import TRACKED
from producers.capture.spool import Spool

if TYPE_CHECKING:
    from producers.capture.clock import Clock
    from producers.capture.source import Source

__all__ = ["Changes", "changes"]

Row = Sequence[Any]
Changes = Iterator[tuple[str, Row]]


@contextmanager
def changes(source: Source, since: int) -> Iterator[tuple[Clock, Changes]]:
    """Give the clock of one snapshot, and each table and change from `since` up to it, in order.

    Everything is read when this returns, and nothing is published before (an open Kafka
    transaction holds up others).
    """
    with ExitStack() as stack:
        spools = {table: stack.enter_context(closed(Spool())) for table in TRACKED}
        clock, batches = source.read(since)
        for table, batch in batches:
            spools[table].add(batch)
        named = [_named(table, spool) for table, spool in spools.items()]
        yield clock, heapq.merge(*named, key=_order)


def _named(table: str, spool: Spool) -> Changes:
    return ((table, row) for row in spool)


def _order(item: tuple[str, Row]) -> tuple[int, str]:
    _, row = item
    return row[0], row[1]
