"""How much of the unified topic the files of any day show, as the manifests tell."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import UTC, date, datetime, timedelta
from typing import TYPE_CHECKING, Final

from schemas.topics import partition_of_day

if TYPE_CHECKING:
    from stream_app.files.manifest import Manifest

__all__ = ["of_partition", "shown", "so_far"]

# Where today's work is; a partition without any of these days has its own to go by.
NEWEST: Final = 31


def so_far(days: Sequence[date], now: datetime) -> list[date]:
    """Leave out days that have come nowhere on earth: an entry may be dated next year."""
    tomorrow = now.astimezone(UTC).date() + timedelta(days=1)
    return [one for one in days if one <= tomorrow]


def of_partition(
    days: Sequence[date], partition: int, partitions: int, now: datetime
) -> list[date]:
    """Give those of the newest days that are a partition's; `days` stand in their order."""
    newest = so_far(days, now)[-NEWEST:]
    return [one for one in newest if partition_of_day(one, partitions) == partition]


def shown(manifests: Iterable[Manifest], partition: int) -> int:
    """Give how much of a partition the files of these days show."""
    at = (found.position for found in manifests)
    return max((one.offset for one in at if one and one.partition == partition), default=0)
