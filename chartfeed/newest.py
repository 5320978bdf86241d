"""How much of the unified topic the files of any day show, as the manifests tell."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import date
from typing import TYPE_CHECKING, Final

from schemas.topics import partition_of_day

if TYPE_CHECKING:
    from stream_app.files.manifest import Manifest

__all__ = ["of_partition", "shown"]

# Where today's work is; a partition without any of these days has its own to go by.
NEWEST: Final = 31


def of_partition(days: Sequence[date], partition: int, partitions: int) -> list[date]:
    """Give those of the newest days that are a partition's; `days` stand in their order."""
    return [one for one in days[-NEWEST:] if partition_of_day(one, partitions) == partition]


def shown(manifests: Iterable[Manifest], partition: int) -> int:
    """Give how much of a partition the files of these days show."""
    at = (found.position for found in manifests)
    return max((one.offset for one in at if one and one.partition == partition), default=0)
