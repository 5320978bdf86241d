"""Days that are still being written to: their manifests are kept fresh, rows or none."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import date, datetime

__all__ = ["open_days"]


def open_days(now: datetime, timezones: Iterable[str]) -> set[date]:
    """Give today and yesterday wherever a center is."""
    todays = {now.astimezone(ZoneInfo(name)).date() for name in set(timezones)}
    return todays | {day - timedelta(days=1) for day in todays}
