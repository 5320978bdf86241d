"""How tests and benchmarks reach the practices on a stand-in."""

from __future__ import annotations

from dataclasses import dataclass, field

from producers.connection import Settings
from tests.standin import Standin


@dataclass(frozen=True, slots=True)
class Password:
    text: str = field(repr=False)

    def reveal(self) -> str:
        return self.text


def settings(
    standin: Standin, database: str = "master", *, user: str | None = None, password: str = ""
) -> Settings:
    """Give how to log in to a stand-in: as sa, or as somebody else."""
    return Settings(
        center="practices",
        server=f"127.0.0.1,{standin.port}",
        database=database,
        user=user or standin.user,
        secret=Password(password if user else standin.password),
        trust_server_certificate=True,
    )
