"""The practices of a stack: asked for once, loaded until all are whole, found again."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from deploy.local import practices
from deploy.local.practices import Practice, Request
from deploy.local.stack import Stack
from producers import connection, files
from schemas.errors import BadInput, Failed

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
        """Load the practices that are missing; `centers.yml` lists them when all are whole.

        The first request holds for as long as the data does: another one is refused.
        """
        request = self._settled(asked)
        planned = practices.plan(request)
        done = 0

        def loaded(practice: Practice, _: practices.Loaded) -> None:
            nonlocal done
            done += 1
            if done % 10 == 0 or done == len(planned):
                say(f"{done} practices loaded (the last: {practice.center_id})")

        with connection.translated("the stand-in"):
            total = practices.load_missing(
                planned,
                self.connect(),
                user=USER,
                password=self._password(USER).reveal(),
                say=loaded,
            )
        if total.databases:
            say(f"{total.rows:,} rows in {total.seconds:.1f} s")
        practices.truth.write(self.stack.folder("sqlserver") / "truth.json", planned)
        centers = self.stack.home / "centers.yml"
        practices.write_centers(centers, {self.stack.address("sqlserver"): planned})

    def planned(self) -> tuple[Practice, ...]:
        """Return the practices as they were planned."""
        if not self._path.is_file():
            raise Failed("there are no practices yet", hint="chartfeed local up")
        return practices.plan(Request.load(self._path))

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
        return self.stack.folder("sqlserver") / "journal.jsonl"

    @property
    def _path(self) -> Path:
        return self.stack.folder("sqlserver") / "practices.json"

    def _password(self, user: str) -> _Password:
        return _Password(self.stack.folder("sqlserver") / f"{user}.password")

    def _settled(self, asked: Request | None) -> Request:
        if not self._path.is_file():
            request = asked or Request()
            files.replace(self._path, request.to_json())
            return request
        kept = Request.load(self._path)
        if asked is not None and asked != kept:
            raise BadInput(
                f"other practices are here already: {self._path} says which",
                hint="chartfeed local reset sqlserver, then ask again",
            )
        return kept
