"""The daily files and the sources brought together: what differs, center by center."""

from __future__ import annotations

import time
from collections.abc import Collection, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import dataclass, replace
from datetime import date, timedelta
from typing import TYPE_CHECKING, Final

from chartfeed import sources
from chartfeed.reconcile_files import Problem, Share, Spool, spool_day, spooled
from producers import approval, days
from producers.capture.source import Source
from producers.connection import connect
from producers.days import Span
from schemas.errors import ChartfeedError
from schemas.insurance import StatusTable
from stream_app.files.reading import flat, row_of
from stream_app.reconciling import Changed, Difference, Due, differences, standing
from stream_app.sink.survey import days_in

if TYPE_CHECKING:
    from chartfeed.settings import Center, Settings
    from producers.capture.clock import Clock
    from producers.days import CenterDays
    from producers.mapping import Mapping
    from schemas.records import UnifiedEntry
    from stream_app.files.targets import Target

__all__ = ["CenterResult", "Report", "Wanted", "compare", "settle"]

# A center's rows are in memory while it is compared; so few at once bound that.
THREADS: Final = 4
PATIENCE: Final = timedelta(seconds=10)


@dataclass(frozen=True, slots=True)
class Wanted:
    """What is compared: the files of a place for some centers and days; `only` narrows these."""

    settings: Settings
    centers: Sequence[Center]
    target: Target
    span: Span
    only: Collection[date] | None = None

    def __contains__(self, day: date) -> bool:
        return day in self.span and (self.only is None or day in self.only)


@dataclass(frozen=True, slots=True)
class CenterResult:
    """How a center's files compare; with an error, they could not be compared.

    `undecided` says why later changes could not be left out.
    """

    center_id: str
    days: int = 0
    rows: int = 0
    differences: tuple[Difference, ...] = ()
    left_out: tuple[Difference, ...] = ()
    live_days: frozenset[date] = frozenset()
    undecided: str | None = None
    error: ChartfeedError | None = None


@dataclass(frozen=True, slots=True)
class Report:
    """All centers' results, and what is wrong with the files themselves."""

    days: int
    problems: tuple[Problem, ...] = ()
    centers: tuple[CenterResult, ...] = ()

    @property
    def differences(self) -> list[Difference]:
        return [one for center in self.centers for one in center.differences]

    @property
    def missing(self) -> list[CenterResult]:
        return [center for center in self.centers if center.error is not None]

    @property
    def is_identical(self) -> bool:
        return not (self.problems or self.differences or self.missing)

    @property
    def exit_code(self) -> int:
        """Give 0 only where all is identical; 2 or 3 where no center could be compared."""
        if self.is_identical:
            return 0
        if len(self.missing) < len(self.centers):
            return 1
        codes = {center.error.exit_code for center in self.missing if center.error}
        return 3 if 3 in codes else 2 if codes == {2} else 1


def compare(wanted: Wanted) -> Report:
    """Compare the files of some days with the sources: the files first, each center then once.

    So the files never show more than the source does, and what the source changed meanwhile is
    later than what they claim.
    """
    listed = [day for day in days_in(wanted.target.names()) if day in wanted]
    names = frozenset(center.id for center in wanted.centers)
    problems: list[Problem] = []
    with spooled() as spool:
        for day in listed:
            problems += spool_day(spool, wanted.target, day, names)

        def work(center: Center) -> CenterResult:
            try:
                return _center(wanted, center, spool)
            except ChartfeedError as error:
                return CenterResult(center.id, error=error)

        with ThreadPoolExecutor(max_workers=max(1, min(THREADS, len(names)))) as pool:
            results = tuple(pool.map(work, wanted.centers))
    return Report(len(listed), tuple(problems), results)


def _center(wanted: Wanted, center: Center, spool: Spool) -> CenterResult:
    settings = wanted.settings
    mapping = sources.approved_mapping(settings, center)
    table = StatusTable.of(settings.insurance_status)
    with closing(connect(sources.of(settings, center), statement_timeout=600)) as connection:
        # Invariant 1: nothing is read without an approved mapping that fits the schema today.
        approval.require_fit(connection, mapping)
        source = Source(connection, mapping)
        with source.snapshot():
            clock = source.clock()
            found = days.read(
                connection, mapping, wanted.span, clock, center_name=center.name, table=table
            )
            for day in [day for day in found.days if day not in wanted]:
                del found.days[day]
            return _compared(center.id, spool, _Side(source, mapping, clock, found))


@dataclass(frozen=True, slots=True)
class _Side:
    """The source's side of a center, in its open snapshot."""

    source: Source
    mapping: Mapping
    clock: Clock
    found: CenterDays


def _compared(center_id: str, spool: Spool, side: _Side) -> CenterResult:
    found: list[Difference] = []
    since: dict[date, int | None] = {}
    live: set[date] = set()
    remaining = dict(side.found.days)
    seen = rows = 0
    for share in spool.of(center_id):
        entries = remaining.pop(share.day, [])
        since[share.day] = share.version
        if share.is_live:
            live.add(share.day)
        seen += 1
        rows += len(entries)
        found += differences(center_id, share.day, _due(entries, share), share.rows)
    # A day without files: what changed after all that any file claims may still be on its way.
    newest = spool.newest(center_id)
    for day, entries in sorted(remaining.items()):
        since[day] = newest
        seen += 1
        rows += len(entries)
        found += differences(center_id, day, _due(entries, None), [])
        if live:
            live.add(day)
    stands, left_out, undecided = _left_out(found, since, side)
    return CenterResult(
        center_id,
        days=seen,
        rows=rows,
        differences=tuple(stands),
        left_out=tuple(left_out),
        live_days=frozenset(live),
        undecided=undecided,
    )


def _due(entries: Iterable[UnifiedEntry], share: Share | None) -> list[Due]:
    rows = [Due(entry.entry_id, row_of(entry)) for entry in entries]
    if share is not None and share.is_flat:
        return [Due(one.entry_id, flat(one.row)) for one in rows]
    return rows


def _left_out(
    found: list[Difference], since: dict[date, int | None], side: _Side
) -> tuple[list[Difference], list[Difference], str | None]:
    """Leave out what changed after the files were complete, where the source still knows it."""
    claimed = {since[one.day] for one in found}
    versions = sorted(version for version in claimed if version is not None)
    if not versions:
        why = None
        if found:
            why = "the files do not say through which version they are complete"
        return found, [], why
    if versions[-1] > side.found.version:
        return (
            found,
            [],
            (
                f"the files are complete through version {versions[-1]}, and the source is at "
                f"{side.found.version}: it was restored, or is another database"
            ),
        )
    changed = days.changes(side.source, side.mapping, side.found, side.clock, versions[0])
    if changed is None:
        return (
            found,
            [],
            (
                f"what changed since version {versions[0]} is no longer known there; what differs "
                "may have changed later"
            ),
        )
    translated = Changed(
        places={(str(patient), day): at for (patient, day), at in changed.places.items()},
        patients={str(patient): at for patient, at in changed.patients.items()},
        entries=changed.entries,
        services=changed.services,
        links=changed.links,
    )
    stands, left_out = standing(found, translated, since)
    return stands, left_out, None


def settle(wanted: Wanted, patience: timedelta = PATIENCE) -> Report:
    """Compare, and compare anew what differs in files that a stream is writing, for a while."""
    report = compare(wanted)
    deadline = time.monotonic() + patience.total_seconds()
    pause = max(1.0, wanted.settings.stream.flush_interval.total_seconds())
    while time.monotonic() + pause < deadline:
        moving = {
            center.center_id: {one.day for one in center.differences} & center.live_days
            for center in report.centers
        }
        torn = {problem.day for problem in report.problems if problem.is_live}
        again = sorted(torn.union(*moving.values()))
        if not again:
            break
        # The stream's files can only be looked at; nothing tells when the next one is there.
        time.sleep(pause)
        narrow = replace(
            wanted,
            centers=[center for center in wanted.centers if torn or moving[center.id]],
            span=Span(again[0], again[-1]),
            only=frozenset(again),
        )
        report = _merged(report, compare(narrow), frozenset(again))
    return report


def _merged(before: Report, after: Report, again: frozenset[date]) -> Report:
    """Put the second look in the first one's place, where there was one."""
    second = {center.center_id: center for center in after.centers}
    centers = []
    for center in before.centers:
        new = second.get(center.center_id)
        if new is None or new.error is not None:
            centers.append(center)
            continue
        centers.append(
            replace(
                center,
                differences=(*_but(center.differences, again), *new.differences),
                left_out=(*_but(center.left_out, again), *new.left_out),
                undecided=new.undecided,
            )
        )
    problems = [one for one in before.problems if one.day not in again]
    return Report(before.days, (*problems, *after.problems), tuple(centers))


def _but(found: Iterable[Difference], again: frozenset[date]) -> list[Difference]:
    return [one for one in found if one.day not in again]
