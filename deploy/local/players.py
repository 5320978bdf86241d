"""The demo's own processes of chartfeed: started, killed in mid-work, started again.

They are found, like the services, by their command lines: all that runs with a home's
configuration. So they end with their stack, whoever started them and however that one went.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

import psutil

from deploy.local import process
from schemas.errors import Failed

__all__ = ["Player", "stop_all"]

PATIENCE = 15.0


class Player:
    """One `chartfeed` command that runs until it is told to stop; its log is in the home."""

    def __init__(self, home: Path, name: str, *arguments: str) -> None:
        self._home = home
        self._command = [
            *(sys.executable, "-m", "chartfeed", "--config", str(_configuration(home))),
            *arguments,
        ]
        self._name = name
        self._running: psutil.Process | None = None
        self.log = home / "logs" / f"{name}.log"

    def start(self) -> None:
        root = str(Path(__file__).resolve().parents[2])
        self._running = process.start(
            self._command,
            log=self.log,
            folder=self._home,
            environment=os.environ | {"PYTHONPATH": root},
        )

    @property
    def pid(self) -> int | None:
        return None if self._running is None else self._running.pid

    def require_alive(self) -> None:
        """Say so if it has ended although nobody ended it."""
        running = self._running
        if running is None or (running.is_running() and running.status() != psutil.STATUS_ZOMBIE):
            return
        raise Failed(
            f"{self._name} has ended; its log ends:\n{self.log.read_text('utf-8')[-800:]}",
            hint=f"look at {self.log}",
        )

    def kill(self) -> None:
        """End it as a power cut would."""
        if self._running is not None:
            self._running.kill()
            self._running.wait(PATIENCE)
            self._running = None

    def stop(self) -> None:
        """Ask it to leave, and wait until it has."""
        if self._running is not None:
            process.stop(self._running, patience=PATIENCE)
            self._running = None


def stop_all(home: Path) -> None:
    """Stop every process that runs with this home's configuration."""
    for found in process.find_all(("chartfeed", "--config", str(_configuration(home)))):
        process.stop(found, patience=PATIENCE)


def _configuration(home: Path) -> Path:
    return home / "chartfeed.yml"
