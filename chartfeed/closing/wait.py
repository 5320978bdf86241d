"""Waiting until a day is complete: woken by the join's Progress, and by nothing else in between.

Of files nobody tells; they are looked at again every few seconds, which is how often workers write
the manifests of open days.
"""

from __future__ import annotations

import sys
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime
from typing import TYPE_CHECKING, Final

from chartfeed import logs
from schemas.errors import RetryLater
from schemas.records import Progress
from stream_app.closing.completion import Missing
from stream_app.sink.completeness import Claims, KnownCenter
from stream_app.sink.watcher import Watcher

if TYPE_CHECKING:
    from chartfeed.settings import Settings
    from stream_app.files.manifest import CenterLine, Manifest

__all__ = ["Live", "live", "wait"]

LOAD_SECONDS: Final = 10.0
LOOK_EVERY: Final = 5.0


class _Telling(Claims):
    """Claims that tell when a center passes the moment that is due for it."""

    def __init__(
        self,
        centers: Iterable[KnownCenter],
        due: Mapping[str, datetime],
        passed: threading.Event,
    ) -> None:
        super().__init__(centers)
        self._due = dict(due)
        self._passed = passed

    def applied(self, progress: Progress, now: datetime) -> None:
        super().applied(progress, now)
        due = self._due.get(progress.center_id)
        if due is not None and not progress.partial and progress.captured_at >= due:
            del self._due[progress.center_id]
            self._passed.set()


class Live:
    """Brings a manifest's lines up to now, as far as Kafka answers."""

    def __init__(self, watcher: Watcher, passed: threading.Event) -> None:
        self._watcher = watcher
        self.passed = passed

    def lines(self, manifest: Manifest) -> tuple[CenterLine, ...]:
        if self._watcher.loaded.is_set():
            return self._watcher.renewed(manifest)
        return manifest.centers

    @property
    def is_known(self) -> bool:
        return self._watcher.loaded.is_set() and self._watcher.trouble is None


@contextmanager
def live(settings: Settings, due: Mapping[str, datetime]) -> Iterator[Live]:
    """Follow what the join applies; `due` has the moments that centers have to pass."""
    # What fails is told in a line of our own.
    logs.configure(sys.stderr, level="error")
    passed = threading.Event()
    known = [KnownCenter(center.id, center.name, center.enabled) for center in settings.centers]
    watcher = Watcher(
        settings.kafka.client,
        settings.kafka.topics.partitions,
        _Telling(known, due, passed),
        settings.registry.client().schema,
    )
    watcher.start()
    try:
        watcher.wait_loaded(LOAD_SECONDS)
        yield Live(watcher, passed)
    finally:
        watcher.close()


def wait(
    look: Callable[[], tuple[Missing, ...]],
    passed: threading.Event,
    seconds: float,
    clock: Callable[[], float],
    tell: Callable[[tuple[Missing, ...]], None],
) -> tuple[Missing, ...]:
    """Look until nothing is missing or the time is over; gives what is missing then.

    `tell` hears what is waited for, when it begins and whenever that changes.
    """
    deadline = clock() + seconds
    told: set[tuple[str, str]] = set()
    while True:
        passed.clear()
        left = deadline - clock()
        try:
            found = look()
        except RetryLater:
            # The output is away for a moment, or until the end.
            if left <= 0:
                raise
        else:
            if not found or left <= 0:
                return found
            words = {(one.center_id, one.reason) for one in found}
            if words != told:
                told = words
                tell(found)
        passed.wait(min(LOOK_EVERY, max(left, 0.0)))
