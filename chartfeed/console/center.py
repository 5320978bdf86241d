"""Comes with its pages."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from starlette.routing import Route

    from chartfeed.console.app import Console

__all__ = ["routes"]


def routes(console: Console) -> list[Route]:
    del console
    return []
