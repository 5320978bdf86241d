"""A lane's output: opened, sent, and opened again while the partition is still ours."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Final

import structlog

from stream_app.worker.errors import Fenced, KafkaDown

if TYPE_CHECKING:
    from collections.abc import Callable

    from stream_app.join import Partition
    from stream_app.tracing import Join
    from stream_app.worker.counts import Counts
    from stream_app.worker.inbox import Inbox
    from stream_app.worker.sender import Sender

__all__ = ["Output"]

# Each lane may hold one at once, and its client of Kafka another copy.
ROWS_A_PARCEL: Final = 10_000
RETRY_SECONDS: Final = 1.0
FENCED_SECONDS: Final = 10.0

log = structlog.get_logger("chartfeed.stream")


class Output:
    """Sends what a partition's outbox holds, for as long as the inbox is open."""

    def __init__(
        self,
        number: int,
        sender: Sender,
        inbox: Inbox,
        counts: Counts,
        still_member: Callable[[], bool],
        *,
        traces: Join | None = None,
    ) -> None:
        self._number = number
        self._sender = sender
        self._inbox = inbox
        self._counts = counts
        self._still_member = still_member
        self._traces = traces

    def open(self) -> bool:
        """Take the output over, waiting for the broker; tell whether this state published last."""
        told = False
        while not self._inbox.closed:
            try:
                return self._sender.open()
            except KafkaDown as error:
                if not told:
                    self._tell(error)
                    told = True
                self._inbox.wait_closed(RETRY_SECONDS)
        return False

    def close(self) -> None:
        self._sender.close()

    def send(self, partition: Partition) -> None:
        """Send all that is to be sent; while the broker is gone, the outbox keeps it."""
        told = False
        while not self._inbox.closed and (parcel := partition.outbox(ROWS_A_PARCEL)):
            began, marks = time.time_ns(), None if self._traces is None else self._traces.marks()
            try:
                ends = self._sender.send(
                    parcel, lambda ends: partition.progress(parcel, ends), marks
                )
            except (KafkaDown, Fenced) as error:
                # A transaction that took too long is fenced like one of a former owner.
                if not told:
                    self._tell(error)
                    told = True
                self._recover(error)
                continue
            partition.sent(parcel, ends)
            if self._traces is not None:
                self._traces.sent(began)
            self._counts.rows_sent += len(parcel.rows)
            self._counts.unsent = max(0, self._counts.unsent - len(parcel.rows))
            self._counts.transactions += 1
            if told:
                log.info("sends again", partition=self._number)
                told = False

    def _tell(self, error: KafkaDown | Fenced) -> None:
        log.warning("can't send", partition=self._number, why=error.message, next=error.hint)

    def _recover(self, error: KafkaDown | Fenced) -> None:
        """Open the output again, but only while the partition is still this worker's."""
        self._sender.close()
        if self._still_member():
            if not self._inbox.wait_closed(RETRY_SECONDS):
                self.open()
        elif isinstance(error, Fenced):
            # Either the group says so in a moment, or somebody has the id who is not in it.
            if not self._inbox.wait_closed(FENCED_SECONDS):
                raise error
        else:
            self._inbox.wait_closed(RETRY_SECONDS)
