"""Reading all rows of a center anew, once nobody need be asked, or somebody has agreed."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import structlog

from producers.capture import commands, snapshot
from producers.capture.errors import Leaving, NeedsConfirmation
from producers.capture.gone import Gone, compare
from producers.capture.status import after_failure

if TYPE_CHECKING:
    import threading

    from producers.capture.clock import Clock
    from producers.capture.events import Events
    from producers.capture.feed import Feed
    from producers.capture.job import Job
    from producers.capture.source import Source
    from producers.rows import Rules
    from schemas.records import Command, SnapshotProgress

__all__ = ["Resync", "Trials"]

CONFIRMATION_SECONDS: Final = 0.5

log = structlog.get_logger("chartfeed.capture")


class Trials:
    """Tells of a center's resync once, however often it is tried until it begins."""

    def __init__(self, center_id: str) -> None:
        self._center = center_id
        self._told: tuple[str, str | None] | None = None

    def tell(self, why: str, table: str | None) -> None:
        if self._told != (why, table):
            self._told = why, table
            log.warning("resync", center=self._center, why=why, table=table)

    def begun(self) -> None:
        self._told = None


@dataclass(frozen=True, slots=True)
class Resync:
    """A run's way to read everything again."""

    job: Job
    source: Source
    feed: Feed
    events: Events
    rules: Rules
    trials: Trials
    stop: threading.Event
    require_approval: Callable[[], None]

    def asked(self) -> Command | None:
        """Give the resync that an operator asks for, None where nobody does."""
        command = self.job.command()
        return command if command is not None and command.action == "resync" else None

    def begin(self, why: str, table: str | None, clock: Clock, *, once: bool) -> None:
        """Read all rows anew and delete what is gone, or wait for somebody's word and do nothing.

        With `once` nobody is waited for: it raises NeedsConfirmation.
        """
        self.trials.tell(why, table)
        gone = self._agreed(why, once=once)
        if gone is not None:
            progress = snapshot.begin(self.source, self.feed, "resync", clock)
            self.trials.begun()
            self._read(gone, progress, clock)

    def go_on(self, progress: SnapshotProgress, clock: Clock, *, once: bool) -> None:
        """Go on with a resync that was interrupted; what is gone is looked at afresh."""
        gone = self._agreed("it was interrupted", once=once)
        if gone is not None:
            self._read(gone, progress, clock)

    def _read(self, gone: Gone, progress: SnapshotProgress, clock: Clock) -> None:
        # The command stands until the end, so that being killed on the way takes nothing away.
        asked = self.asked()
        done = () if asked is None else (commands.done(asked, clock.version or 0),)
        snapshot.read(self.source, self.feed, self.events, progress, gone, done=done)

    def _agreed(self, why: str, *, once: bool) -> Gone | None:
        """Give what is gone if it may be deleted; None after waiting for somebody's word."""
        gone = compare(
            self.source, self.feed.readback, self.events, self.rules, self.feed.withdrawn
        )
        beyond = gone.beyond(self.job.guard)
        return gone if beyond is None or self._is_confirmed(why, beyond, once=once) else None

    def _is_confirmed(self, why: str, beyond: str, *, once: bool) -> bool:
        """Tell whether a person has confirmed already; otherwise wait until one does.

        After the wait the source is another one: what is gone must be looked at again.
        """
        center = self.job.center_id
        asking = NeedsConfirmation(
            f"{center}: {why}; a resync would delete {beyond}",
            hint=f"chartfeed resync {center} --confirm",
            center=center,
        )
        if commands.is_confirmed(self.job.command()):
            return True
        if once:
            raise asking
        log.error("waiting for confirmation", center=center, detail=str(asking))
        self.job.update(lambda found: after_failure(found, asking))
        was_asked = self.asked()
        while self.asked() == was_asked:
            if self.stop.wait(CONFIRMATION_SECONDS):
                raise Leaving
            self.require_approval()
        return False
