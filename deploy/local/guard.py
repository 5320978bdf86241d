"""Stops a stack when its owner has gone, however it went: `python -m deploy.local.guard`.

A test run or a demo owns its stack; killed with -9 it can't clean up after itself.
"""

from __future__ import annotations

import argparse
import os
import select
import sys
from pathlib import Path

from deploy.local import home, process
from deploy.local.stack import SERVICES, Stack

__all__ = ["watch"]


def watch(stack: Stack, owner: int) -> None:
    """Start the guard as a process of its own."""
    command = [sys.executable, "-m", "deploy.local.guard", str(stack.home), str(owner)]
    root = str(Path(__file__).resolve().parents[2])
    process.start(
        command,
        log=stack.log("guard"),
        folder=stack.home,
        environment=os.environ | {"PYTHONPATH": root},
    )


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
    Stack(arguments.home, home.downloads()).down(list(SERVICES), print)


if __name__ == "__main__":
    main()
