"""Kafka as the configuration has it: the password is looked for when it is first needed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from chartfeed import password
from schemas.errors import BadInput

if TYPE_CHECKING:
    from chartfeed.settings import Kafka, Topics

__all__ = ["Broker", "is_encrypted"]


@dataclass(frozen=True)
class Broker:
    """Where Kafka is and how to log in; two are equal that were configured alike."""

    given: Kafka
    base: Path
    environment: Mapping[str, str] = field(repr=False, compare=False)

    @property
    def bootstrap(self) -> str:
        return self.given.bootstrap

    @property
    def topics(self) -> Topics:
        return self.given.topics

    @cached_property
    def options(self) -> dict[str, str | int | float | bool]:
        """Give librdkafka's options with the login in them: never to be shown."""
        given = self.given
        options = dict(given.options)
        if given.user is not None:
            options["sasl.username"] = given.user
        if given.password_env or given.password_file or given.password_command:
            if "sasl.password" in options:
                raise BadInput(
                    "kafka.options has a sasl.password, and kafka says where another one is",
                    hint="take sasl.password out of kafka.options",
                )
            secret = password.find(given, "kafka", self.base, self.environment, section="kafka")
            options["sasl.password"] = secret.reveal()
        return options

    @property
    def client(self) -> dict[str, str | int | float | bool]:
        """Give all that a client of librdkafka needs to reach it: never to be shown."""
        return {"bootstrap.servers": self.bootstrap} | self.options


def is_encrypted(options: Mapping[str, str | int | float | bool]) -> bool:
    """Tell whether librdkafka's options mean a connection by TLS."""
    return str(options.get("security.protocol", "plaintext")).upper().endswith("SSL")
