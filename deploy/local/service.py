"""What the stack asks of each of its services."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from deploy.local.java import Artifacts
from deploy.local.process import Mark

__all__ = ["Launch", "Service"]


@dataclass(frozen=True, slots=True)
class Launch:
    """A command line, and what it needs around it."""

    command: Sequence[str]
    environment: Mapping[str, str]


class Service(Protocol):
    name: str
    ports: Mapping[str, int]  # what each is called, and the number it would like
    needs_java: bool
    patience: float  # seconds until it must be ready, or gone

    def prepare(self, folder: Path, ports: Mapping[str, int], artifacts: Artifacts) -> Launch:
        """Write its files under `folder` and return how it is started; harmless when repeated."""

    def mark(self, folder: Path) -> Mark:
        """Return the arguments that its process, and no other, is started with."""

    def address(self, ports: Mapping[str, int]) -> str: ...

    def is_ready(self, folder: Path, ports: Mapping[str, int]) -> bool:
        """Ask it, once and briefly, for the answer that its users will need."""

    def facts(self, folder: Path) -> Mapping[str, str]:
        """Return what else its users must know."""
