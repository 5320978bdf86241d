"""What a center's capture has in Kafka: its position, and the one way to move it.

The checkpoint held here is the last that is known to be committed. After any failure it is not
to be trusted: a new feed reads back what Kafka says.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

import structlog

from producers.capture import hanging, tracing
from producers.capture.census import Census
from producers.capture.ends import Ends
from producers.capture.errors import Leaving, TakenOver
from producers.capture.publisher import Options, Publisher
from producers.capture.readback import Readback
from producers.capture.slices import cut
from producers.capture.withdrawn import Withdrawn
from schemas import topics
from schemas.records import Checkpoint

if TYPE_CHECKING:
    import threading

    from producers.capture.checkpoint import Ground
    from producers.capture.clock import Clock
    from producers.capture.events import Encoders, Message
    from schemas.codec import Decoder
    from schemas.records import Command, SnapshotProgress
    from schemas.tracing import Tracer

__all__ = ["Contract", "Feed"]

MOST_EVENTS: Final = 20_000
MOST_BYTES: Final = 16_000_000
HANDOVER_SECONDS: Final = 15.0

log = structlog.get_logger("chartfeed.capture")


@dataclass(frozen=True, slots=True)
class Contract:
    """What Kafka's side of every center is: how to reach it, and how records are written.

    It has the census of a process, so it is one for all centers there.
    """

    kafka: Options
    partitions: int
    encoders: Encoders
    checkpoints: Decoder[Checkpoint]
    commands: Decoder[Command]
    census: Census = field(default_factory=Census, compare=False, repr=False)
    tracer: Tracer | None = field(default=None, compare=False, repr=False)


class Feed:
    def __init__(
        self,
        contract: Contract,
        ground: Ground,
        stop: threading.Event,
        committed: Callable[[Checkpoint | None, Checkpoint, Sequence[Message]], None],
    ) -> None:
        """Hold no position yet; `committed` hears of each, the one before it, and the messages."""
        partition = topics.partition_of_center(ground.center_id, contract.partitions)
        self._contract = contract
        self._ground = ground
        self._stop = stop
        self._committed = committed
        self._withdrawn = Withdrawn()
        self._publisher = Publisher(
            contract.kafka, ground.center_id, partition, contract.encoders[Checkpoint]
        )
        self.readback = Readback(contract.kafka, partition)
        self.checkpoint: Checkpoint | None = None
        self.committed_at = float("-inf")

    def open(self) -> None:
        """Take the center over (invariant 4), then read back where it stands."""
        self._publisher.open()
        self._end_what_hangs()
        self.checkpoint = self._last_checkpoint()
        prefix = f"{self._ground.center_id}/".encode()
        letters = self.readback.keys(topics.DEAD_LETTERS, prefix)
        self._withdrawn = Withdrawn(
            (table.decode(), key) for (table, key), stands in letters.items() if stands
        )

    def _end_what_hangs(self) -> None:
        center = self._ground.center_id
        read = self._contract.checkpoints.decode
        ends = Ends(self._contract.kafka)
        while found := hanging.find(self.readback, ends, center, self._stop):
            commit = hanging.was_committed(found, self.readback, center, read)
            self._publisher.settle(hanging.again(found), commit=commit)
            self._publisher.open()  # It returns when the markers are there.
            log.warning(
                "ended a transaction that the broker had lost",
                center=center,
                topics=sorted(topic.name for topic in found),
                committed=commit,
            )

    def close(self) -> None:
        self._publisher.close()

    @property
    def withdrawn(self) -> frozenset[tuple[str, bytes]]:
        """Return the rows that are withdrawn now, as table and key."""
        return self._withdrawn.rows

    @property
    def is_ours(self) -> bool:
        """Tell whether this instance wrote the checkpoint, and it covers a whole read."""
        return self.leads and self.checkpoint is not None and not self.checkpoint.partial

    @property
    def leads(self) -> bool:
        """Tell whether this instance wrote the last checkpoint."""
        found = self.checkpoint
        return found is not None and found.instance_id == self._ground.instance_id

    def publish(self, messages: Iterable[Message], last: Callable[[], Checkpoint]) -> None:
        """Publish messages in slices, the last with the checkpoint that covers them all.

        `last` is called when all messages have been made, so that it can count what they did.
        """
        slices = cut(self._withdrawn.following(messages), most=MOST_EVENTS, most_bytes=MOST_BYTES)
        held = next(slices, [])
        for following in slices:
            self.commit(held, self.kept(self.checkpoint.snapshot if self.checkpoint else None))
            held = following
        self.commit(held, last())

    def commit(self, messages: list[Message], checkpoint: Checkpoint) -> None:
        """Publish messages and a checkpoint in one transaction, unless we are asked to leave."""
        if self._stop.is_set():
            raise Leaving
        before = self.checkpoint
        marks = () if self._contract.tracer is None else tracing.marks(messages)
        began = time.monotonic()
        self.checkpoint = self._publisher.commit(messages, checkpoint, marks)
        # Before its answer, which may have been long on its way, the center may be another's.
        self.committed_at = began
        self._committed(before, self.checkpoint, messages)

    def at(self, clock: Clock) -> Checkpoint:
        """Give the checkpoint of all that the source held when its clock was read."""
        return self._ground.at(clock, before=self.checkpoint, dead_letters=len(self._withdrawn))

    def kept(self, progress: SnapshotProgress | None) -> Checkpoint:
        """Give the checkpoint of a part: the old position, and how far all rows are read."""
        if self.checkpoint is None:
            raise ValueError("there is no position to keep")
        return self._ground.kept(
            self.checkpoint, dead_letters=len(self._withdrawn), snapshot=progress
        )

    def leave_it_to_another(self) -> None:
        """Raise TakenOver if another instance moves on; a transaction too slow fences as well."""
        deadline = time.monotonic() + HANDOVER_SECONDS
        while time.monotonic() < deadline and not self._stop.is_set():
            found = self._last_checkpoint()
            if found != self.checkpoint:
                self._refuse(found)
            self._stop.wait(1.0)

    def refuse_anothers(self) -> None:
        """Raise TakenOver if another instance wrote the checkpoint that was read back."""
        self._refuse(self.checkpoint)

    def _refuse(self, found: Checkpoint | None) -> None:
        center = self._ground.center_id
        if found is not None and found.instance_id != self._ground.instance_id:
            raise TakenOver(
                f"{center}: another producer took over ({found.instance_id})",
                hint="leave the center to that one; or stop it, then: chartfeed produce reload",
                center=center,
            )

    def _last_checkpoint(self) -> Checkpoint | None:
        value = self.readback.last(topics.CHECKPOINTS, self._ground.center_id.encode())
        return None if value is None else self._contract.checkpoints.decode(value)
