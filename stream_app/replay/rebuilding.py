"""A worker's state made anew beside the live one, which goes on meanwhile."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from contextlib import closing
from dataclasses import replace
from typing import TYPE_CHECKING, Final

from schemas.errors import BadInput
from stream_app.join import TOPICS, Contract, Partition
from stream_app.replay import source
from stream_app.replay.journal import held
from stream_app.replay.loading import Sieve, load
from stream_app.worker import rebuilt

if TYPE_CHECKING:
    from pathlib import Path

    from stream_app.replay.source import Options

__all__ = ["partitions_of", "rebuild"]

STATE: Final = re.compile(r"join-(\d+)\.sqlite")


def partitions_of(worker: Path) -> list[int]:
    """Give the partitions that a worker has a state of, or that one was made for beside it."""
    found = sorted(
        {
            int(match[1])
            for folder in (worker, rebuilt.folder(worker))
            for path in folder.glob("join-*.sqlite")
            if (match := STATE.fullmatch(path.name))
        }
    )
    if not found:
        raise BadInput(
            f"{worker} holds no state",
            hint="name a worker of this machine: chartfeed rebuild --worker ID",
        )
    return found


def rebuild(
    worker: Path,
    contract: Contract,
    kafka: Options,
    ends: Mapping[str, Mapping[int, int]],
    tell: Callable[[int, int], None],
) -> int:
    """Fill a state up to the ends by partition, mark it as whole, and count the records.

    One that was interrupted, or that waits for the worker's start, goes on; where the rules or the
    topics have changed since, its files are made anew. Nothing is published: the worker compares
    when it takes the state.
    """
    numbers = sorted(ends[TOPICS[0]])
    total = sum(sum(of.values()) for of in ends.values())
    before = 0
    with held(rebuilt.folder(worker), {}, what="rebuild") as journal:
        rebuilt.withdraw(worker)
        journal.save()
        with source.opened(kafka) as reading:
            for number in numbers:
                path = journal.folder / f"join-{number}.sqlite"
                with closing(
                    Partition.open(path, replace(contract, partition=number))
                ) as partition:
                    # No ends: only what checkpoints cover is applied.
                    partition.begin_rebuild({})
                    until = {topic: ends[topic][number] for topic in TOPICS}
                    reading.begin(number, partition.offsets(), until)
                    load(
                        partition,
                        reading,
                        Sieve(),
                        lambda at, done=before: tell(done + sum(at.values()), total),  # type: ignore[misc]  # a lambda with a default
                    )
                before += sum(until.values())
        rebuilt.finish(worker)
    return total
