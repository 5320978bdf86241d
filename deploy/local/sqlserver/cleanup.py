"""Change tracking's automatic cleanup, in a thread of its own."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable

from deploy.local.sqlserver import change_tracking
from deploy.local.sqlserver.database import Database
from deploy.local.sqlserver.errors import ConnectionDropped
from deploy.local.sqlserver.transactions import Work

_CLEANUP_SECONDS = 1800.0


class Cleanup:
    """Runs until `closing` is set."""

    def __init__(
        self, databases: Callable[[], Iterable[Database]], closing: threading.Event
    ) -> None:
        self._databases = databases
        self._closing = closing
        self._thread = threading.Thread(target=self._run, name="cleanup", daemon=True)
        self._thread.start()

    def join(self, timeout: float) -> None:
        self._thread.join(timeout)

    def _run(self) -> None:
        """Every half hour, drop the changes that are older than their database's retention."""
        while not self._closing.wait(_CLEANUP_SECONDS):
            for place in self._databases():
                if not place.offline:
                    self._clean_database(place)

    def _clean_database(self, place: Database) -> None:
        db = place.connect()
        work = Work(place, db, 0)
        try:
            tracked = db.execute("SELECT enabled AND auto_cleanup FROM ct_state").get
            if tracked:
                work.write(self._waited)
                change_tracking.cleanup(db)
                work.wrote = True
                work.commit()
        finally:
            work.rollback()
            db.close()

    def _waited(self, _seconds: float) -> None:
        if self._closing.is_set():
            raise ConnectionDropped
