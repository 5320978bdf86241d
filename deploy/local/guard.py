"""Stops a stack when its owner has gone, however it went: `python -m deploy.local.guard`.

A test run or a demo owns its stack; killed with -9 it can't clean up after itself. A guard belongs
to one home: a new one takes the place of the old, and a stack that is stopped dismisses its own.
"""

from __future__ import annotations

import argparse
import os
import select
import sys
from pathlib import Path

from deploy.local import home, players, process
from schemas.errors import BadInput

__all__ = ["dismiss", "watch"]


def watch(folder: Path, log: Path, owner: int) -> None:
    """Start a guard of the stack in `folder` as a process of its own."""
    try:
        os.close(os.pidfd_open(owner))
    except (OSError, OverflowError) as error:
        raise BadInput(
            f"there is no process {owner} that could own the stack", hint="give a living one's id"
        ) from error
    dismiss(folder)
    root = str(Path(__file__).resolve().parents[2])
    process.start(
        [sys.executable, "-m", *_mark(folder), str(owner)],
        log=log,
        folder=folder,
        environment=os.environ | {"PYTHONPATH": root},
    )


def dismiss(folder: Path) -> None:
    """Send a home's guard away; a guard that is just at work does not stop itself."""
    for guard in process.find_all(_mark(folder)):
        process.stop(guard, patience=5)


def _mark(folder: Path) -> process.Mark:
    return ("deploy.local.guard", str(folder))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("home", type=Path)
    parser.add_argument("owner", type=int)
    arguments = parser.parse_args()
    try:
        descriptor = os.pidfd_open(arguments.owner)
    except ProcessLookupError:
        pass  # Gone already: that is what we wait for.
    else:
        select.select([descriptor], [], [])
    from deploy.local.stack import SERVICES, Stack  # noqa: PLC0415 - which starts guards itself

    players.stop_all(arguments.home)
    Stack(arguments.home, home.downloads(), print).down(list(SERVICES))


if __name__ == "__main__":
    main()
