"""Posts: processes of the feed that somebody starts again whenever they end, as systemd does."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, Protocol

from tests.faulting.services import DIES_WITH_US
from tests.producing import Produce, Wound

__all__ = ["Hurt", "Post", "Producing", "Streaming"]

ROOT: Final = Path(__file__).resolve().parents[2]
REST: Final = 0.5
"""Seconds between an end that nobody wanted and the next start."""


@dataclass(frozen=True, slots=True)
class Hurt:
    """Where a worker gets a signal."""

    place: str
    times: int
    signal: signal.Signals = signal.SIGKILL


class Process(Protocol):
    @property
    def pid(self) -> int: ...

    def code(self) -> int | None:
        """Give its exit code, None while it runs."""

    def wait(self, seconds: float) -> int: ...

    def said(self) -> str: ...

    def end(self) -> None:
        """Make sure that it is gone."""


class Producing:
    """`chartfeed produce` for some centers."""

    def __init__(
        self, config: Path, log: Path, centers: tuple[str, ...], wound: Wound | None = None
    ) -> None:
        chosen = tuple(word for name in centers for word in ("--center", name))
        self._process = Produce(config, log, chosen, wound)

    @property
    def pid(self) -> int:
        return self._process.pid

    def code(self) -> int | None:
        return None if self._process.is_running() else self._process.wait(1)

    def wait(self, seconds: float) -> int:
        return self._process.wait(seconds)

    def said(self) -> str:
        return self._process.said()

    def end(self) -> None:
        self._process.end()


class Streaming:
    """`chartfeed stream` under a name."""

    def __init__(
        self,
        config: Path,
        log: Path,
        name: str,
        hurt: Hurt | None = None,
        environment: Mapping[str, str] | None = None,
    ) -> None:
        given = ["--config", str(config), "stream", "--worker", name]
        program = ["chartfeed", *given]
        if hurt is not None:
            at = [hurt.place, str(hurt.times), str(int(hurt.signal))]
            program = ["tests.faulting.wounded", *at, "--", *given]
        self._log = log
        with log.open("ab") as output:
            self._process = subprocess.Popen(
                [*DIES_WITH_US, sys.executable, "-m", *program],
                cwd=ROOT,
                env=os.environ | {"PYTHONPATH": str(ROOT)} | dict(environment or {}),
                stderr=output,
            )

    @property
    def pid(self) -> int:
        return self._process.pid

    def code(self) -> int | None:
        return self._process.poll()

    def wait(self, seconds: float) -> int:
        return self._process.wait(seconds)

    def said(self) -> str:
        return self._log.read_text("utf-8", "replace")

    def end(self) -> None:
        if self._process.poll() is None:
            self._process.send_signal(signal.SIGCONT)
            self._process.kill()
            self._process.wait(10)


@dataclass
class Post:
    """One place in the feed; `start` gives a new process, hurt or not."""

    name: str
    start: Callable[[Wound | Hurt | None], Process]
    process: Process | None = None
    held: bool = False
    """Nobody is to start it now."""
    wound: Wound | Hurt | None = None
    """Where it is to end, until it has ended there."""
    ends: Counter[int] = field(default_factory=Counter)
    """How often it ended by itself, by the exit code."""
    _rests_until: float = 0.0

    def keep(self) -> None:
        """Start it again where it has ended."""
        if self.process is None:
            if not self.held and time.monotonic() >= self._rests_until:
                self.process = self.start(self.wound)
            return
        code = self.process.code()
        if code is not None:
            self.ends[code] += 1
            if self.wound is not None and code in _told(self.wound.signal):
                self.wound = None
            self.process.end()
            self.process, self._rests_until = None, time.monotonic() + REST

    def hurt(self, wound: Wound | Hurt) -> None:
        """Start it anew as one that ends by itself, at a point."""
        self.tell(signal.SIGKILL)
        if self.process is not None:
            self.process.end()
        self.wound = wound
        self.process = self.start(wound)

    def spare(self) -> bool:
        """Take a process away that has not come to its point; tell whether there was none."""
        if self.wound is None:
            return True
        self.end()
        self.process = self.wound = None
        return False

    def tell(self, number: signal.Signals) -> None:
        if self.process is not None and self.process.code() is None:
            os.kill(self.process.pid, number)

    def leave(self, seconds: float = 30) -> int:
        """Have it end as it is told to, and give the exit code."""
        assert self.process is not None, f"{self.name} is not there"
        assert self.process.code() is None, f"{self.name} ended: {self.process.said()[-2000:]}"
        self.tell(signal.SIGTERM)
        return self.process.wait(seconds)

    def end(self) -> None:
        if self.process is not None:
            self.process.end()


def _told(number: signal.Signals) -> tuple[int, ...]:
    """Give the exit codes that a signal may lead to; what catches it ends well."""
    return (-number,) if number is signal.SIGKILL else (-number, 0)
