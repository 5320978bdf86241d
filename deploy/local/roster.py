"""The practices of a stack: asked for once, loaded until all are whole, found again."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from deploy.local import practices
from deploy.local.practices import Practice, Request
from deploy.local.stack import Stack
from producers import connection
from schemas.errors import Failed

__all__ = ["Roster"]

USER = "chartfeed"


@dataclass(frozen=True, slots=True)
class _Password:
    path: Path

    def reveal(self) -> str:
        return self.path.read_text(encoding="utf-8")


@dataclass(frozen=True, slots=True)
class Roster:
    """The generated practices under a stack's home."""

    stack: Stack

    def fill(self, asked: Request | None, say: Callable[[str], None]) -> None:
        """Load the practices that are missing; `centers.yml` lists them when all are whole."""
        request = asked or practices.installed(self.stack.home) or Request()
        done = 0

        def loaded(practice: Practice, _: practices.Loaded) -> None:
            nonlocal done
            done += 1
            if done % 10 == 0 or done == request.total:
                say(f"{done} practices loaded (the last: {practice.center_id})")

        with connection.translated("the stand-in"):
            total = practices.install(
                self.stack.home,
                request,
                self.connect(),
                server=self.stack.address("sqlserver"),
                user=USER,
                password=self._password(USER).reveal(),
                say=loaded,
            )
        if total.databases:
            say(f"{total.rows:,} rows in {total.seconds:.1f} s")

    def planned(self) -> tuple[Practice, ...]:
        """Return the practices as they were planned."""
        request = practices.installed(self.stack.home)
        if request is None:
            raise Failed("there are no practices yet", hint="chartfeed local up")
        return practices.plan(request)

    def forget(self) -> None:
        """Remove what was written of practices whose databases are gone."""
        for name in ("practices.json", "truth.json", "centers.yml"):
            (self.stack.home / name).unlink(missing_ok=True)
        for path in self.stack.home.glob("journal*"):
            path.unlink()

    def connect(self) -> practices.Connect:
        """Return what opens a connection to any of their databases, as the administrator."""
        return practices.connector(
            connection.Settings(
                center="local",
                server=self.stack.address("sqlserver"),
                database="master",
                user="sa",
                secret=self._password("sa"),
                trust_server_certificate=True,
            )
        )

    @property
    def journal(self) -> Path:
        return self.stack.home / "journal.jsonl"

    def _password(self, user: str) -> _Password:
        return _Password(self.stack.folder("sqlserver") / f"{user}.password")
