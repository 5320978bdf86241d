"""What is to be sent: written with the change that makes it, kept until it has gone out.

Rows and the Progress that follows from them are numbered in one sequence; a parcel is all up to
a number. Progress says where its rows end, which the sender learns only while sending.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from schemas import topics
from schemas.codec import Encoder
from schemas.records import DeadLetter, Offset, Progress
from stream_app.join.contract import Contract, Outgoing, Parcel
from stream_app.join.packs import Message, packed, packs, unpacked
from stream_app.join.state import EPOCH, MICROSECOND, moment
from stream_app.join.waiting import NOWHERE, Unusable
from stream_app.letters import letter

__all__ = ["Applied", "Outbox"]

UNIFIED: Final = topics.UNIFIED_ENTRIES.name
BY_KEY: Final = -1
INSERT: Final = "INSERT INTO outbox VALUES (?, ?, ?, ?)"
# A parcel is of this size at most, or else of one pack.
BYTES: Final = 4_000_000


@dataclass(frozen=True, slots=True)
class Applied:
    """A checkpoint as a center's state keeps it."""

    offset: int
    version: int
    captured_at: datetime
    partial: bool
    snapshot: bool
    dead_letters: int


class Outbox:
    """One partition's messages to come; all but `parcel` belong inside a transaction."""

    def __init__(self, connection: sqlite3.Connection, contract: Contract, seq: int) -> None:
        self._connection = connection
        self._contract = contract
        self._dead_letter = Encoder(DeadLetter, contract.schema_ids[DeadLetter])
        self._progress = Encoder(Progress, contract.schema_ids[Progress])
        self.seq = seq

    def rows(self, rows: Iterable[Message]) -> int:
        """Add unified rows by partition, key and value, and count them."""
        count = 0
        for some in packs(rows):
            self._add(UNIFIED, some)
            count += len(some)
        return count

    def _add(self, topic: str, messages: list[Message]) -> None:
        self.seq += 1
        row = (self.seq, topic, len(messages), packed(messages))
        self._connection.execute(INSERT, row)

    def dead_letter(self, unusable: Unusable) -> None:
        """Add what is to be known of a record that can't be used, however long its key is."""
        nowhere = unusable.offset == NOWHERE
        key, found = letter(
            unusable.topic,
            None if nowhere else self._contract.partition,
            None if nowhere else unusable.offset,
            unusable.key,
            center=unusable.center,
            reason=unusable.reason,
            at=self._contract.now(),
        )
        self._add(topics.DEAD_LETTERS.name, [(BY_KEY, key, self._dead_letter.encode(found))])

    def due(self, center: int, applied: Applied, unusable: int) -> None:
        """Add the Progress of a checkpoint that is applied with what was added before."""
        self.seq += 1
        self._connection.execute(
            "INSERT INTO due VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
            (
                self.seq,
                center,
                applied.offset,
                applied.version,
                (applied.captured_at - EPOCH) // MICROSECOND,
                applied.partial,
                applied.dead_letters + unusable,
                "dead-letter" if unusable else None,
                (self._contract.now() - EPOCH) // MICROSECOND,
            ),
        )

    def parcel(self, limit: int) -> Parcel:
        """Give the oldest messages, about `limit` at most, and where they end."""
        rows: list[Outgoing] = []
        through, size = self.seq, 0
        for seq, topic, count, pack in self._connection.execute(
            "SELECT seq, topic, count, pack FROM outbox ORDER BY seq"
        ):
            size += len(pack)
            if rows and (len(rows) + count > limit or size > BYTES):
                through = seq - 1
                break
            rows += [
                Outgoing(topic, None if partition == BY_KEY else partition, key, value)
                for partition, key, value in unpacked(pack, count)
            ]
        (progress,) = self._connection.execute(
            "SELECT EXISTS (SELECT 1 FROM due WHERE seq <= ?)", (through,)
        ).fetchone()
        return Parcel(tuple(rows), through, bool(progress))

    def progress(
        self, parcel: Parcel, ends: Mapping[int, int], name_of: Callable[[int], str]
    ) -> list[Outgoing]:
        """Give the newest Progress of each center that the parcel makes true."""
        known = dict(self._connection.execute("SELECT partition, offset FROM unified_end"))
        offsets = tuple(
            Offset(UNIFIED, partition, offset)
            for partition, offset in sorted((known | dict(ends)).items())
        )
        due = self._connection.execute(
            "SELECT * FROM due WHERE seq <= ? ORDER BY seq", (parcel.through,)
        ).fetchall()
        newest = {row[1]: row[2:] for row in due}
        made = []
        for num, row in newest.items():
            checkpoint, version, captured_at, partial, dead_letters, behind, applied_at = row
            record = Progress(
                center_id=name_of(num),
                version=version,
                captured_at=moment(captured_at),
                partial=bool(partial),
                checkpoint_offset=checkpoint,
                offsets=offsets,
                dead_letters=dead_letters,
                behind=behind,
                applied_at=moment(applied_at),
            )
            value = self._progress.encode(record)
            key = record.center_id.encode()
            made.append(Outgoing(topics.PROGRESS.name, self._contract.partition, key, value))
        return made

    def sent(self, parcel: Parcel, ends: Mapping[int, int]) -> None:
        """Take out what has gone out."""
        through = (parcel.through,)
        self._connection.execute("DELETE FROM outbox WHERE seq <= ?", through)
        self._connection.execute("DELETE FROM due WHERE seq <= ?", through)
        self.ends(ends)

    def ends(self, ends: Mapping[int, int]) -> None:
        """Remember the last offset of each unified partition."""
        self._connection.executemany(
            "INSERT OR REPLACE INTO unified_end VALUES (?, ?)", ends.items()
        )

    def drop(self) -> None:
        """Forget rows and Progress that a comparison will find again; dead letters stay."""
        self._connection.execute("DELETE FROM outbox WHERE topic = ?", (UNIFIED,))
        self._connection.execute("DELETE FROM due")
