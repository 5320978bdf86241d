"""What is known of the centers now, asked for once and shown to everybody."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final, Self

import structlog

from chartfeed import status, stream_group
from producers.capture.overview import Known, Overview
from schemas.errors import Outside, RetryLater

if TYPE_CHECKING:
    from chartfeed.settings import Settings
    from chartfeed.stream_group import Stream
    from producers.capture.view import View

__all__ = ["Live", "Now", "Reader", "Source"]

SECONDS: Final = 1.0

log = structlog.get_logger("chartfeed.console")


@dataclass(frozen=True, slots=True)
class Now:
    """One look at everything; `number` grows with each."""

    number: int = 0
    at: datetime | None = None
    views: tuple[View, ...] = ()
    known: Mapping[str, Known] = field(default_factory=dict)
    stream: Stream | None = None
    problem: str | None = None
    """Why this look gave nothing new, and all of it is from the last one."""


@dataclass(frozen=True, slots=True)
class Read:
    views: tuple[View, ...]
    known: Mapping[str, Known]
    stream: Stream


Source = Callable[[], Read]


class Reader:
    """Asks the topics, as `chartfeed status` does; for one thread."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        registry = settings.registry.client()
        self._overview = Overview(
            settings.kafka.client,
            settings.kafka.topics.partitions,
            registry.schema,
            [center.id for center in settings.centers],
        )
        self._is_open = False

    def __call__(self) -> Read:
        if not self._is_open:
            self._overview.__enter__()
            self._is_open = True
        known = self._overview.read()
        views = status.views(self._settings, self._settings.centers, known)
        return Read(tuple(views), known, stream_group.look(self._settings.kafka.client))

    def close(self) -> None:
        self._overview.__exit__()


class Live:
    """Looks every second from its own thread; a broker that is gone is told, and waited for."""

    def __init__(self, source: Source, seconds: float = SECONDS) -> None:
        self._source = source
        self._seconds = seconds
        self._stop = threading.Event()
        self._changed = threading.Condition()
        self._now = Now()
        self._thread: threading.Thread | None = None

    def __enter__(self) -> Self:
        self._thread = threading.Thread(target=self._run, name="live", daemon=True)
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        if self._thread is not None:
            self._thread.join()

    @property
    def now(self) -> Now:
        return self._now

    def after(self, number: int, seconds: float) -> Now:
        """Wait for a look that is newer than one, at most so long; give the newest."""
        with self._changed:
            self._changed.wait_for(lambda: self._now.number > number, seconds)
            return self._now

    def look(self) -> None:
        """Look once."""
        before = self._now
        try:
            read = self._source()
            found = Now(before.number + 1, datetime.now(UTC), read.views, read.known, read.stream)
        except (RetryLater, Outside) as error:
            found = Now(
                before.number + 1,
                before.at,
                before.views,
                before.known,
                before.stream,
                error.message,
            )
        with self._changed:
            self._now = found
            self._changed.notify_all()

    def _run(self) -> None:
        while not self._stop.is_set():
            self.look()
            self._stop.wait(self._seconds)
