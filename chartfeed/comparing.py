"""The daily files and the sources brought together: what differs, center by center."""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import dataclass, replace
from datetime import date, timedelta
from typing import TYPE_CHECKING, Final

from chartfeed import sources
from chartfeed.amounts import amount
from chartfeed.reconcile import live as reconcile_live
from chartfeed.reconcile.files import Problem, Share, Spool, spool_day, spooled
from chartfeed.reconcile.report import CenterResult, Report
from chartfeed.reconcile.unwritten import unwritten
from producers import approval, days
from producers.capture.source import Source
from producers.connection import connect
from producers.days import Span
from schemas.errors import ChartfeedError, Outside, RetryLater
from schemas.insurance import StatusTable
from stream_app.files.day import sound_manifest
from stream_app.files.reading import flat, row_of
from stream_app.reconciling import Changed, Difference, Due, differences, standing
from stream_app.sink.survey import days_in

if TYPE_CHECKING:
    from chartfeed.reconcile.live import Live
    from chartfeed.settings import Center, Settings
    from producers.capture.clock import Clock
    from producers.days import CenterDays
    from producers.mapping import Mapping
    from schemas.records import UnifiedEntry
    from stream_app.files.targets import Target

__all__ = ["Wanted", "compare", "settle"]

# A center's rows are in memory while it is compared; so few at once bound that.
THREADS: Final = 4
PATIENCE: Final = timedelta(seconds=10)
# So many manifests tell whether a stream keeps the files.
NEWEST: Final = 3


@dataclass(frozen=True, slots=True)
class Wanted:
    """What is compared: the files of a place for some centers and days; `only` narrows these.

    `live` tells how far the files are that a stream keeps, whatever their manifests say. `told` is
    called with each center's result, in threads of the comparison.
    """

    settings: Settings
    centers: Sequence[Center]
    target: Target
    span: Span
    only: Collection[date] | None = None
    live: Live | None = None
    told: Callable[[CenterResult], None] | None = None

    def __contains__(self, day: date) -> bool:
        return day in self.span and (self.only is None or day in self.only)

    def listed(self) -> list[date]:
        """Give the days of it that have files now, in order."""
        return [day for day in days_in(self.target.names()) if day in self]


def compare(wanted: Wanted) -> Report:
    """Compare the files of some days with the sources: the files first, each center then once.

    So the files never show more than the source does, and what the source changed meanwhile is
    later than what they claim.
    """
    listed = wanted.listed()
    names = frozenset(center.id for center in wanted.centers)
    problems: list[Problem] = []
    with spooled() as spool:
        for day in listed:
            problems += spool_day(spool, wanted.target, day, names)

        def work(center: Center) -> CenterResult:
            try:
                result = _center(wanted, center, spool)
            except ChartfeedError as error:
                result = CenterResult(center.id, error=error)
            if wanted.told is not None:
                wanted.told(result)
            return result

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
            side = _Side(source, mapping, clock, found, wanted.live)
            return _compared(center.id, spool, side)


@dataclass(frozen=True, slots=True)
class _Side:
    """The source's side of a center, in its open snapshot."""

    source: Source
    mapping: Mapping
    clock: Clock
    found: CenterDays
    live: Live | None

    def through(self, day: date, claimed: int | None) -> int | None:
        """Give the version that a day's files of a stream show at least."""
        known = None if self.live is None else self.live.through(self.mapping.center, day)
        return max((one for one in (known, claimed) if one is not None), default=None)


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
            since[share.day] = side.through(share.day, share.version)
        seen += 1
        rows += len(entries)
        found += differences(center_id, share.day, _due(entries, share), share.rows)
    # A day without files: what changed after all that any file claims may still be on its way.
    newest = spool.newest(center_id)
    for day, entries in sorted(remaining.items()):
        since[day] = side.through(day, newest) if live else newest
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
    """Compare, and for a while anew what differs in files that a stream is writing.

    Days whose files come meanwhile are compared and counted, too. What differs then in days that
    the stream has yet to write is told apart.
    """
    note = None
    seen = set(wanted.listed())
    try:
        wanted = replace(wanted, live=_live(wanted, sorted(seen)[-NEWEST:]))
    except (RetryLater, Outside) as error:
        note = f"only the manifests tell how far the files are: {error.message}"
    report = replace(compare(wanted), note=note)
    pause = max(1.0, wanted.settings.stream.flush_interval.total_seconds())
    # However long the stream may take by its configuration, its files are looked at again.
    deadline = time.monotonic() + patience.total_seconds() + pause
    while time.monotonic() + pause < deadline:
        moving = _moving(report)
        torn = {problem.day for problem in report.problems if problem.is_live}
        came = set(wanted.listed()) - seen
        if not (torn or came or any(moving.values())):
            break
        # The stream's files can only be looked at; nothing tells when the next one is there.
        time.sleep(pause)
        came |= set(wanted.listed()) - seen
        seen |= came
        again = sorted(torn.union(came, *moving.values()))
        narrow = replace(
            wanted,
            centers=[center for center in wanted.centers if torn or came or moving[center.id]],
            span=Span(again[0], again[-1]),
            only=frozenset(again),
        )
        report = report.settled(compare(narrow), frozenset(again))
    return _told_apart(wanted, replace(report, days=len(seen)))


def _moving(report: Report) -> dict[str, set[date]]:
    """Give each center's days that differ, of those whose files a stream owns."""
    return {
        center.center_id: {one.day for one in center.differences} & center.live_days
        for center in report.centers
    }


def _told_apart(wanted: Wanted, report: Report) -> Report:
    """Say which days differ because the stream has not written them yet."""
    days = sorted(set().union(*_moving(report).values()))
    if wanted.live is None or not days:
        return report
    kafka = wanted.settings.kafka
    try:
        found = unwritten(kafka.client, kafka.topics.partitions, wanted.target, days)
    except (RetryLater, Outside) as error:
        return replace(
            report, note=f"whether what differs waits to be written is not known: {error.message}"
        )
    if not found:
        return report
    said = amount(len(found), "day waits", "days wait")
    note = f"{said} for the stream to write what it has taken: {min(found)} to {max(found)}"
    return replace(report, unwritten=found, note=note)


def _live(wanted: Wanted, newest: Sequence[date]) -> Live | None:
    """Ask how far the stream is, where the newest files are a stream's."""
    for day in newest:
        manifest = sound_manifest(wanted.target, day)
        if manifest is not None and manifest.generation is not None:
            return reconcile_live.look(wanted.settings, [center.id for center in wanted.centers])
    return None
