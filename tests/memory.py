"""How much memory something keeps."""

from __future__ import annotations

import gc
import tracemalloc
from collections.abc import Callable

__all__ = ["kept"]


def kept(work: Callable[[], object]) -> int:
    """Give the bytes that work leaves in use, those of what it returns among them."""
    gc.collect()
    tracemalloc.start()
    try:
        found = work()
        gc.collect()
        size, _ = tracemalloc.get_traced_memory()
        del found
    finally:
        tracemalloc.stop()
    return size
