"""Numbers of things, as a person reads them."""

from __future__ import annotations

__all__ = ["amount"]


def amount(number: int, one: str, many: str | None = None) -> str:
    """Give `1 center` or `22,733 centers`; `many` where the plural has more than an s."""
    return f"{number:,} {one if number == 1 else many or f'{one}s'}"
