"""Numbers as strangers write them: in an address, a form or a record's header."""

from __future__ import annotations

from typing import TypeVar

__all__ = ["whole"]

Otherwise = TypeVar("Otherwise", int, None)


def whole(text: str, otherwise: Otherwise, digits: int = 8) -> int | Otherwise:
    """Give a number of at most so many digits and no sign, and else the other thing."""
    if text.isascii() and text.isdigit() and len(text) <= digits:
        return int(text)
    return otherwise
