"""Which centers have events in the topics, so that a center's first start finds it has none.

A partition is shared by many centers. It is read once for all of them in a process, and after
that only what is new: thirty centers that start at once don't read it thirty times.
"""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

from producers.capture.events import TABLES

if TYPE_CHECKING:
    from producers.capture.readback import Readback

__all__ = ["Census"]


class Census:
    """Knows the centers of each partition, as far as it was read; shared by all threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._partitions: dict[int, _Partition] = {}

    def has(self, center_id: str, readback: Readback) -> bool:
        """Tell whether an event of the center is, or was, below the ends of the topics now."""
        with self._lock:
            partition = self._partitions.setdefault(readback.partition, _Partition())
        return partition.has(center_id.encode(), readback)


class _Partition:
    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._centers: set[bytes] = set()
        self._read_to: dict[str, int] = {}

    def has(self, center: bytes, readback: Readback) -> bool:
        with self._lock:
            for topic, _ in TABLES.values():
                # The ends are taken anew for each center: it has just fenced its older writer.
                low, high = readback.bounds(topic)
                known = self._read_to.get(topic.name, low)
                start = known if low <= known <= high else low
                for message in readback.messages(topic, start, high):
                    self._centers.add((message.key() or b"").partition(b"/")[0])
                self._read_to[topic.name] = high
            return center in self._centers
