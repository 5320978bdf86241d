"""Ctrl-C and SIGTERM as an event, for commands that stay until somebody ends them."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager

__all__ = ["told_to_stop"]


@contextmanager
def told_to_stop() -> Iterator[threading.Event]:
    """Give an event that they set; afterwards they mean what they meant before.

    An exception could be lost in a callback of the Kafka client; an event can't.
    """
    stop = threading.Event()
    before = {
        number: signal.signal(number, lambda *_: stop.set())
        for number in (signal.SIGTERM, signal.SIGINT)
    }
    try:
        yield stop
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
