"""Dead letters of the stream, for whatever can't be used: the join's records and unified rows."""

from __future__ import annotations

from datetime import datetime
from typing import Final

from schemas.records import DeadLetter

__all__ = ["letter"]

LONGEST_KEY: Final = 200


def letter(
    topic: str,
    partition: int | None,
    offset: int | None,
    key: bytes | None,
    *,
    center: str | None,
    reason: str,
    at: datetime,
) -> tuple[bytes | None, DeadLetter]:
    """Give what is to be known of a record, and the key to send it under, however long its own is.

    What is nowhere in Kafka has neither partition nor offset.
    """
    key = None if key is None else key[:LONGEST_KEY]
    return key, DeadLetter(
        stage="stream",
        center_id=None if center is None else center[:LONGEST_KEY],
        table=None,
        key=None if key is None else key.decode(errors="replace"),
        reason=reason,
        source_version=None,
        topic=topic,
        partition=partition,
        offset=offset,
        at=at,
    )
