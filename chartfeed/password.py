"""Passwords: where the configuration says they are, and a value that keeps them to itself."""

from __future__ import annotations

import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Protocol

from schemas.errors import BadInput

__all__ = ["Given", "Secret", "find"]


class Given(Protocol):
    """What the configuration says of one password; the first that is set counts."""

    @property
    def password_env(self) -> str | None: ...

    @property
    def password_file(self) -> str | None: ...

    @property
    def password_command(self) -> str | None: ...


class Secret:
    """A password that shows itself to nobody but `reveal`."""

    __slots__ = ("_value",)

    def __init__(self, value: str) -> None:
        self._value = value

    def reveal(self) -> str:
        return self._value

    def __repr__(self) -> str:
        return "Secret(…)"


def find(
    given: Given,
    whose: str,
    base: Path,
    environment: Mapping[str, str],
    *,
    section: str = "sqlserver",
) -> Secret:
    """Return the password, or say what is missing; paths and commands begin at `base`.

    `whose` is the center, or else the section of the configuration that wants it.
    """
    if given.password_env:
        if given.password_env in environment:
            return Secret(environment[given.password_env])
        raise BadInput(
            f"{whose}: the environment variable {given.password_env} is not set",
            hint=f"export {given.password_env}=…",
            center=whose,
        )
    if given.password_file:
        path = base / given.password_file
        try:
            return Secret(path.read_text(encoding="utf-8").rstrip("\r\n"))
        except (OSError, UnicodeDecodeError) as error:
            raise BadInput(
                f"{whose}: the password file {path} can't be read: {error}",
                hint=f"put the password into {path}",
                center=whose,
            ) from error
    if given.password_command:
        try:
            answer = subprocess.run(  # noqa: S602 - the operator's own command line
                given.password_command,
                shell=True,
                cwd=base,
                capture_output=True,
                text=True,
                timeout=30,
                check=True,
            )
        except (subprocess.SubprocessError, UnicodeDecodeError) as error:
            # Neither its output nor its arguments are shown: both may hold the secret.
            raise BadInput(
                f"{whose}: password_command failed ({type(error).__name__})",
                hint="run the command by hand and look at what it says",
                center=whose,
            ) from None
        return Secret(answer.stdout.rstrip("\r\n"))
    raise BadInput(
        f"{whose}: no password is configured",
        hint=f"set {section}.password_env, password_file or password_command",
        center=whose,
    )
