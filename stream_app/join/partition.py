"""The join of one source partition: batches in, unified rows out."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from schemas.records import UnifiedEntry
    from stream_app.batches import Batch
    from stream_app.join.contract import Contract, Outgoing, Parcel, Taken

__all__ = ["Partition"]


class Partition(Protocol):
    """A source partition's state, its join and its outbox; not for two threads at once."""

    @classmethod
    def open(cls, path: Path, contract: Contract) -> Partition:
        """Open the state, or make a new one that has to be rebuilt.

        A file that doesn't fit (another format, other rules, other topics, too old) is put
        aside under the same name with `.aside`. Where the configuration has changed, the rows
        that it touches are recomputed.
        """
        ...

    @property
    def rebuilding(self) -> str | None:
        """Why nothing is published until `finish_rebuild`, None where that is done."""
        ...

    def offsets(self) -> dict[str, int]:
        """Return where to read each topic on; a topic that is not named: from the beginning."""
        ...

    def take(self, batches: Iterable[Batch]) -> Taken:
        """Take in what was read and apply what checkpoints cover, in one transaction.

        RetryLater (the registry can't be asked) leaves all as it was: call again, with the same
        batches or with none. Any other error must end the process.
        """
        ...

    def outbox(self, limit: int) -> Parcel:
        """Return the oldest messages that are not sent, at most `limit`; none while rebuilding."""
        ...

    def progress(self, parcel: Parcel, ends: Mapping[int, int]) -> list[Outgoing]:
        """Return what the parcel makes true, given each unified partition's last offset in it."""
        ...

    def sent(self, parcel: Parcel, ends: Mapping[int, int]) -> None:
        """Forget a parcel whose transaction has committed; `ends` as given to `progress`."""
        ...

    def begin_rebuild(self, ends: Mapping[str, int]) -> None:
        """Publish nothing until every topic has been read to its end as it is now.

        Called on every assignment while `rebuilding`, and for a state that is whole when another
        worker may have published since it was last used.
        """
        ...

    @property
    def read_to_ends(self) -> bool:
        """Tell whether all topics have been read to the ends given to `begin_rebuild`."""
        ...

    def finish_rebuild(
        self, published: Iterable[tuple[bytes, UnifiedEntry | None]], ends: Mapping[int, int]
    ) -> int:
        """Put into the outbox how the rows differ from those published, and count it.

        `published` is unified-entries from the beginning, in order per partition, tombstones
        included; rows of other partitions' centers are passed over. `ends` has the last offset
        read of each unified partition.
        """
        ...

    def unknown_kinds(self) -> Counter[tuple[str, str]]:
        """Count insurers whose ART the status table doesn't name, by center and ART."""
        ...

    def close(self) -> None:
        """Let go of the file; what waits in memory is read again."""
        ...
