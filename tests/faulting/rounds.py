"""A run: rounds of faults over a feed at work, and after each an audit of all that it said."""

from __future__ import annotations

import random
import threading
import time
import traceback
from collections import Counter
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Final

from schemas import topics
from schemas.records import DeadLetter
from tests.events import committed, decoded, key_of
from tests.faulting.audits import Audit, difference
from tests.faulting.ground import Ground, Size, ground
from tests.faulting.kinds import KINDS, POISON, POISON_KEY, POISONS, WORKERS
from tests.faulting.schedule import Planned, Round, shown
from tests.feeding import Samples

__all__ = ["Happened", "Run", "run", "settle"]

TICK: Final = 0.1
SETTLED_SECONDS: Final = 300.0
FIRST_SECONDS: Final = 300.0
TRACE: Final = "Traceback (most recent call last)"
DISTURBING: Final = frozenset({"broker", "workers-kafka", "more", "clock", *WORKERS})
"""What a fault strikes that may leave a worker without an answer."""
POINT_SECONDS: Final = 25.0
"""So long a process has, after the round's last fault, to come to the point where it is to end."""


@dataclass(slots=True)
class Happened:
    """What became of one planned fault."""

    kind: str
    target: str
    injected: bool
    recovered: float | None = None
    """Seconds from the end of the round's last fault until the files said all; None: never."""
    reason: str | None = None
    """Why it was not inflicted."""
    missed: bool = False
    """It came to nothing: no process came to the point, or the folder was in use all the time."""


@dataclass
class Run:
    """A seed's run, and what was found; the command plays it again."""

    seed: int
    rounds: list[Round]
    command: str
    happened: list[Happened] = field(default_factory=list)
    violation: str | None = None
    broken_in: int | None = None
    seconds: float = 0.0
    commits: int = 0
    events: int = 0
    transitions: int = 0
    claims: int = 0
    again: int = 0
    """Unified rows that were sent again, as they were."""
    files: int = 0
    """Files that were read while others wrote them."""
    ends: dict[str, int] = field(default_factory=dict)
    """How often a process ended, by post and exit code."""

    def told(self) -> str:
        """Give what one needs to see it again."""
        where = "outside a round" if self.broken_in in {None, -1} else f"round {self.broken_in}"
        return (
            f"seed {self.seed}, {where}: {self.violation}\n{self.command}\n"
            f"the schedule of seed {self.seed}:\n{shown(self.rounds)}"
        )


def run(
    folder: Path,
    seed: int,
    rounds: list[Round],
    chartfeed: Any,
    *,
    command: str,
    size: Size = Size(),  # noqa: B008 - it is frozen
    say: Callable[[str], None] = lambda _: None,
    until: float = float("inf"),
) -> Run:
    """Play a schedule until `until` on the monotonic clock; a violation ends it."""
    found, began = Run(seed, rounds, command), time.monotonic()
    steps = any(KINDS[one.kind].needs_clock for round_ in rounds for one in round_.faults)
    size = replace(size, clock=size.clock and steps)
    found.broken_in = -1
    try:
        with ground(folder, seed, size, chartfeed) as on:
            try:
                _play(on, found, say, until)
            finally:
                _count(on, found)
    except AssertionError as error:
        found.violation = str(error)[:4000]
    except Exception:  # noqa: BLE001 - the seed and the schedule are told with whatever it was
        found.violation = traceback.format_exc()[-4000:]
    found.seconds = time.monotonic() - began
    if found.violation is not None:
        say(found.told())
    return found


def _count(on: Ground, found: Run) -> None:
    found.commits = sum(
        len(era.commits) for scene in on.scenes.values() for era in scene.truth.eras
    )
    for post in on.posts.values():
        for code, times in post.ends.items():
            found.ends[f"{post.name} {code}"] = times


def _play(on: Ground, found: Run, say: Callable[[str], None], until: float) -> None:
    audit = Audit(on)
    settle(on, FIRST_SECONDS)
    audit.begin()
    for round_ in found.rounds:
        if time.monotonic() > until:
            found.rounds = found.rounds[: round_.number]
            break
        found.broken_in = round_.number
        happened: list[Happened] = []
        again, ends = audit.again, _ends(on)
        try:
            samples, took = _one(on, round_, happened)
        finally:
            found.happened += happened
        began = time.monotonic()
        audit.all(samples.claims, {one.target for one in happened if KINDS[one.kind].rereads})
        found.events, found.transitions = audit.events, audit.transitions
        found.claims, found.again = audit.claims, audit.again
        now = _ends(on)
        _hold_ends(happened, ends, now)
        if not _disturbs_workers(happened, ends, now):
            assert audit.again == again, f"{audit.again - again} rows were sent again for no reason"
        for one in happened:
            one.recovered = took if one.injected and not one.missed else None
        found.files += samples.files
        names = ", ".join(
            f"{one.kind} ({one.target}{', came to nothing' if one.missed else ''})"
            for one in happened
        )
        say(
            f"seed {found.seed}: {names}: settled after {took:.1f} s, audited in "
            f"{time.monotonic() - began:.1f} s"
        )
    _buried(on, sum(one.kind == POISON and one.injected for one in found.happened))
    assert found.files, "no file was read while others wrote"
    for log in on.on.folder.glob("*.log"):
        assert TRACE not in log.read_text("utf-8", "replace"), f"{log.name} has a traceback"
    found.broken_in = None
    for post in on.posts.values():
        code = post.leave()
        assert code == 0, f"{post.name} ended with {code}: {post.process and post.process.said()}"


def _ends(on: Ground) -> Mapping[str, int]:
    """Give how often each process has ended by itself."""
    return {post.name: post.ends.total() for post in on.posts.values()}


def _hold_ends(happened: list[Happened], before: Mapping[str, int], now: Mapping[str, int]) -> None:
    if {one.kind for one in happened} == {POISON}:
        assert now == before, f"poison alone has ended somebody: {now}"


def _disturbs_workers(
    happened: list[Happened], before: Mapping[str, int], now: Mapping[str, int]
) -> bool:
    """Tell whether a worker ended, or lost the broker: it may not know what it had sent."""
    has_ended = any(now[name] != before[name] for name in now if name in WORKERS)
    return has_ended or any(one.target in DISTURBING for one in happened)


def _one(on: Ground, round_: Round, happened: list[Happened]) -> tuple[Samples, float]:
    """Play a round; add what happened, and give what the files said, and what recovery took."""
    names = list(on.scenes)
    faults = [_named(one, names) for one in round_.faults]
    on.resting = {one.target for one in faults if KINDS[one.kind].rests}
    on.missed = set()
    samples = Samples(on.output, frozenset(names), random.Random(round_.number))
    with samples.taken():
        with on.at_work(round_.number):
            _inflict(on, faults, happened)
            _come_to_points(on)
            healed = time.monotonic()
            on.mend()
        for one in happened:
            one.missed = one.target in on.missed
        on.resting = set()
        on.settle_journal(round_.number)
        settle(on, SETTLED_SECONDS)
        took = time.monotonic() - healed
    return samples, took


def _named(fault: Planned, names: list[str]) -> Planned:
    """Put a center's name in the place of its number."""
    if not fault.target.isdigit():
        return fault
    target = names[int(fault.target) % len(names)]
    return Planned(fault.kind, target, fault.at, fault.seconds, fault.dice)


def _inflict(on: Ground, faults: list[Planned], happened: list[Happened]) -> None:
    """Have each fault begin and end at its time, and start again what ends meanwhile."""
    began = time.monotonic()
    waiting = sorted(faults, key=lambda one: one.at)
    open_: list[tuple[float, ExitStack]] = []
    tick = threading.Event()
    try:
        while waiting or open_:
            now = time.monotonic() - began
            while waiting and waiting[0].at <= now:
                fault = waiting.pop(0)
                kind = KINDS[fault.kind]
                reason = kind.missing(on)
                happened.append(Happened(fault.kind, fault.target, reason is None, reason=reason))
                if reason is None:
                    stack = ExitStack()
                    dice = random.Random(fault.dice)
                    stack.enter_context(kind.inflict(on, fault.target, dice))
                    open_.append((time.monotonic() - began + fault.seconds, stack))
            for one in [one for one in open_ if one[0] <= time.monotonic() - began]:
                open_.remove(one)
                one[1].close()
            on.keep()
            tick.wait(TICK)
    finally:
        for _, stack in open_:
            stack.close()


def _come_to_points(on: Ground) -> None:
    """Let those that are to end at a point come there, while the staff work."""
    deadline, tick = time.monotonic() + POINT_SECONDS, threading.Event()
    while any(post.wound for post in on.posts.values()) and time.monotonic() < deadline:
        on.keep()
        tick.wait(TICK)


def settle(on: Ground, seconds: float) -> None:
    """Wait until the files say all that was committed, and nothing else."""
    deadline, tick = time.monotonic() + seconds, threading.Event()
    due = 0.0
    left: str | None = "nothing was compared"
    while True:
        on.keep()
        if time.monotonic() >= due:
            left = difference(on)
            if left is None:
                return
            due = time.monotonic() + 0.5
        assert time.monotonic() < deadline, f"not settled within {seconds:.0f} s: {left}"
        tick.wait(TICK)


def _buried(on: Ground, poisonings: int) -> None:
    """Assert that all that no schema explains became dead letters, and stopped nothing."""
    letters = committed({"bootstrap.servers": on.bootstrap}, [topics.DEAD_LETTERS], range(12))
    found = {
        (letter.topic, letter.partition, letter.offset)
        for letter in (
            decoded(DeadLetter, message) for message in letters if key_of(message) == POISON_KEY
        )
    }
    counted = Counter(topic for topic, _, _ in found)
    due = {topic.name: poisonings * len(POISONS) for topic in topics.SOURCE if poisonings}
    assert counted == due, f"dead letters of the poison: {counted}, due are {due}"
