"""Discovery and approval over many centers: what the commands and the demo call."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from collections.abc import Mapping as Dict
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, TypeVar

import click

from chartfeed import sources
from producers import approval, audit, discover, drift, mapping_file, merging, validation
from producers.choices import Choices
from producers.connection import connect
from producers.discovery import valuebank
from producers.discovery.valuebank import ValueBank
from producers.errors import Drift, MappingDamaged, Unapproved
from schemas.errors import ChartfeedError
from schemas.insurance import StatusTable

if TYPE_CHECKING:
    import pyodbc

    from chartfeed.settings import Center, Settings
    from producers.catalog import Catalog
    from producers.mapping import Mapping
    from producers.validation import Report

__all__ = [
    "Outcome",
    "State",
    "approval_problem",
    "approve",
    "bank",
    "each",
    "examine",
    "load",
    "propose",
    "revoke",
    "seal",
    "state",
    "write",
]

MOST_THREADS = 16
T = TypeVar("T")
_LEARNING = threading.Lock()


@dataclass(frozen=True, slots=True)
class Outcome:
    """What discovery gave for a center: a mapping, or why not; `kept` says why none was written."""

    center: Center
    mapping: Mapping | None = None
    kept: str | None = None
    error: ChartfeedError | None = None


@dataclass(frozen=True, slots=True)
class State:
    """Where a center's mapping stands."""

    center: Center
    word: str
    open_points: tuple[str, ...] = ()
    detail: str | None = None
    reviewed_by: str | None = None


def each(centers: Sequence[Center], work: Callable[[Center], T]) -> list[T]:
    """Give what `work` gives for each center, several at once, in the centers' order."""
    with ThreadPoolExecutor(max_workers=max(1, min(MOST_THREADS, len(centers)))) as pool:
        return list(pool.map(work, centers))


def opened(settings: Settings, center: Center) -> closing[pyodbc.Connection]:
    """Open a connection to a center that closes at the end of its block."""
    return closing(connect(sources.of(settings, center)))


def bank(settings: Settings) -> ValueBank:
    """Give what approved centers taught."""
    return valuebank.load(settings.mappings / valuebank.NAME)


def propose(
    settings: Settings, center: Center, learned: ValueBank, chosen: Dict[str, str] | None = None
) -> Mapping:
    """Give a fresh proposal around what was `chosen`; nothing is written."""
    with opened(settings, center) as connection:
        return discover.propose(
            connection,
            center=center.id,
            database=center.database,
            learned=learned.learned,
            chosen=chosen,
        )


def write(
    settings: Settings,
    centers: Sequence[Center],
    *,
    by: str,
    now: Callable[[], datetime],
    again: bool = False,
) -> list[Outcome]:
    """Propose a mapping for each center and write it, unless a person's work would be lost.

    Where an approved schema moved, what the reviewer chose and is still there stays chosen. With
    `again` nothing of a present file is kept; one that is damaged is put aside.
    """
    learned = bank(settings)

    def work(center: Center) -> Outcome:
        try:
            kept, drifted = (None, None) if again else _present(settings, center)
            if drifted is None:
                proposed = propose(settings, center, learned)
            else:
                names = merging.decided(drifted.mapping, drifted.catalog)
                fresh = propose(settings, center, learned, names)
                proposed = merging.redecided(fresh, drifted.mapping, names)
            if again:
                _put_aside_damaged(settings, center)
            if kept is None:
                approval.propose(settings.mappings, proposed, by=by, at=now())
                if again or drifted is not None:
                    _forget(settings, center)
        except ChartfeedError as error:
            return Outcome(center, error=error)
        return Outcome(center, proposed, kept)

    return each(centers, work)


@dataclass(frozen=True, slots=True)
class _Drifted:
    """An approved mapping that no longer fits, and what is there of it now."""

    mapping: Mapping
    catalog: Catalog


def _present(settings: Settings, center: Center) -> tuple[str | None, _Drifted | None]:
    """Say why the center's present file must stay, or give it where its schema moved."""
    path = mapping_file.path_of(settings.mappings, center.id)
    if not path.exists():
        return None, None
    present = mapping_file.load(path, center=center.id)
    if approval_problem(settings, center) is None:
        with opened(settings, center) as connection:
            catalog = drift.live(connection, present)
        if drift.differences(present, catalog):
            return None, _Drifted(present, catalog)
        return f"approved by {present.reviewed_by}", None
    if present.fingerprint != present.current_fingerprint():
        return "edited by hand", None
    return None, None


def _put_aside_damaged(settings: Settings, center: Center) -> None:
    path = mapping_file.path_of(settings.mappings, center.id)
    if not path.exists():
        return
    try:
        mapping_file.load(path, center=center.id)
    except MappingDamaged:
        path.replace(path.with_name(f"{path.name}.damaged"))


def load(settings: Settings, center: Center) -> Mapping:
    """Give a center's mapping as its file has it, with the names marked that came by hand."""
    path = mapping_file.path_of(settings.mappings, center.id)
    mapping = mapping_file.load(path, center=center.id)
    named = audit.of_center(settings.mappings, center.id).named
    if named is None or named.names is None:
        return mapping
    return merging.by_hand(mapping, named.names)


def examine(settings: Settings, center: Center, mapping: Mapping, choices: Choices) -> Report:
    """Give the mapping with what was chosen, and what the validation says of it."""
    with opened(settings, center) as connection:
        if choices.names or choices.live:
            fresh = discover.propose(
                connection,
                center=center.id,
                database=center.database,
                learned=bank(settings).learned,
                chosen=merging.chosen_names(mapping, choices),
            )
            mapping = merging.merged(mapping, fresh, choices)
        return validation.validate(
            connection,
            mapping,
            center_name=center.name,
            table=StatusTable.of(settings.insurance_status),
        )


def approve(
    settings: Settings, center: Center, choices: Choices, *, reviewer: str, at: datetime
) -> tuple[Mapping, Report]:
    """Validate and approve a center's mapping; the value bank learns from it."""
    before = load(settings, center)
    report = examine(settings, center, before, choices)
    return seal(settings, report, before, reviewer=reviewer, at=at), report


def seal(
    settings: Settings, report: Report, before: Mapping, *, reviewer: str, at: datetime
) -> Mapping:
    """Write the approval of what was examined, and let the value bank learn from it.

    A bank that is damaged stops this before anything is approved; one that can't be written
    afterwards is a warning, for the approval holds.
    """
    with _LEARNING:
        present = bank(settings)
        approved = approval.approve(settings.mappings, report, before, reviewer=reviewer, at=at)
        # What the center taught before may be what was wrong.
        learned = valuebank.learn(_without(present, approved.center), approved)
        _remember(settings, present, learned)
    return approved


def revoke(
    settings: Settings,
    center: Center,
    present: Mapping,
    *,
    reviewer: str,
    reason: str,
    at: datetime,
) -> Mapping:
    """Write the mapping as an open proposal again, and forget what it taught."""
    revoked = approval.revoke(settings.mappings, present, reviewer=reviewer, reason=reason, at=at)
    _forget(settings, center)
    return revoked


def _forget(settings: Settings, center: Center) -> None:
    """Take out of the value bank what a center taught; failing that is a warning."""
    with _LEARNING:
        try:
            known = bank(settings)
        except ChartfeedError as error:
            click.echo(
                f"chartfeed: {center.id}: what it taught is not forgotten: {error}", err=True
            )
        else:
            _remember(settings, known, _without(known, center.id))


def _remember(settings: Settings, present: ValueBank, learned: ValueBank) -> None:
    if learned == present:
        return
    path = settings.mappings / valuebank.NAME
    try:
        mapping_file.replace_file(path, valuebank.render(learned))
    except OSError as error:
        click.echo(f"chartfeed: {path} can't be written: {error.strerror}", err=True)


def _without(known: ValueBank, center: str) -> ValueBank:
    """Give the bank without what a center taught; names that somebody entered by hand stay."""
    names = {
        point: {
            name: tuple(one for one in centers if one != center)
            for name, centers in learned.items()
            if centers != (center,)
        }
        for point, learned in known.names.items()
    }
    return ValueBank({point: learned for point, learned in names.items() if learned})


def approval_problem(settings: Settings, center: Center) -> str | None:
    """Say why a center's file is not approved, None where it is; every reader asks the same."""
    try:
        sources.approved_mapping(settings, center)
    except Unapproved as error:
        return error.message.removeprefix(f"{center.id}: ")
    return None


def state(settings: Settings, center: Center) -> State:
    """Tell where a center's mapping stands, its live schema included."""
    try:
        mapping = load(settings, center)
        points = tuple(mapping.open_points())
        problem = approval_problem(settings, center)
        if problem is not None:
            return State(center, "unreviewed", points, problem)
        with opened(settings, center) as connection:
            approval.require_fit(connection, mapping)
    except Drift as error:
        return State(center, "drift", detail=error.message)
    except ChartfeedError as error:
        word = "unreviewed" if error.exit_code == 2 else "down"
        return State(center, word, detail=error.message)
    return State(center, "approved", points, reviewed_by=mapping.reviewed_by)
