"""Mappings of many centers: proposed, written, loaded, and where each of them stands."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Sequence
from collections.abc import Mapping as Dict
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from chartfeed import learning, sources
from producers import approval, audit, discover, drift, mapping_file, merging
from producers.connection import connect
from producers.discovery.valuebank import ValueBank
from producers.errors import Drift, MappingDamaged, Unapproved
from schemas.errors import ChartfeedError

if TYPE_CHECKING:
    import pyodbc

    from chartfeed.settings import Center, Settings
    from producers.catalog import Catalog
    from producers.mapping import Mapping

__all__ = [
    "Outcome",
    "State",
    "approval_problem",
    "each",
    "load",
    "opened",
    "propose",
    "state",
    "write",
]

MOST_THREADS = 16
T = TypeVar("T")


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
    learned = learning.bank(settings)

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
                    learning.forget(settings, center.id)
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
        path.replace(_unused(path.with_name(f"{path.name}.damaged")))


def _unused(path: Path) -> Path:
    """Give the path, or one with a number where there is such a file already."""
    numbered = (path.with_name(f"{path.name}{number}") for number in itertools.count(2))
    return next(one for one in itertools.chain([path], numbered) if not one.exists())


def load(settings: Settings, center: Center) -> Mapping:
    """Give a center's mapping as its file has it, with the names marked that came by hand."""
    path = mapping_file.path_of(settings.mappings, center.id)
    mapping = mapping_file.load(path, center=center.id)
    named = audit.of_center(settings.mappings, center.id).named
    if named is None or named.names is None:
        return mapping
    return merging.by_hand(mapping, named.names)


def approval_problem(settings: Settings, center: Center) -> str | None:
    """Say why a center's file is not approved, None where it is; every reader asks the same."""
    try:
        sources.approved_mapping(settings, center)
    except Unapproved as error:
        return _of_it(center, error)
    return None


def _of_it(center: Center, error: ChartfeedError) -> str:
    """Give an error's message without the center, beside whose name it stands."""
    return error.message.removeprefix(f"{center.id}: ")


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
        return State(center, "drift", detail=_of_it(center, error))
    except ChartfeedError as error:
        word = "unreviewed" if error.exit_code == 2 else "down"
        return State(center, word, detail=_of_it(center, error))
    return State(center, "approved", points, reviewed_by=mapping.reviewed_by)
