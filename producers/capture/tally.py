"""What a process has done since it started, counted per center."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from producers.capture.events import Message
    from schemas.errors import ChartfeedError
    from schemas.records import Checkpoint

__all__ = ["Counts", "Tally"]


@dataclass(slots=True)
class Counts:
    """What grows for ever: events by table and operation, dead letters by reason, and so on."""

    events: Counter[tuple[str, str]] = field(default_factory=Counter)
    dead_letters: Counter[str] = field(default_factory=Counter)
    errors: Counter[str] = field(default_factory=Counter)
    transactions: int = 0
    snapshot_rows: int = 0


class Tally:
    """Counts what all centers of a process do; safe to read while they do it."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._counts: dict[str, Counts] = {}

    def committed(
        self, before: Checkpoint | None, now: Checkpoint, messages: Sequence[Message]
    ) -> None:
        """Count a transaction: its messages, and the rows that its checkpoint has gone on by."""
        events: Counter[tuple[str, str]] = Counter()
        letters: Counter[str] = Counter()
        for (table, headers, reason), count in Counter(
            (message.table, message.headers, message.reason) for message in messages
        ).items():
            if reason is not None:
                letters[reason] += count
            elif headers and headers[0][0] == "operation":
                events[table, headers[0][1].decode()] += count
        with self._lock:
            found = self._counts.setdefault(now.center_id, Counts())
            found.events += events
            found.dead_letters += letters
            found.transactions += 1
            found.snapshot_rows += _gone_on(before, now)

    def failed(self, center_id: str, error: ChartfeedError) -> None:
        """Count an error that ended a center, for good or for a while."""
        with self._lock:
            self._counts.setdefault(center_id, Counts()).errors[type(error).__name__] += 1

    def counts(self) -> dict[str, Counts]:
        """Give what is counted now, as copies that grow no more."""
        with self._lock:
            return {
                center: Counts(
                    Counter(found.events),
                    Counter(found.dead_letters),
                    Counter(found.errors),
                    found.transactions,
                    found.snapshot_rows,
                )
                for center, found in self._counts.items()
            }


def _gone_on(before: Checkpoint | None, now: Checkpoint) -> int:
    if now.snapshot is None:
        return 0
    same = (
        before is not None
        and before.snapshot is not None
        and before.snapshot.started_at == now.snapshot.started_at
    )
    known = before.snapshot.rows_done if same and before and before.snapshot else 0
    return max(0, now.snapshot.rows_done - known)
