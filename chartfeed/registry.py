"""The schema registry as the configuration has it: the login is looked for when first needed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from chartfeed import password
from producers.registry import Access, Registry
from schemas.errors import BadInput

if TYPE_CHECKING:
    from chartfeed.password import Secret
    from chartfeed.settings import Registry as Given

__all__ = ["Place"]


@dataclass(frozen=True, slots=True)
class Place:
    """Where the registry is and how to log in; two are equal that were configured alike."""

    given: Given
    base: Path
    environment: Mapping[str, str] = field(repr=False, compare=False)

    @property
    def url(self) -> str:
        return self.given.url.rstrip("/")

    def client(self) -> Registry:
        """Give a client with its login; making one asks nothing."""
        return Registry(self.url, self.access())

    def access(self) -> Access:
        """Give what a client shows and whom it trusts."""
        given = self.given
        password_given = given.password_env or given.password_file or given.password_command
        if bool(given.user) != bool(password_given):
            raise BadInput(
                "registry: a user goes with a password and a password with a user",
                hint="set registry.user, and password_env, password_file or password_command",
            )
        where = _Token(given.token_env, given.token_file, given.token_command)
        token_given = any((given.token_env, given.token_file, given.token_command))
        if token_given and password_given:
            raise BadInput("registry: a token and a password are two logins", hint="keep one")
        return Access(
            user=given.user,
            password=self._find(given) if password_given else None,
            token=self._find(where) if token_given else None,
            ca_file=None if given.ca_file is None else str(self.base / given.ca_file),
        )

    def _find(self, given: password.Given) -> Secret:
        return password.find(given, "registry", self.base, self.environment, section="registry")


@dataclass(frozen=True, slots=True)
class _Token:
    password_env: str | None
    password_file: str | None
    password_command: str | None
