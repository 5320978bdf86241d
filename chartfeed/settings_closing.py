"""What the configuration says of closing days, and of whom to tell."""

from __future__ import annotations

from dataclasses import field
from datetime import timedelta
from typing import Annotated, Literal

from pydantic import Field
from pydantic.dataclasses import dataclass

from chartfeed.kinds import STRICT, Duration, Text

__all__ = ["Closing", "Email", "Notices", "Slack", "Webhook"]


@dataclass(frozen=True, slots=True, config=STRICT)
class Closing:
    """`again` is for how long days that were closed are looked at again."""

    wait: Annotated[Duration, Field(le=timedelta(hours=23))] = timedelta(hours=2)
    again: Duration = timedelta(days=31)


@dataclass(frozen=True, slots=True, config=STRICT)
class Webhook:
    """An address that takes the report as JSON; the address may itself be a secret."""

    url: Text | None = field(default=None, repr=False)
    url_env: str | None = None
    url_file: str | None = None
    url_command: str | None = None
    token_env: str | None = None
    token_file: str | None = None
    token_command: str | None = None
    ca_file: str | None = None


@dataclass(frozen=True, slots=True, config=STRICT)
class Slack:
    """An incoming webhook of Slack, or of a program that understands the same."""

    url: Text | None = field(default=None, repr=False)
    url_env: str | None = None
    url_file: str | None = None
    url_command: str | None = None
    ca_file: str | None = None


@dataclass(frozen=True, slots=True, config=STRICT)
class Email:
    host: Text | None = None
    port: Annotated[int, Field(ge=1, le=65535)] = 587
    starttls: bool = True
    ca_file: str | None = None
    user: str | None = None
    password_env: str | None = None
    password_file: str | None = None
    password_command: str | None = None
    sender: str | None = None
    to: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, config=STRICT)
class Notices:
    """Whom to tell when a day is closed, or can't be; nobody by default."""

    when: Literal["always", "problems"] = "always"
    attempts: Annotated[int, Field(ge=1, le=10)] = 4
    timeout: Annotated[Duration, Field(ge=timedelta(seconds=1), le=timedelta(minutes=5))] = (
        timedelta(seconds=20)
    )
    webhook: Webhook = field(default_factory=Webhook)
    slack: Slack = field(default_factory=Slack)
    email: Email = field(default_factory=Email)
    command: Text | None = None
