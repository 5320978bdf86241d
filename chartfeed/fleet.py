"""The centers of one producer, as the configuration says now."""

from __future__ import annotations

import threading
from dataclasses import dataclass, field, replace
from functools import partial
from typing import TYPE_CHECKING, Final

import structlog

from chartfeed import sources
from chartfeed.standing import Approved
from producers.capture.center import Center
from producers.capture.job import Job
from producers.connection import connect
from schemas import topics

if TYPE_CHECKING:
    import pyodbc

    from chartfeed.settings import Center as CenterSettings
    from chartfeed.settings import Settings
    from producers.capture.feed import Contract
    from producers.capture.orders import Orders
    from producers.capture.status import Board
    from producers.capture.tally import Tally

__all__ = ["Crew", "Fleet", "in_shard"]

# A first look at many changes may take a server minutes; nothing waits for it but its center.
STATEMENT_SECONDS: Final = 300

log = structlog.get_logger("chartfeed.capture")


def in_shard(center_id: str, shard: tuple[int, int] | None) -> bool:
    """Tell whether a center is this process's, the same on every machine and for ever."""
    if shard is None:
        return True
    number, of = shard
    return topics.partition_of_center(center_id, of) == number - 1


@dataclass(frozen=True, slots=True, eq=False)
class Crew:
    """What all centers of a process share."""

    contract: Contract
    board: Board
    tally: Tally
    orders: Orders
    instance_id: str


@dataclass(frozen=True, slots=True)
class Post:
    """Makes a center's capture; equal posts make the same, whatever else the files say."""

    center: CenterSettings
    relevant: tuple[object, ...]
    settings: Settings = field(compare=False)
    crew: Crew = field(compare=False)

    def __call__(self, leave: threading.Event) -> Center:
        settings, center = self.settings, self.center
        return Center(
            Job(
                center_id=center.id,
                mapping=Approved(settings, center),
                connect=partial(_connection, settings, center),
                contract=self.crew.contract,
                instance_id=self.crew.instance_id,
                poll_interval=settings.producers.poll_interval.total_seconds(),
                guard=settings.producers.resync_guard,
                update=partial(self.crew.board.update, center.id),
                tally=self.crew.tally,
                command=partial(self.crew.orders.of, center.id),
            ),
            leave,
        )


@dataclass(frozen=True, slots=True)
class Fleet:
    """Which of the configuration's centers are this process's."""

    names: tuple[str, ...]
    shard: tuple[int, int] | None

    def centers(self, settings: Settings) -> list[CenterSettings]:
        """Give the centers named, or all that are enabled, as far as they are in the shard."""
        return [one for one in settings.select(self.names) if in_shard(one.id, self.shard)]

    def posts(self, settings: Settings, crew: Crew) -> dict[str, Post]:
        """Give what makes each center's capture."""
        producers = settings.producers
        relevant = (
            settings.sqlserver,
            settings.mappings,
            producers.poll_interval,
            producers.resync_guard,
        )
        return {one.id: Post(one, relevant, settings, crew) for one in self.centers(settings)}

    def posts_again(self, before: Settings, now: Settings, crew: Crew) -> dict[str, Post]:
        """Give them for files that were read again; one that was named may be gone by now."""
        known = {center.id for center in now.centers}
        names = tuple(name for name in self.names if name in known)
        if self.names and not names:
            return {}
        # What the process was started with stays: it is connected by that.
        kept = replace(now, kafka=before.kafka, registry=before.registry)
        if kept != now:
            log.warning("another broker or registry is for the next start", file=str(now.path))
        return replace(self, names=names).posts(kept, crew)


def _connection(settings: Settings, center: CenterSettings) -> pyodbc.Connection:
    return connect(sources.of(settings, center), statement_timeout=STATEMENT_SECONDS)
