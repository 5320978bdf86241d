"""The rules of the join that need no data beside their arguments."""

from __future__ import annotations

from operator import itemgetter
from typing import TYPE_CHECKING

from schemas.ids import Id, sort_key

if TYPE_CHECKING:
    from collections.abc import Iterable

    from schemas.records import UnifiedEntry

__all__ = ["FileOrder", "chart_text", "file_order", "latest", "service_codes"]

FileOrder = tuple[bytes, tuple[int, int, bytes], tuple[int, int, bytes]]


def service_codes(services: Iterable[tuple[Id, str | None]]) -> tuple[str, ...]:
    """Give the codes of one patient's services of one day, in the order of a unified row.

    Each service is its id and its code. Codes are trimmed, empty ones dropped, each code kept
    once (13b and 13B are two), where its lowest id stands.
    """
    ordered = sorted(((sort_key(id_), code) for id_, code in services), key=itemgetter(0))
    trimmed = (code.strip() for _, code in ordered if code is not None)
    return tuple(dict.fromkeys(code for code in trimmed if code))


def latest(ids: Iterable[Id]) -> Id | None:
    """Give the highest id: of a patient's live links, the one that counts."""
    return max(ids, key=sort_key, default=None)


def chart_text(text: str | None) -> str:
    """Give the text of an entry: the source's own, to the byte; '' for NULL."""
    return "" if text is None else text


def file_order(row: UnifiedEntry) -> FileOrder:
    """Order the rows of a day's file: by center, patient, entry."""
    center = row.center_id.encode("utf-8", "surrogatepass")
    return (center, sort_key(row.patient_id), sort_key(row.entry_id))
