"""All rows of a center: the first read, and the resync after a position became void.

Rows come table by table in the order of their keys, a chunk a transaction; the checkpoint that
commits with it says where to go on. The position of that checkpoint is from before the first
row, so the changes that follow overlap with the rows and leave no gap.
"""

from __future__ import annotations

import threading
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from functools import partial
from itertools import chain
from typing import TYPE_CHECKING, Final

from producers.canonical import TRACKED
from producers.capture import heap
from producers.capture.source import resume_key
from schemas.records import SnapshotProgress

if TYPE_CHECKING:
    from producers.capture.clock import Clock
    from producers.capture.events import Events, Message
    from producers.capture.feed import Feed
    from producers.capture.gone import Gone
    from producers.capture.source import Source

__all__ = ["begin", "read"]

CHUNK_ROWS: Final = 10_000
LONGEST_TURN: Final = 2.0
TURNS: Final = threading.BoundedSemaphore(2)


def begin(source: Source, feed: Feed, reason: str, clock: Clock) -> SnapshotProgress:
    """Commit the position from which changes will follow once all rows are read."""
    progress = SnapshotProgress(
        reason=reason,
        table=TRACKED[0],
        last_id=None,
        rows_done=0,
        rows_total=source.rows_there(),
        started_at=clock.captured_at,
    )
    feed.commit([], replace(feed.at(clock), partial=True, snapshot=progress))
    return progress


def read(
    source: Source,
    feed: Feed,
    events: Events,
    progress: SnapshotProgress,
    gone: Gone | None = None,
    *,
    done: Iterable[Message] = (),
    chunk_rows: int = CHUNK_ROWS,
) -> None:
    """Publish all rows from where `progress` stands, then delete what is gone.

    What is `done` with that commits with the end of it.
    """
    begun = feed.kept(progress)
    operation = "snapshot" if progress.reason == "initial" else "resync"
    for table in TRACKED[TRACKED.index(progress.table) :]:
        after = progress.last_id if table == progress.table else None
        more = True
        while more:
            with _turn():
                with source.snapshot():
                    rows = source.chunk(table, chunk_rows, after)
                more = len(rows) == chunk_rows
                after = resume_key(rows[-1][0]) if rows else after
                progress = replace(
                    progress, table=table, last_id=after, rows_done=progress.rows_done + len(rows)
                )
                messages = (
                    message
                    for row in rows
                    for message in events.of_row(
                        table, row, operation, begun.version, begun.captured_at
                    )
                )
                feed.publish(messages, partial(feed.kept, progress))
                del rows, messages
    deletes = (
        events.withdrawn(table, key, begun.version)
        for table, keys in (gone.keys if gone else {}).items()
        for key in sorted(keys)
    )
    feed.publish(chain(deletes, done), lambda: replace(feed.kept(None), partial=False))
    heap.trim()


@contextmanager
def _turn() -> Iterator[None]:
    """Hold one of the few places for a chunk in memory, or go on without after a while.

    So thirty centers that start at once need little more memory than a few, and none waits long
    for one whose server or broker hangs.
    """
    got = TURNS.acquire(timeout=LONGEST_TURN)
    try:
        yield
    finally:
        if got:
            TURNS.release()
