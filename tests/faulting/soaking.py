"""Steady work for a long time, and whether anything grows that should not."""

from __future__ import annotations

import threading
import time
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median
from typing import Any, Final

import psutil

from schemas import topics
from tests.faulting.audits import Audit
from tests.faulting.ground import Ground, Size, ground
from tests.faulting.rounds import FIRST_SECONDS, SETTLED_SECONDS, settle
from tests.faulting.steady import steady

__all__ = ["KEPT", "MEGABYTE", "Soak", "soak"]

EVERY_SECONDS: Final = 5.0
MEGABYTE: Final = 1_000_000
WARM: Final = 0.4
"""The share of a soak in which caches fill and nothing is judged."""
COMPACTING: Final[Mapping[str, object]] = {
    # A log gives room back within a few minutes instead of a week.
    "log.segment.bytes": 1_048_576,
    "log.roll.ms": 60_000,
    "log.cleaner.backoff.ms": 10_000,
    "log.cleaner.min.cleanable.ratio": 0.1,
    "log.cleaner.delete.retention.ms": 10_000,
}
KEPT: Final = "what is kept for hours"
LASTING: Final = frozenset(topic.name for topic in topics.ALL if topic.history is not None)
"""Topics that keep all of their records for hours, whatever the soak declares."""
PATIENTS: Final = 60
TOPICS: Final[Mapping[str, int]] = {"min_compaction_lag": 10, "delete_retention": 30}


@dataclass(slots=True)
class Soak:
    """What was measured of each process, and of the disk, over time."""

    seconds: float = 0.0
    commits: int = 0
    changes: int = 0
    memory: dict[str, list[int]] = field(default_factory=lambda: defaultdict(list))
    handles: dict[str, list[int]] = field(default_factory=lambda: defaultdict(list))
    disk: dict[str, list[int]] = field(default_factory=lambda: defaultdict(list))

    @property
    def rate(self) -> float:
        return self.changes / self.seconds

    def grown(self, series: Mapping[str, list[int]]) -> dict[str, tuple[int, int]]:
        """Give each series' median in the first and the last third of what is judged."""
        found = {}
        for name, values in series.items():
            judged = values[int(len(values) * WARM) :]
            third = max(1, len(judged) // 3)
            found[name] = int(median(judged[:third])), int(median(judged[-third:]))
        return found

    def table(self) -> str:
        """Give a line for each series: where it stood, and where it ended."""
        lines = ["| what | after the warm-up | at the end |", "|---|--:|--:|"]
        for name, (first, last) in self.grown(self.memory).items():
            lines.append(
                f"| memory of {name} | {first / MEGABYTE:.0f} MB | {last / MEGABYTE:.0f} MB |"
            )
        for name, (first, last) in self.grown(self.handles).items():
            lines.append(f"| file handles of {name} | {first} | {last} |")
        for name, (first, last) in self.grown(self.disk).items():
            lines.append(
                f"| disk of {name} | {first / MEGABYTE:.1f} MB | {last / MEGABYTE:.1f} MB |"
            )
        return "\n".join(lines)


def soak(
    folder: Path,
    minutes: float,
    chartfeed: Any,
    *,
    rate: float = 23.0,
    say: Callable[[str], None] = lambda _: None,
) -> Soak:
    """Work for so long without a fault, then hold all against the journal; `rate` is of commits."""
    size = Size(
        centers=4,
        producers=1,
        workers=1,
        rate=rate,
        patients=PATIENTS,
        poll="500ms",
        clock=False,
        choose=steady,
        broker=COMPACTING,
        topics=TOPICS,
    )
    found = Soak()
    with ground(folder, 0, size, chartfeed) as on:
        audit = Audit(on)
        settle(on, FIRST_SECONDS)
        audit.begin()
        tick = threading.Event()
        with on.at_work(0):
            began = time.monotonic()
            while time.monotonic() - began < 60 * minutes:
                on.keep()
                _measure(on, found)
                tick.wait(EVERY_SECONDS)
            found.seconds = time.monotonic() - began
        on.settle_journal(0)
        say(f"worked for {found.seconds:.0f} s; settling")
        settle(on, SETTLED_SECONDS)
        audit.compacted()
        commits = [one for scene in on.scenes.values() for one in scene.truth.eras[-1].commits]
        found.commits = len(commits)
        found.changes = sum(len(one.changes) for one in commits)
        ended = {post.name: dict(post.ends) for post in on.posts.values() if post.ends}
        assert not ended, f"these ended by themselves: {ended}"
    return found


def _measure(on: Ground, found: Soak) -> None:
    pids = {name: post.process.pid for name, post in on.posts.items() if post.process is not None}
    for name, pid in pids.items():
        with suppress(psutil.NoSuchProcess):
            process = psutil.Process(pid)
            found.memory[name].append(process.memory_full_info().uss)
            found.handles[name].append(process.num_fds())
    found.handles["the broker"].append(_handles(on.services["broker"].pid))
    found.disk["the workers' state"].append(_bytes(_files(on.on.folder / "state")))
    told = _files(on.on.folder / "kafka" / "data")
    found.disk["the broker"].append(_bytes(path for path in told if not _is_kept(path)))
    found.disk["the daily files"].append(_bytes(_files(on.output)))
    found.disk["the logs"].append(_bytes(on.on.folder.glob("*.log")))
    found.disk[KEPT].append(_bytes(path for path in told if _is_kept(path)))


def _is_kept(path: Path) -> bool:
    return path.parent.name.rpartition("-")[0] in LASTING


def _handles(pid: int) -> int:
    """Count a process's open files, without those of topics that grow for hours."""
    found = 0
    for handle in Path(f"/proc/{pid}/fd").iterdir():
        with suppress(OSError):  # Closed since it was listed.
            found += not _is_kept(handle.readlink())
    return found


def _files(folder: Path) -> list[Path]:
    return list(folder.rglob("*"))


def _bytes(paths: Iterable[Path]) -> int:
    total = 0
    for path in paths:
        with suppress(OSError):  # Gone since it was listed.
            total += path.stat().st_blocks * 512
    return total
