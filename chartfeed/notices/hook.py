"""Notices to a command of the operator's: the report on its standard input."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import orjson

from chartfeed.notices.sending import Notice, Undelivered

__all__ = ["Hook"]

# What sysexits.h calls a failure that may pass.
TEMPORARY: Final = 75


@dataclass(frozen=True, slots=True)
class Hook:
    """Runs a command line; what it prints goes to our standard error."""

    command: str
    folder: Path
    environment: Mapping[str, str] = field(repr=False)
    name: str = "command"

    def send(self, notice: Notice, timeout: float) -> None:
        about = {"CHARTFEED_DAY": notice.day, "CHARTFEED_DAY_STATE": notice.state}
        with subprocess.Popen(  # noqa: S602 - the operator's own command line
            self.command,
            shell=True,
            cwd=self.folder,
            env={**self.environment, **about},
            stdin=subprocess.PIPE,
            stdout=sys.stderr.fileno(),
            start_new_session=True,
        ) as process:
            try:
                process.communicate(orjson.dumps(notice.said), timeout)
            except subprocess.TimeoutExpired:
                # What it started ends with it.
                with suppress(ProcessLookupError):
                    os.killpg(process.pid, signal.SIGKILL)
                raise Undelivered(f"not done after {timeout:g} s", passing=False) from None
        if process.returncode:
            passing = process.returncode == TEMPORARY
            raise Undelivered(f"exit code {process.returncode}", passing=passing)
