"""Closes one day: looks, checks, writes the report and then the marker.

Only the marker and the reports are written; the day's own files are their worker's. Called again it
does the same again, wherever it was broken off before: what is final and unchanged stays as it is.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from statistics import median
from typing import Any, Final

import orjson

from stream_app.closing import checks, completion, marker, readable, report, usual
from stream_app.closing.content import Content, Problem, counted, read_day, rows
from stream_app.closing.marker import Marker
from stream_app.closing.report import Report
from stream_app.closing.thresholds import Checks
from stream_app.files.day import sound_manifest
from stream_app.files.manifest import CenterLine, Manifest
from stream_app.files.reading import Unreadable
from stream_app.files.targets import Target

__all__ = ["REPORTS", "Center", "Closed", "Closer"]

REPORTS: Final = "reports"


@dataclass(frozen=True, slots=True)
class Center:
    """A center that has to be in every day."""

    id: str
    name: str
    timezone: str


@dataclass(frozen=True, slots=True)
class Closed:
    """How a day stands, as its report says it; `is_new` where that was not so before."""

    day: date
    said: Mapping[str, Any]
    text: str
    is_new: bool

    @property
    def is_final(self) -> bool:
        return bool(self.said["state"] == "final")

    @property
    def identity(self) -> str:
        return report.identity(self.said)

    @property
    def is_quiet(self) -> bool:
        return report.is_quiet(self.said)

    @property
    def headline(self) -> str:
        return self.text.partition("\n")[0]


@dataclass(frozen=True, slots=True)
class Closer:
    """`centers` are due every day, `names` are all that are known; `lines` brings claims up to now.

    `pause` is called between two looks at files that are being written.
    """

    target: Target
    output: str
    centers: tuple[Center, ...]
    names: Mapping[str, str]
    thresholds: Checks
    lines: Callable[[Manifest], tuple[CenterLine, ...]]
    now: Callable[[], datetime]
    pause: Callable[[], object]

    @property
    def reports(self) -> Target:
        return self.target.inside(REPORTS)

    def dues(self, day: date) -> tuple[completion.Due, ...]:
        """Give the centers that have to be in a day, and when it ends there."""
        return completion.dues(day, ((one.id, one.timezone) for one in self.centers))

    def missing(self, day: date) -> tuple[completion.Missing, ...]:
        """Give the centers that the day lacks now."""
        manifest = sound_manifest(self.target, day)
        lines = None if manifest is None else self.lines(manifest)
        return completion.missing(self.dues(day), lines)

    def close(self, day: date) -> Closed:
        """Look at a day and say how it stands; final only where nothing is missing or unsound."""
        before = marker.read(self.target, day)
        content = read_day(self.target, day, self.pause)
        stands = self._standing(day, before, content)
        if stands is not None:
            return stands
        found, tallies = self._look(day, content, before)
        said = report.content(found)
        old = self._stored(day)
        revision = found.revision
        is_marked = revision != (None if before is None else before.revision)
        is_known = not is_marked and old is not None and old.identity == report.identity(said)
        if old is not None and is_known and found.state == "stopped":
            return old  # It says since when, and what had changed.
        # The report comes first: a marker without its report would hide what had changed.
        self._write(day, found)
        if is_marked and revision is not None:
            self._mark(found, revision, content, before, tallies)
        return Closed(day, said, readable.text(found), is_new=not is_known)

    def earlier(self, day: date, again: timedelta) -> list[date]:
        """Give the days before one, the newest first, from the first that somebody tried to close.

        Those behind it may have been missed, or their run died; those before it nobody asked for.
        """
        days = [day - timedelta(days=back) for back in range(1, again.days + 1)]
        while days and not self._was_tried(days[-1]):
            days.pop()
        return days

    def _was_tried(self, day: date) -> bool:
        return self._stored(day) is not None or self.target.read(marker.name(day)) is not None

    def _standing(self, day: date, before: Marker | None, content: Content | None) -> Closed | None:
        """Give what was said of a day that is final and has not changed since."""
        if before is None or not _stands(before, content):
            return None
        stored = self._stored(day)
        # A report of another revision was written by a run that died before its marker.
        return stored if stored and stored.said["revision"] == before.revision else None

    def _stored(self, day: date) -> Closed | None:
        stem = _stem(day)
        said, text = (self.reports.read(f"{stem}.{kind}") for kind in ("json", "txt"))
        if said is None or text is None:
            return None
        try:
            content = orjson.loads(said)
            report.identity(content)
            return Closed(day, content, text.decode(), is_new=False)
        except (ValueError, TypeError, KeyError):
            return None  # Nobody's report any more: it is written anew.

    def _look(
        self, day: date, content: Content | None, before: Marker | None
    ) -> tuple[Report, tuple[checks.CenterRows, ...]]:
        lines = None if content is None else self.lines(content.manifest)
        stands = before is not None and _stands(before, content)
        lacking = () if stands else completion.missing(self.dues(day), lines)
        zones = {center.id: center.timezone for center in self.centers}
        known = usual.counts(usual.earlier(self.target, day, self.thresholds.rows.weeks), zones)
        problems, seen = self._seen(day, content, known)
        tallies = () if seen is None else seen.tallies
        outcomes = () if seen is None else seen.outcomes
        unsound = bool(problems) or any(one.result == "stop" for one in outcomes)
        state: report.State = "incomplete" if lacking else "stopped" if unsound else "final"
        if stands:
            # It was complete and sound when it was closed, and is the same to the byte.
            state = "final"
        changed = None
        if before is not None and content is not None and before.files != content.manifest.files:
            changed = marker.change(before, tallies, content.format)
        found = Report(
            day=day,
            state=state,
            at=self.now(),
            output=self.output,
            revision=_revision(state, before, stands=stands),
            record_count=0 if content is None else content.manifest.record_count,
            files={} if content is None else content.manifest.files,
            missing=lacking,
            problems=problems,
            outcomes=outcomes,
            centers=lines or (),
            usual={
                center: round(median(counts))
                for center, counts in known.items()
                if len(counts) >= self.thresholds.rows.known
            },
            changed=changed,
        )
        return found, tallies

    def _seen(
        self, day: date, content: Content | None, known: dict[str, list[int]]
    ) -> tuple[tuple[Problem, ...], checks.Seen | None]:
        if content is None or content.problems:
            return (() if content is None else content.problems), None
        try:
            seen = checks.run(self.thresholds, day, rows(content), self.names, known)
        except Unreadable as error:
            return (Problem(content.format or "files", error.message),), None
        counts = Counter({one.center_id: one.record_count for one in seen.tallies})
        return tuple(counted(content.manifest, counts)), seen

    def _write(self, day: date, found: Report) -> None:
        stem = _stem(day)
        self.reports.replace(f"{stem}.txt", [readable.text(found).encode()])
        self.reports.replace(f"{stem}.json", [report.render(found)])

    def _mark(
        self,
        found: Report,
        revision: int,
        content: Content | None,
        before: Marker | None,
        tallies: tuple[checks.CenterRows, ...],
    ) -> None:
        read_from = None if content is None else content.format
        if before is not None and not tallies:
            tallies, read_from = before.centers, before.read_from
        written = Marker(
            target_date=found.day,
            state="final" if found.state == "final" else "withdrawn",
            revision=revision,
            closed_at=found.at,
            record_count=found.record_count,
            files=found.files,
            centers=tallies,
            read_from=read_from,
        )
        self.target.replace(marker.name(found.day), [marker.render(written)])


def _stands(before: Marker, content: Content | None) -> bool:
    """Tell whether a day is final, and still what it was when it was closed."""
    return (
        before.state == "final"
        and content is not None
        and not content.problems
        and before.files == content.manifest.files
    )


def _revision(state: report.State, before: Marker | None, *, stands: bool) -> int | None:
    """Give the marker's revision after this look; a new one where the marker has to change."""
    if before is None:
        return 1 if state == "final" else None
    if stands or (state != "final" and before.state == "withdrawn"):
        return before.revision
    return before.revision + 1


def _stem(day: date) -> str:
    return f"close_{day.isoformat()}"
