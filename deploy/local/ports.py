"""Ports on 127.0.0.1: free ones, and who holds the others."""

from __future__ import annotations

import contextlib
import fcntl
import os
import random
import socket
import tempfile
from collections.abc import Callable, Collection, Iterator
from pathlib import Path
from typing import Final

import psutil

__all__ = ["choose", "holder", "is_free", "one_at_a_time"]

LOOPBACK = "127.0.0.1"
LOWEST: Final = 10_000
USUAL_FIRST: Final = 32_768
TRIES: Final = 500


def is_free(port: int) -> bool:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((LOOPBACK, port))
        except OSError:
            return False
    return True


@contextlib.contextmanager
def one_at_a_time(say: Callable[[str], None]) -> Iterator[None]:
    """Let one of the user's stacks at a time choose ports and begin to listen on them."""
    path = Path(tempfile.gettempdir()) / f"chartfeed-ports-{os.getuid()}.lock"
    # Not through a link that somebody else has put there.
    handle = os.open(path, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
    try:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            say("waiting for another stack that is starting")
            fcntl.flock(handle, fcntl.LOCK_EX)
        yield
    finally:
        os.close(handle)


def choose(preferred: int | None, taken: Collection[int]) -> int:
    """Return the preferred port if nobody has it, else a free one."""
    if preferred is not None and preferred not in taken and is_free(preferred):
        return preferred
    # Below those that connections get as their own end: one of them may come to a port that is
    # free now before a service that takes seconds to start listens there.
    below = range(LOWEST, _first_of_connections())
    for port in random.sample(below, min(TRIES, len(below))):
        if port not in taken and is_free(port):
            return port
    while True:
        with socket.socket() as probe:
            probe.bind((LOOPBACK, 0))
            port = int(probe.getsockname()[1])
        if port not in taken:
            return port


def _first_of_connections() -> int:
    try:
        return int(Path("/proc/sys/net/ipv4/ip_local_port_range").read_text("ascii").split()[0])
    except OSError:
        return USUAL_FIRST


def holder(port: int) -> str:
    """Tell in words who listens on a port, as far as the system lets us see it."""
    try:
        for connection in psutil.net_connections("tcp"):
            if (
                connection.status == psutil.CONN_LISTEN
                and connection.laddr
                and connection.laddr.port == port
                and connection.pid
            ):
                return f"{psutil.Process(connection.pid).name()} (pid {connection.pid})"
    except (psutil.AccessDenied, psutil.NoSuchProcess):
        pass
    return "another process"
