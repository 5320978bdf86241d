"""The sessions of an instance: who is logged in, and who is made to leave."""

from __future__ import annotations

import itertools
import threading
import time
from typing import TYPE_CHECKING

from deploy.local.sqlserver.errors import SqlError

if TYPE_CHECKING:
    from deploy.local.sqlserver.database import Database
    from deploy.local.sqlserver.engine_session import Session

_LEAVING_SECONDS = 1.0
_FIRST_SPID = 51


class Sessions:
    def __init__(self) -> None:
        self._guard = threading.Condition(threading.RLock())
        self._sessions: dict[int, Session] = {}
        self._logins: dict[int, float] = {}
        self._homes: dict[int, str] = {}
        self._spids = itertools.count(_FIRST_SPID)

    def next_spid(self) -> int:
        with self._guard:
            return next(self._spids)

    def add(self, session: Session, home: Database) -> None:
        with self._guard:
            self._sessions[session.spid] = session
            self._logins[session.spid] = time.time()
            self._homes[session.spid] = home.name

    def home_of(self, session: Session) -> str:
        """Return the name of the database that the login asked for."""
        return self._homes[session.spid]

    def drop_all(self) -> None:
        """Drop each session at its next statement."""
        with self._guard:
            sessions = list(self._sessions.values())
        for session in sessions:
            session.killed = True

    def forget(self, session: Session) -> None:
        with self._guard:
            self._sessions.pop(session.spid, None)
            self._logins.pop(session.spid, None)
            self._homes.pop(session.spid, None)
            self._guard.notify_all()

    def listed(self) -> list[dict[str, object]]:
        with self._guard:
            return [
                {
                    "session_id": spid,
                    "login_time": self._logins[spid],
                    "host_name": None,
                    "program_name": None,
                    "login_name": session.login,
                    "status": "sleeping" if session.work.idle else "running",
                    "database_id": session.place.database_id,
                    "open_transaction_count": session.trancount,
                }
                for spid, session in sorted(self._sessions.items())
            ]

    def kill(self, own: Session, spid: int) -> None:
        """End another session: what it has open is rolled back, its next statement drops it."""
        own.require_sysadmin("KILL")
        if spid == own.spid:
            raise SqlError(6104, "Cannot use KILL to kill your own process.")
        with self._guard:
            session = self._sessions.get(spid)
        if session is None:
            raise SqlError(6106, f"Process ID {spid} is not an active process ID.")
        self._end(session)

    @staticmethod
    def _end(session: Session) -> None:
        session.killed = True
        with session.place.turn:
            if session.work.idle or session.work.aside:
                session.work.rollback()
            session.place.turn.notify_all()

    def end_in(self, place: Database, *, besides: Session) -> None:
        """End every other session that is in a database, and wait until none writes there."""
        with self._guard:
            others = [each for each in self._sessions.values() if each is not besides]
        for session in others:
            if session.place is place:
                self._end(session)

    def in_use(self, place: Database, own: Session) -> bool:
        """Whether other sessions stay in a database; one that is about to leave may do so."""

        def free() -> bool:
            own.check()
            return not any(
                each.place is place and each is not own and not each.killed
                for each in self._sessions.values()
            )

        with self._guard:
            return not self._guard.wait_for(free, _LEAVING_SECONDS)
