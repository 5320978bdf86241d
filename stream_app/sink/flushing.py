"""One day from the state to its files, and its manifest kept fresh."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import TYPE_CHECKING, TypeAlias

from stream_app.files import day as files
from stream_app.files.manifest import (
    CenterLine,
    DataFile,
    Manifest,
    Measured,
    Position,
)
from stream_app.files.rendering import Entries
from stream_app.sink.completeness import Share

if TYPE_CHECKING:
    from stream_app.files.targets import Target
    from stream_app.sink.store import Store
    from stream_app.sink.view import Day, View

__all__ = ["Interrupted", "Lines", "Writer", "whole"]

# Gives a manifest's lines for the centers' shares of a day, the partition and its position.
Lines: TypeAlias = Callable[[Mapping[str, Share], int, int], Sequence[CenterLine]]


class Interrupted(Exception):
    """The partition is given away in the middle of a write; nothing of it was put in place."""


@dataclass(frozen=True, slots=True)
class Writer:
    """Writes the days of one partition; `stop` is asked every thousand rows."""

    target: Target
    formats: tuple[str, ...]
    lines: Lines
    generation: int | None
    stop: Callable[[], bool] = lambda: False
    clock: Callable[[], datetime] = lambda: datetime.now(UTC)

    def write(self, store: Store, view: View, day: date) -> Manifest:
        """Write a day as the state has it now, the manifest last, and clear its mark.

        The mark stays when the day has changed in the meantime.
        """
        partition = store.identity.partition
        with view.snapshot() as position:
            known = view.day(day)
            shares = _shares(view, day)
            rows = view.rows(day, sum(share.rows for share in shares.values()))
            manifest = files.write_entries(
                self.target,
                day,
                _Stoppable(rows, self.stop),
                formats=self.formats,
                centers=self.lines(shares, partition, position),
                written_at=self.clock(),
                generation=self.generation,
                position=Position(partition, position),
                changed_at=None if known is None else known.changed_at,
            )
        if known is not None:
            store.written(day, known.changed, manifest.files)
        return manifest

    def refresh(self, store: Store, view: View, day: date) -> bool:
        """Write the manifest anew for files that are those of the state; tell if they were.

        The generation in it is then this one's, so an older owner writes the day no more.
        """
        partition = store.identity.partition
        with view.snapshot() as position:
            known = view.day(day)
            shares = _shares(view, day)
        present = self._fitting(day, known)
        if present is None:
            return False
        files.refresh(
            self.target,
            present,
            centers=self.lines(shares, partition, position),
            written_at=self.clock(),
            generation=self.generation,
            position=Position(partition, position),
        )
        return True

    def check(self, store: Store, view: View, day: date, names: Collection[str]) -> bool:
        """Tell if the manifest is that of the state, and if files of these names are as it says.

        An older owner's manifest becomes this one's, so that owner writes the day no more.
        """
        with view.snapshot():
            known = view.day(day)
        present = self._fitting(day, known)
        if present is None or known is None:
            return False
        if present.generation != self.generation and not self.refresh(store, view, day):
            return False
        read = [file for file in present.files.values() if file.name in names]
        return all(_intact(self.target, file) for file in read)

    def _fitting(self, day: date, known: Day | None) -> Manifest | None:
        """Give a day's manifest if its files are those that the state has written."""
        # A damaged one is written anew, as one that is missing.
        present = files.sound_manifest(self.target, day)
        if present is None or known is None or known.dirty or present.files != known.files:
            return None
        return present


def whole(target: Target, manifest: Manifest) -> bool:
    """Tell whether a day's files are there and have the hashes that the manifest gives."""
    return all(_intact(target, file) for file in manifest.files.values())


def _intact(target: Target, claimed: DataFile) -> bool:
    try:
        measured = Measured(claimed.name, target.pieces(claimed.name))
        for _ in measured:
            pass
    except FileNotFoundError:
        return False
    return measured.found() == claimed


@dataclass(frozen=True, slots=True)
class _Stoppable:
    entries: Entries
    stop: Callable[[], bool]

    def __len__(self) -> int:
        return len(self.entries)

    def __iter__(self) -> Iterator[bytes]:
        for number, entry in enumerate(self.entries):
            if not number % 1000 and self.stop():
                raise Interrupted
            yield entry


def _shares(view: View, day: date) -> dict[str, Share]:
    counts, unusable = view.counts(day), view.unusable(day)
    return {
        center: Share(
            rows=counts.get(center, 0),
            unusable=unusable.get(center, 0),
            name=view.center_name(day, center),
        )
        for center in {*counts, *unusable}
    }
