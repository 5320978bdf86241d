"""Batches that wait for a thread, in order and counted."""

from __future__ import annotations

import threading
from collections import deque

from stream_app.transport.fetched import Fetched

__all__ = ["Inbox"]


class Inbox:
    """A queue between the event loop, which never waits, and one thread, which does."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._batches: deque[Fetched] = deque()
        self._changed = threading.Condition()
        self._records = 0
        self._closed = False

    @property
    def full(self) -> bool:
        """Tell whether the fetch had better be held back."""
        return self._records > self._most

    @property
    def closed(self) -> bool:
        return self._closed

    def put(self, batch: Fetched) -> None:
        """Add a batch; what comes after the end is left to whoever reads it next."""
        with self._changed:
            if self._closed:
                return
            self._batches.append(batch)
            self._records += len(batch.records)
            self._changed.notify()

    def close(self) -> None:
        """Wake the thread: there is nothing more to do, and what waits is let go."""
        with self._changed:
            self._closed = True
            self._batches.clear()
            self._records = 0
            self._changed.notify_all()

    def wait_closed(self, seconds: float) -> bool:
        """Wait, but not longer than until it is closed; tell whether it is."""
        with self._changed:
            return self._changed.wait_for(lambda: self._closed, seconds)

    def take(self, seconds: float) -> list[Fetched]:
        """Wait for batches and give all there are up to the most that is good at once."""
        with self._changed:
            self._changed.wait_for(lambda: self._batches or self._closed, seconds)
            found: list[Fetched] = []
            count = 0
            while self._batches and count < self._most:
                found.append(self._batches.popleft())
                count += len(found[-1].records)
            self._records -= count
            return found
