"""Days from the replay's store to their files; nobody owns them."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import date, datetime
from typing import TYPE_CHECKING

from schemas.errors import BadInput
from stream_app.files import day as files
from stream_app.files.manifest import Damaged
from stream_app.sink.completeness import Share
from stream_app.sink.survey import days_in

if TYPE_CHECKING:
    from stream_app.files.targets import Target
    from stream_app.replay.claims import Claims
    from stream_app.sink.store import Store

__all__ = ["Writing", "refuse_owned"]


def refuse_owned(target: Target) -> None:
    """Raise BadInput where a stream writes, before anything is read."""
    for day in days_in(target.names()):
        try:
            found = files.read_manifest(target, day)
        except Damaged:
            continue
        if found is not None and found.generation is not None:
            raise BadInput(
                f"the files of {day.isoformat()} in {target!r} belong to a running stream",
                hint="name another folder with --output",
            )


@dataclass(frozen=True, slots=True)
class Writing:
    """How days are written, and what their manifests say."""

    target: Target
    formats: tuple[str, ...]
    claims: Claims
    clock: Callable[[], datetime]

    def write(self, store: Store, days: Iterable[date], tell: Callable[[int], None]) -> None:
        """Write days as the store has them; `tell` hears how many are written."""
        view = store.view()
        try:
            for written, day in enumerate(days, start=1):
                with view.snapshot():
                    known = view.day(day)
                    counts, unusable = view.counts(day), view.unusable(day)
                    shares = {
                        center: Share(counts.get(center, 0), unusable.get(center, 0))
                        for center in {*counts, *unusable}
                    }
                    manifest = files.write_entries(
                        self.target,
                        day,
                        view.rows(day, sum(counts.values())),
                        formats=self.formats,
                        centers=self.claims.lines(shares),
                        written_at=self.clock(),
                    )
                if known is not None:
                    store.written(day, known.changed, manifest.files)
                tell(written)
        finally:
            view.close()
