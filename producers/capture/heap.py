"""How much memory a process of many threads keeps of what it has let go of.

glibc gives each thread a heap of its own, and keeps what is freed in it; with thirty centers and
Kafka's threads that is tens of megabytes after a busy moment. Another C library has none of
these functions, or needs none of them.
"""

from __future__ import annotations

import ctypes
import sys
from collections.abc import Callable
from typing import Any, Final

__all__ = ["share", "trim"]

# Of glibc's malloc.h.
M_TRIM_THRESHOLD: Final = -1
M_MMAP_THRESHOLD: Final = -3
M_ARENA_MAX: Final = -8
LARGE: Final = 65_536


def share() -> None:
    """Let all threads share one heap; to be called before there are any.

    They hold the interpreter's lock most of the time, so they hardly wait for each other here.
    """
    if mallopt := _glibc("mallopt"):
        mallopt(M_ARENA_MAX, 1)
        mallopt(M_TRIM_THRESHOLD, LARGE)
        mallopt(M_MMAP_THRESHOLD, LARGE)


def trim() -> None:
    """Give back to the system what is free; worth its milliseconds after much was read."""
    if malloc_trim := _glibc("malloc_trim"):
        malloc_trim(0)


def _glibc(name: str) -> Callable[..., Any] | None:
    return getattr(ctypes.CDLL(None), name, None) if sys.platform == "linux" else None
