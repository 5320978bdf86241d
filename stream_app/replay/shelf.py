"""The days of all source partitions, of which each keeps its own: a center's rows are in one."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Final

from schemas import topics
from stream_app.sink.rows import RowReader
from stream_app.sink.store import Identity, Store
from stream_app.sink.view import HELD, View

if TYPE_CHECKING:
    from stream_app.files.manifest import DataFile
    from stream_app.join import Contract

__all__ = ["Page", "Shelf", "opened", "store_of"]

LONGEST_REST: Final = timedelta(days=36500)
"""An interrupted replay knows where it ends; nothing it misses matters."""


@contextmanager
def store_of(folder: Path, number: int, contract: Contract) -> Iterator[Store]:
    """Open the days of a source partition."""
    identity = Identity(number, contract.topic_ids[topics.UNIFIED_ENTRIES.name], LONGEST_REST)
    reader = RowReader(contract.schema_of)
    path = folder / f"days-{number}.sqlite"
    with closing(Store(path, identity, reader, contract.now())) as store:
        yield store


@contextmanager
def opened(folder: Path, contract: Contract) -> Iterator[Shelf]:
    """Open the days of all source partitions."""
    with ExitStack() as stack:
        yield Shelf(
            [
                stack.enter_context(store_of(folder, number, contract))
                for number in range(contract.partitions)
            ]
        )


class Shelf:
    """All stores as one."""

    def __init__(self, stores: list[Store]) -> None:
        self._stores = stores

    def settle(self) -> None:
        """Take all marks away: only what changes from now on is written."""
        for store in self._stores:
            store.settle()

    def stale(self, days: Iterable[date]) -> None:
        """Mark days to be written, though they may have no row."""
        self._stores[0].stale(days)

    def dirty(self) -> list[date]:
        """Give the days that changed since they were written, the newest first."""
        return sorted({day for store in self._stores for day in store.dirty()}, reverse=True)

    def written(self) -> list[date]:
        """Give the days that have files, the newest first."""
        found = {known.day for store in self._stores for known in store.days() if known.files}
        return sorted(found, reverse=True)

    def note(self, page: Page, files: dict[str, DataFile]) -> None:
        """Note that a day's files show it as the page does."""
        for store, changed in zip(self._stores, page.changed, strict=True):
            if changed is not None:
                store.written(page.day, changed, files)

    @contextmanager
    def views(self) -> Iterator[list[View]]:
        """Give what pages are read from; nobody changes the stores meanwhile."""
        with ExitStack() as stack:
            yield [stack.enter_context(closing(store.view())) for store in self._stores]


@dataclass(frozen=True, slots=True)
class Page:
    """A day's rows in the order of files."""

    day: date
    views: list[View]
    homes: Mapping[str, View]
    """Which view has a center."""
    counts: Mapping[str, int]
    unusable: Mapping[str, int]
    changed: list[int | None]
    """By store, which change of the day this is."""
    held: list[bytes]
    """The rows of a usual day, which are read once."""

    @classmethod
    def of(cls, day: date, views: list[View]) -> Page:
        counts: dict[str, int] = {}
        unusable: dict[str, int] = {}
        homes: dict[str, View] = {}
        changed: list[int | None] = []
        for view in views:
            found = view.counts(day)
            counts |= found
            unusable |= view.unusable(day)
            homes |= dict.fromkeys(found, view)
            known = view.day(day)
            changed.append(None if known is None else known.changed)
        page = cls(day, views, homes, counts, unusable, changed, [])
        if len(page) <= HELD:
            page.held.extend(page._read())
        return page

    def __len__(self) -> int:
        return sum(self.counts.values())

    def __iter__(self) -> Iterator[bytes]:
        return iter(self.held) if self.held else self._read()

    def _read(self) -> Iterator[bytes]:
        for center in sorted(self.homes, key=str.encode):
            yield from self.homes[center].center_rows(self.day, center)
