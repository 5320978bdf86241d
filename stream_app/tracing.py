"""Traces of source transactions, taken up where a producer left them: from checkpoint to file.

What follows a trace here is off the way of records: checkpoints alone are looked at for headers,
unified rows get one only while a trace is under way, and without a tracer nothing is looked at.
"""

from __future__ import annotations

import threading
import time
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING, Any, Final

from schemas import topics
from schemas.tracing import Context, contexts

if TYPE_CHECKING:
    from schemas.tracing import Tracer
    from stream_app.batches import Batch
    from stream_app.transport.fetched import Fetched

__all__ = ["Files", "Join", "Marks", "Traces"]

MOST: Final = 1000
"""Traces that wait; others are let go, for a collector is not worth a worker's memory."""
CHECKPOINTS: Final = topics.CHECKPOINTS.name

Marks = Mapping[bytes, list[tuple[str, str | bytes | None]]]
"""By center, the headers of its unified rows."""
Clock = Callable[[], int]


class Join:
    """Follows the traces of one lane; for its thread alone."""

    def __init__(self, tracer: Tracer, partition: int, clock: Clock = time.time_ns) -> None:
        self._tracer = tracer
        self._partition = partition
        self._clock = clock
        self._waiting: list[tuple[bytes, Context]] = []
        self._joined: list[tuple[bytes, Context]] = []

    def read(self, batches: Iterable[Batch]) -> None:
        """Take up the traces of the checkpoints that were read."""
        for batch in batches:
            if batch.topic == CHECKPOINTS:
                for record in batch.records:
                    self._waiting += [
                        (record.key or b"", found) for found in contexts(_headers(record))
                    ]
        del self._waiting[MOST:]

    def took(self, checkpoints: int, began: int) -> None:
        """Hear of a take that began then, and how many checkpoints it applied."""
        if checkpoints:
            self._joined += self._told("join", self._waiting, began)
            self._waiting = []
            del self._joined[MOST:]

    def marks(self) -> Marks:
        """Give what the rows of a parcel carry of the traces that are joined."""
        found: dict[bytes, list[tuple[str, str | bytes | None]]] = defaultdict(list)
        for center, context in self._joined:
            found[center].append(context.header())
        return found

    def sent(self, began: int) -> None:
        """Hear that all that was joined is published."""
        self._told("publish", self._joined, began)
        self._joined = []

    def _told(
        self, name: str, parents: list[tuple[bytes, Context]], began: int
    ) -> list[tuple[bytes, Context]]:
        made = []
        for center, parent in parents:
            span = self._tracer.start(
                name, parent, began, center=center.decode(), partition=self._partition
            )
            if span is not None:
                span.end(self._clock())
                made.append((center, span.context))
        return made


class Files:
    """Follows traces from unified rows to the writing of their days; for any thread."""

    def __init__(self, tracer: Tracer, clock: Clock = time.time_ns) -> None:
        self._tracer = tracer
        self._clock = clock
        self._lock = threading.Lock()
        self._waiting: dict[date, dict[Context, int]] = defaultdict(dict)

    def read(self, fetched: Iterable[Fetched]) -> None:
        """Take up the traces of the rows that were read, before they are taken in."""
        now = self._clock()
        for batch in fetched:
            for record in batch.records:
                headers = _headers(record)
                if headers and record.key is not None:
                    self._note(record.key, headers, now)

    def _note(self, key: bytes, headers: Iterable[tuple[str, bytes | None]], now: int) -> None:
        try:
            day = date.fromisoformat(key.partition(b"/")[0].decode())
        except ValueError:
            return  # It is no key of a unified row, and a dead letter elsewhere.
        with self._lock:
            waiting = self._waiting[day]
            for found in contexts(headers):
                if len(waiting) < MOST:
                    waiting.setdefault(found, now)

    def written(self, day: date) -> None:
        """Hear that a day's files are written."""
        with self._lock:
            waiting = self._waiting.pop(day, {})
        for parent, began in waiting.items():
            span = self._tracer.start("file", parent, began, day=day.isoformat())
            if span is not None:
                span.end(self._clock())


@dataclass(frozen=True, slots=True)
class Traces:
    """What a worker that is traced has."""

    tracer: Tracer
    files: Files


def _headers(record: Any) -> Any:
    return getattr(record, "headers", None) or ()
