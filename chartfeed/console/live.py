"""What is known of the centers now, asked for once and shown to everybody."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final, Self

import structlog

from chartfeed.console.history import SLOT, History
from schemas.errors import ChartfeedError

if TYPE_CHECKING:
    from datetime import date

    from chartfeed.console.progress import Applied
    from chartfeed.stream_group import Stream
    from producers.capture.overview import Known
    from producers.capture.view import View

__all__ = ["Live", "Now", "Read", "Source"]

SECONDS: Final = 1.0

log = structlog.get_logger("chartfeed.console")


@dataclass(frozen=True, slots=True)
class Read:
    """What one look at everything gave."""

    views: tuple[View, ...]
    known: Mapping[str, Known]
    stream: Stream | None
    applied: tuple[Applied, ...] = ()
    today: date | None = None
    rows: Mapping[str, int] | None = None
    """Today's rows of each center; None where there are no files to look at."""


Source = Callable[[], Read]


@dataclass(frozen=True, slots=True)
class Now:
    """The newest look; `number` grows with each."""

    number: int = 0
    at: datetime | None = None
    read: Read = field(default_factory=lambda: Read((), {}, None))
    rates: Mapping[str, float] = field(default_factory=dict)
    problem: str | None = None
    """Why the last look gave nothing, and all of this is from the one before."""

    @property
    def views(self) -> tuple[View, ...]:
        return self.read.views

    def view(self, center_id: str) -> View | None:
        return next((one for one in self.read.views if one.center_id == center_id), None)


class Live:
    """Looks every second from its own thread; a broker that is gone is told, and waited for."""

    def __init__(self, source: Source, history: History, seconds: float = SECONDS) -> None:
        self._source = source
        self.history = history
        self._seconds = seconds
        self._stop = threading.Event()
        self._lock = threading.Lock()
        self._listeners: set[Callable[[], object]] = set()
        self._now = Now()
        self._thread: threading.Thread | None = None

    def __enter__(self) -> Self:
        self._stop.clear()
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

    @contextmanager
    def heard_by(self, listener: Callable[[], object]) -> Iterator[None]:
        """Call a function after every look while inside; it must not wait for anything."""
        with self._lock:
            self._listeners.add(listener)
        try:
            yield
        finally:
            with self._lock:
                self._listeners.discard(listener)

    def after(self, number: int, seconds: float) -> Now:
        """Wait for a look that is newer than one, at most so long; give the newest."""
        newer = threading.Event()

        def hear() -> None:
            if self._now.number > number:
                newer.set()

        with self.heard_by(hear):
            hear()
            newer.wait(seconds)
        return self._now

    def look(self) -> None:
        """Look once."""
        before = self._now
        at = datetime.now(UTC)
        try:
            read = self._source()
        except ChartfeedError as error:
            self._now = replace(before, number=before.number + 1, problem=error.message)
        except Exception as error:
            log.exception("a look failed")
            self._now = replace(before, number=before.number + 1, problem=type(error).__name__)
        else:
            for one in read.applied:
                if one.at < at.timestamp() + SLOT:  # Else by a clock that is ahead.
                    self.history.applied(one.center_id, one.at, one.seconds)
            self.history.saw(at.timestamp(), read.views)
            rates = self.history.rates(at.timestamp())
            self._now = Now(before.number + 1, at, read, rates)
        with self._lock:
            listeners = tuple(self._listeners)
        for listener in listeners:
            listener()

    def _run(self) -> None:
        while not self._stop.is_set():
            self.look()
            self._stop.wait(self._seconds)
