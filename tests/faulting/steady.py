"""Work that goes on for ever over about as many rows: what is old makes room for what is new."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import islice
from typing import Final

from deploy.local.practice.layout import KARTEI, LEISTUNG, PATKASSE
from deploy.local.staff import deeds
from deploy.local.staff.book import Change, Deed, key_of

__all__ = ["steady"]

MOST: Final[Mapping[str, int]] = {KARTEI: 400, LEISTUNG: 800, PATKASSE: 200}
"""How many rows a center keeps, about."""
TOGETHER: Final = 6
"""How many of the staff's usual deeds one transaction holds."""


def steady(work: deeds.Work) -> Deed | None:
    """Give some deeds at once, and remove the oldest rows of a table that is full."""
    changes: dict[tuple[str, int], Change] = {}
    chosen = [deeds.choose(work) for _ in range(TOGETHER)]
    for change in [change for deed in chosen if deed for change in deed.changes]:
        changes.setdefault((change.table, change.key), change)
    for table, most in MOST.items():
        over = max(0, len(work.book.rows[table]) - most)
        for row in islice(work.book.all(table, lambda _row: True), over):
            gone = Change(table, key_of(row), row, None)
            changes.setdefault((table, gone.key), gone)
    return Deed("steady", tuple(changes.values())) if changes else None
