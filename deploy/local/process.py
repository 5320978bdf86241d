"""Programs of the stack as processes: started apart from us, found again, stopped by their id."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TypeAlias

import psutil

__all__ = ["Mark", "find", "find_all", "start", "stop"]

Mark: TypeAlias = tuple[str, ...]
"""Arguments that only this program, started for this folder, has."""


def start(
    command: Sequence[str], *, log: Path, folder: Path, environment: Mapping[str, str]
) -> psutil.Process:
    """Start a program that outlives us, its output appended to `log`."""
    log.parent.mkdir(parents=True, exist_ok=True)
    with log.open("ab") as output:
        return psutil.Popen(
            command,
            cwd=folder,
            env=dict(environment),
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )


def find_all(mark: Mark) -> Iterator[psutil.Process]:
    """Give our living processes that have all of `mark` among their arguments.

    The command line is the one record of a process that can't be out of date, whoever died
    between starting it and writing its id down.
    """
    for process in psutil.process_iter():
        try:
            ours = process.pid != os.getpid() and process.uids().real == os.getuid()
            marked = ours and set(mark) <= set(process.cmdline())
            if marked and process.status() != psutil.STATUS_ZOMBIE:
                yield process
        except (psutil.NoSuchProcess, psutil.AccessDenied, psutil.ZombieProcess):
            continue


def find(mark: Mark) -> psutil.Process | None:
    """Return the living process with this mark."""
    return next(find_all(mark), None)


def stop(process: psutil.Process, *, patience: float) -> bool:
    """Stop it, by force after `patience` seconds; tell whether it went by itself."""
    try:
        process.terminate()
        process.wait(patience)
    except psutil.TimeoutExpired:
        process.kill()
        process.wait(patience)
        return False
    except psutil.NoSuchProcess:
        return True
    return True
