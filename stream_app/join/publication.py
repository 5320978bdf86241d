"""From what a change touched to what goes out: rows that differ, and Progress behind them."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from datetime import date
from functools import lru_cache
from typing import Final

from schemas import topics
from schemas.codec import HEADER, MAGIC
from schemas.records import UnifiedEntry
from stream_app.join import mirror, rebuild
from stream_app.join.centers import Center, Centers
from stream_app.join.contract import Contract
from stream_app.join.outbox import Outbox
from stream_app.join.packs import Message
from stream_app.join.rows import Difference, Rows, center_content, value_end
from stream_app.join.state import EPOCH
from stream_app.join.unusable import Withdrawn
from stream_app.join.waiting import NOWHERE, Unusable
from stream_app.many import put

__all__ = ["Publication"]

# Touched patients' days that are in memory at once: an insurer may touch 100,000.
GROUPS: Final = 5_000
# A broker takes a million bytes unless told otherwise: with the key, which is in the row again, and
# the headers of a thousand traces. Above what one event may have, so only a row made of several.
LARGEST: Final = 920_000
REMEMBER: Final = """WITH found (num, digest) AS (VALUES (?, ?))
UPDATE entry SET digest = found.digest FROM found WHERE entry.num = found.num"""


@lru_cache(maxsize=4096)
def _day(day: int, partitions: int) -> tuple[int, str]:
    """Give the unified partition of a day, and the day as keys have it."""
    found = date.fromordinal(day)
    return topics.partition_of_day(found, partitions), found.isoformat()


class Publication:
    """Fills a partition's outbox; all of it belongs inside a transaction of the state."""

    def __init__(
        self,
        connection: sqlite3.Connection,
        contract: Contract,
        outbox: Outbox,
        centers: Centers,
        withdrawn: Withdrawn,
    ) -> None:
        self._connection = connection
        self._contract = contract
        self._outbox = outbox
        self._centers = centers
        self._withdrawn = withdrawn
        self._rows = Rows(contract.statuses)
        self._header = HEADER.pack(MAGIC, contract.schema_ids[UnifiedEntry])

    def publish(self, moved: list[Center]) -> int:
        """Put rows that differ into the outbox, then what is true of who moved; count the rows."""
        for center in moved:
            if not center.whole and self._may_be_published(center):
                center.whole = True
                self._centers.save(center)
                self._withdrawn.compared(center.id)
                rebuild.compare(self._connection, center)
        rows = self._recompute()
        for center in moved:
            self.tell(center)
        return rows

    def _may_be_published(self, center: Center) -> bool:
        """Tell whether a center can be compared: whole, and not in the middle of a snapshot."""
        if center.checkpoint is None or not center.is_covered:
            return False
        return not center.checkpoint.snapshot or not rebuild.has_published(self._connection, center)

    def _recompute(self) -> int:
        connection = self._connection
        mirror.widen(connection)
        if not all(center.whole for center in self._centers):
            for table in ("touched", "gone"):
                connection.execute(
                    f"DELETE FROM temp.{table} WHERE center IN "
                    "(SELECT num FROM main.center WHERE NOT whole)"
                )
        count = self._outbox.rows(self._tombstones())
        names = {center.num: center_content(center.id, center.name) for center in self._centers}
        changed: dict[int, bytes] = {}
        first, last = connection.execute("SELECT min(n), max(n) FROM touched").fetchone()
        for start in range(first or 0, (last or -1) + 1, GROUPS):
            found = list(self._rows.differing(connection, start, start + GROUPS - 1, names))
            put(connection, REMEMBER, [(row[1], row[5]) for row in found])
            count += self._outbox.rows(self._values(found, changed))
        for num in changed:
            self._centers.save(self._centers.by_num[num])
        mirror.touch_nothing(connection)
        return count

    def _tombstones(self) -> Iterator[Message]:
        for num, id_, day in self._connection.execute("SELECT center, key, day FROM gone"):
            partition, key = self._place(num, id_, day)
            self._withdrawn.publishable(key)
            yield partition, key, None

    def _values(self, found: list[Difference], changed: dict[int, bytes]) -> Iterator[Message]:
        header, place, withheld = self._header, self._place, self._withdrawn.rows
        for num, _, id_, day, content, _ in found:
            end = changed.get(num)
            if end is None:
                end = changed[num] = self._value_end(self._centers.by_num[num])
            partition, key = place(num, id_, day)
            if len(content) > LARGEST:
                self._refuse(num, key)
                yield partition, key, None
                continue
            if withheld:
                self._withdrawn.publishable(key)
            yield partition, key, header + content + end

    def _refuse(self, num: int, key: bytes) -> None:
        """Withhold a row that Kafka would not take (invariant 9)."""
        center = self._centers.by_num[num].id
        unusable = Unusable(topics.UNIFIED_ENTRIES.name, NOWHERE, key, center, "too-large")
        if self._withdrawn.add(unusable):
            self._outbox.dead_letter(unusable)

    def _value_end(self, center: Center) -> bytes:
        captured_at = EPOCH if center.checkpoint is None else center.checkpoint.captured_at
        return value_end(center.next_revision(), captured_at)

    def _place(self, num: int, row: object, day: int) -> tuple[int, bytes]:
        """Give the unified partition and the key of a row."""
        partition, when = _day(day, self._contract.partitions)
        return partition, f"{when}/{self._centers.by_num[num].id}/{row}".encode()

    def tell(self, center: Center) -> None:
        """Have Progress written when all that is in the outbox now has gone out."""
        if center.whole and center.checkpoint is not None:
            unusable = self._withdrawn.per_center[center.id]
            self._outbox.due(center.num, center.checkpoint, unusable)
