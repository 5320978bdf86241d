"""A very large transaction beside another center on its partition: what it costs, measured."""

from __future__ import annotations

import threading
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import dataclass

from producers import connection
from tests.producing import producing
from tests.scene import Scene

__all__ = ["Crowding", "crowd"]


@dataclass(frozen=True, slots=True)
class Crowding:
    """What the producer's memory rose to beyond what it had, and how the other center fared."""

    grown: int
    slices: int
    other_between: int
    """How many checkpoints of the other came between the slices."""
    longest_wait: float
    seconds: float


def crowd(big: Scene, other: Scene, rows: int) -> Crowding:
    """Commit so many rows at once in one center, while the other's staff go on."""
    assert big.partition == other.partition
    log = big.stage.folder / f"{big.id}.crowd.log"
    both = ("--center", big.id, "--center", other.id)
    over = threading.Event()
    entries: list[list[object]] = [
        [1_000_000 + at, 1 + at % 5, 20220401 + at % 28, f"Eintrag {at}, Füllung mod", 0]
        for at in range(rows)
    ]
    with producing(big.stage.config, log, *both) as producer, ThreadPoolExecutor(1) as pool:
        big.caught_up()
        other.caught_up()
        before = producer.most_memory()
        first = len(big.seen.checkpoints)
        waiting = pool.submit(_work_on, other, over)
        try:
            big.insert("KARTEI", entries)
            began = time.monotonic()
            big.caught_up(seconds=300)
            seconds = time.monotonic() - began
        finally:
            over.set()
        longest = waiting.result()
        grown = producer.most_memory() - before
        assert 0 == producer.stop(), producer.said()
    slices = [
        arrival
        for checkpoint, arrival in list(zip(big.seen.checkpoints, big.seen.arrivals, strict=True))[
            first:
        ]
        if checkpoint.partial
    ]
    between = [at for at in other.seen.arrivals if slices[0] < at < slices[-1]]
    return Crowding(grown, len(slices), len(between), longest, seconds)


def _work_on(scene: Scene, over: threading.Event) -> float:
    """Change a row again and again, and give how long the longest took to be read."""
    [entry] = scene.some("KARTEI", 1)
    sql = scene.named(f"UPDATE <KARTEI> SET <KARTEI.BEMERKUNG> = ? WHERE ID = {entry}")
    longest = 0.0
    number = 0
    with closing(connection.connect(scene.login)) as own:
        while not over.is_set():
            number += 1
            began = time.monotonic()
            own.execute(sql, f"Nr. {number}").close()
            scene.note(own)
            version = own.execute("SELECT CHANGE_TRACKING_CURRENT_VERSION()").fetchval()
            scene.until(
                lambda seen, due=version: (
                    not seen.checkpoint.partial and seen.checkpoint.version >= due
                )
            )
            longest = max(longest, time.monotonic() - began)
    return longest
