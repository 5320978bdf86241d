"""The join of one source partition: batches in, unified rows out."""

from __future__ import annotations

import json
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from schemas.errors import SkipRecord
from schemas.insurance import cleaned
from schemas.records import UnifiedEntry
from stream_app.join import mirror, rebuild
from stream_app.join.centers import Center, Centers
from stream_app.join.contract import Contract, Outgoing, Parcel, Taken
from stream_app.join.decoding import Decoding
from stream_app.join.outbox import Applied, Outbox
from stream_app.join.publication import Publication
from stream_app.join.state import EPOCH, MICROSECOND, State, open_state
from stream_app.join.unusable import Withdrawn
from stream_app.join.waiting import CHECKPOINTS, Event, Step, Unusable, Waiting

if TYPE_CHECKING:
    from stream_app.batches import Batch

__all__ = ["Partition"]

PUBLISHED_SINCE: Final = "another worker may have published since"


class Partition:
    """A source partition's state, its join and its outbox; not for two threads at once."""

    def __init__(self, state: State, contract: Contract) -> None:
        self._state = state
        self._contract = contract
        self._connection = state.connection
        meta = state.meta()
        self._rebuilding: str | None = meta["rebuilding"]
        self._ends: dict[str, int] | None = None
        self._outbox = Outbox(self._connection, contract, meta["seq"])
        self._centers = Centers(self._connection, contract.centers)
        self._withdrawn = Withdrawn(self._connection)
        positions = self._connection.execute("SELECT topic, offset FROM position")
        self._waiting = Waiting(contract.partition, dict(positions))
        for center in self._centers:
            self._waiting.follow(center.id, center.applied)
        self._decoding = Decoding(contract.schema_of)
        self._readers = {topic: self._decoding.reader(topic) for topic in mirror.UPSERT}
        self._unusable: list[Unusable] = []
        self._publication = Publication(
            self._connection, contract, self._outbox, self._centers, self._withdrawn
        )
        self.told: Callable[[str, Sequence[Event]], None] | None = None
        """Is told of the events of a topic that are applied, before their transaction commits."""

    @classmethod
    def open(cls, path: Path, contract: Contract) -> Partition:
        """Open the state, or make a new one that has to be rebuilt.

        A file that doesn't fit (another format, other rules, other topics, too old) is put
        aside under the same name with `.aside`. Where the configuration has changed, the rows
        that it touches are recomputed.
        """
        state = open_state(path, contract)
        try:
            found = cls(state, contract)
            state.watch(changes=found.rebuilding is None)
            found._reconfigure()
        except BaseException:
            state.close()
            raise
        return found

    def close(self) -> None:
        """Let go of the file; what waits in memory is read again."""
        self._state.close()

    @property
    def rebuilding(self) -> str | None:
        """Why nothing is published until `finish_rebuild`, None where that is done."""
        return self._rebuilding

    def offsets(self) -> dict[str, int]:
        """Return where to read each topic on; a topic that is not named: from the beginning."""
        return dict(self._connection.execute("SELECT topic, offset FROM position"))

    def take(self, batches: Iterable[Batch]) -> Taken:
        """Take in what was read and apply what checkpoints cover, in one transaction.

        RetryLater (the registry can't be asked) leaves all as it was: call again, with the same
        batches or with none. Any other error must end the process.
        """
        if self._rebuilding is not None and self._ends is None:
            raise RuntimeError("begin_rebuild comes before the first batch of a rebuild")
        for batch in batches:
            self._read(batch)
        steps = self._waiting.ready(self._ends)
        with self._state.transaction():
            before = self._outbox.seq
            dead_letters = self._refuse()
            events, moved = self._apply(steps)
            rows = self._publication.publish(moved) if self._rebuilding is None else 0
            self._connection.executemany(
                "INSERT OR REPLACE INTO position VALUES (?, ?)",
                self._waiting.offsets(steps).items(),
            )
            self._keep(advanced=self._outbox.seq != before)
        for step in steps:
            applied = self._centers.get(step.center, whole=True).applied
            self._waiting.applied(step, applied)
        return Taken(
            events=events,
            checkpoints=len(moved),
            rows=rows,
            dead_letters=dead_letters,
            waiting=self._waiting.count,
            ahead=self._waiting.ahead(),
        )

    def outbox(self, limit: int) -> Parcel:
        """Return the oldest messages that are not sent, at most `limit`; none while rebuilding."""
        if self._rebuilding is not None:
            return Parcel((), 0, progress=False)
        return self._outbox.parcel(limit)

    def progress(self, parcel: Parcel, ends: Mapping[int, int]) -> list[Outgoing]:
        """Return what the parcel makes true, given each unified partition's last offset in it."""
        return self._outbox.progress(parcel, ends, lambda num: self._centers.by_num[num].id)

    def sent(self, parcel: Parcel, ends: Mapping[int, int]) -> None:
        """Forget a parcel whose transaction has committed; `ends` as given to `progress`."""
        with self._state.transaction():
            self._outbox.sent(parcel, ends)

    def begin_rebuild(self, ends: Mapping[str, int]) -> None:
        """Publish nothing until every topic has been read to its end as it is now.

        Called on every assignment while `rebuilding`, and for a state that is whole when another
        worker may have published since it was last used.
        """
        with self._state.transaction():
            self._rebuilding = self._rebuilding or PUBLISHED_SINCE
            self._state.note(rebuilding=self._rebuilding)
            self._connection.execute("DELETE FROM published")
            self._outbox.drop()
            for center in self._centers:
                center.whole = False
                self._centers.save(center)
            self._state.watch(changes=False)
        self._ends = dict(ends)

    @property
    def read_to_ends(self) -> bool:
        """Tell whether all topics have been read to the ends given to `begin_rebuild`."""
        positions = self._waiting.positions
        return self._ends is not None and all(
            positions[topic] >= end for topic, end in self._ends.items()
        )

    def finish_rebuild(
        self, published: Iterable[tuple[bytes, UnifiedEntry | None]], ends: Mapping[int, int]
    ) -> int:
        """Put into the outbox how the rows differ from those published, and count it.

        `published` is unified-entries from the beginning, in order per partition, tombstones
        included; rows of other partitions' centers are passed over. `ends` has the last offset
        read of each unified partition. A center with events that its checkpoint does not cover
        yet follows when one does.
        """
        if not self.read_to_ends:
            raise RuntimeError("the topics are not read to the ends yet")
        with self._state.transaction():
            rebuild.load(self._connection, self._contract, self._centers, published)
            self._outbox.ends(ends)
            self._rebuilding = None
            self._state.note(rebuilding=None)
            self._state.watch(changes=True)
            rows = self._publication.publish(list(self._centers))
            self._keep(advanced=True)
        self._ends = None
        return rows

    def reread(self, offset: int) -> None:
        """Have checkpoints read again from an earlier offset; what is applied is passed over."""
        with self._state.transaction() as connection:
            connection.execute(
                "UPDATE position SET offset = min(offset, ?) WHERE topic = ?", (offset, CHECKPOINTS)
            )
        positions = self._waiting.positions
        positions[CHECKPOINTS] = min(offset, positions[CHECKPOINTS])

    def applied(self) -> dict[str, tuple[Applied, int]]:
        """Give the checkpoint of each center that has one, and its withdrawn rows."""
        return {
            center.id: (center.checkpoint, self._withdrawn.per_center[center.id])
            for center in self._centers
            if center.checkpoint is not None
        }

    def unknown_kinds(self) -> Counter[tuple[str, str]]:
        """Count insurers whose ART the status table doesn't name, by center and ART."""
        found: Counter[tuple[str, str]] = Counter()
        for num, kind, count in self._connection.execute(
            "SELECT center, kind, count(*) FROM insurer GROUP BY center, kind"
        ):
            for unknown in self._contract.statuses.unknown([kind]):
                found[self._centers.by_num[num].id, unknown] += count
        return found

    def _read(self, batch: Batch) -> None:
        if batch.partition != self._contract.partition:
            raise ValueError(f"partition {batch.partition} is not {self._contract.partition}")
        if batch.topic != CHECKPOINTS:
            self._unusable += self._waiting.read(batch, self._readers[batch.topic])
            return
        positions = self._waiting.positions
        for record in batch.records:
            if record.offset < positions[CHECKPOINTS]:
                continue
            if record.value is not None:
                try:
                    found = self._decoding.checkpoint(record.key, record.value)
                except SkipRecord as error:
                    key = record.key
                    center = None if key is None else key.decode(errors="replace")
                    refused = Unusable(CHECKPOINTS, record.offset, key, center, error.reason)
                    self._unusable.append(refused)
                else:
                    self._waiting.checkpoint(record.offset, found)
            positions[CHECKPOINTS] = record.offset + 1
        positions[CHECKPOINTS] = max(positions[CHECKPOINTS], batch.position)

    def _refuse(self) -> int:
        """Note what can't be used, each record once, however often it is read."""
        found = [unusable for unusable in self._unusable if self._withdrawn.add(unusable)]
        self._unusable.clear()
        for unusable in found:
            self._outbox.dead_letter(unusable)
        behind = {unusable.center for unusable in found}
        for center in self._centers:
            if center.id in behind:
                self._publication.tell(center)
        return len(found)

    def _apply(self, steps: list[Step]) -> tuple[int, list[Center]]:
        """Apply what the steps hold to the mirror; give how many events, and who moved."""
        by_topic: dict[str, list[tuple[int, list[Event]]]] = defaultdict(list)
        moved = []
        for step in steps:
            center = self._centers.get(step.center, whole=self._rebuilding is None)
            for topic, events in step.events.items():
                by_topic[topic].append((center.num, events))
                if self.told is not None:
                    self.told(topic, events)
                self._withdrawn.seen(
                    center.id, topic, ((offset, key) for offset, key, _, _ in events)
                )
                center.pass_over({topic: events[-1][0]})
                center.took(topic, _last_usable(events))
            if step.checkpoint is not None:
                offset, checkpoint = step.checkpoint
                center.reach(offset, checkpoint, dict(self._waiting.covers(checkpoint)))
                self._withdrawn.seen_checkpoint(center.id, offset)
                moved.append(center)
            self._centers.save(center)
        count, places = 0, set[tuple[Any, ...]]()
        for topic, parts in by_topic.items():
            each = ((num, event) for num, events in parts for event in events)
            count += mirror.apply(self._connection, topic, each, places)
        if self._rebuilding is None:
            mirror.touch(self._connection, places)
        return count, moved

    def _keep(self, *, advanced: bool) -> None:
        facts: dict[str, Any] = {"used_at": (self._contract.now() - EPOCH) // MICROSECOND}
        if advanced:
            facts["seq"] = self._outbox.seq
        self._state.note(**facts)

    def _reconfigure(self) -> None:
        """Recompute what other names of centers, or another status table, change."""
        table = self._contract.statuses.described()
        before: dict[str, str] = json.loads(self._state.meta()["statuses"])
        renamed = [
            center
            for center in self._centers
            if self._contract.centers.get(center.id, center.name) != center.name
        ]
        if table == before and not renamed:
            return
        other = {kind for kind, _ in table.items() ^ before.items()}
        with self._state.transaction():
            self._state.note(statuses=json.dumps(table))
            for center in renamed:
                center.name = self._contract.centers[center.id]
                self._centers.save(center)
                mirror.touch_center(self._connection, center.num)
            kinds = self._connection.execute("SELECT DISTINCT kind FROM insurer").fetchall()
            touched = [kind for (kind,) in kinds if cleaned(kind) in other]
            mirror.touch_insurers(self._connection, touched)
            if self._rebuilding is None:
                self._publication.publish(list(self._centers))
            else:
                mirror.touch_nothing(self._connection)
            self._keep(advanced=True)


def _last_usable(events: list[Event]) -> int:
    for offset, _, content, size in reversed(events):
        if content is not None or not size:
            return offset
    return -1
