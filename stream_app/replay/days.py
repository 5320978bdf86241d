"""Days from the replay's store to their files; nobody owns them."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import date, datetime
from typing import TYPE_CHECKING

from schemas.errors import BadInput
from stream_app.files import day as files
from stream_app.replay.shelf import Page, Shelf
from stream_app.sink.completeness import Share
from stream_app.sink.survey import days_in

if TYPE_CHECKING:
    from stream_app.files.targets import Target
    from stream_app.replay.claims import Claims

__all__ = ["Writing", "refuse_owned"]


def refuse_owned(target: Target) -> None:
    """Raise BadInput where a stream writes, before anything is read."""
    for day in days_in(target.names()):
        found = files.sound_manifest(target, day)
        if found is not None and found.generation is not None:
            raise BadInput(
                f"the files of {day.isoformat()} in {target} belong to a running stream",
                hint="name another folder with --output",
            )


@dataclass(frozen=True, slots=True)
class Writing:
    """How days are written, and what their manifests say."""

    target: Target
    formats: tuple[str, ...]
    claims: Claims
    clock: Callable[[], datetime]

    def write(self, shelf: Shelf, days: Iterable[date], tell: Callable[[date], None]) -> None:
        """Write days as the shelf has them; `tell` hears of each when it is written."""
        with shelf.views() as views:
            for day in days:
                page = Page.of(day, views)
                shares = {
                    center: Share(page.counts.get(center, 0), page.unusable.get(center, 0))
                    for center in {*page.counts, *page.unusable}
                }
                manifest = files.write_entries(
                    self.target,
                    day,
                    page,
                    formats=self.formats,
                    centers=self.claims.lines(shares),
                    written_at=self.clock(),
                )
                shelf.note(page, manifest.files)
                tell(day)
