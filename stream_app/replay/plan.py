"""What a replay reads, decided before the first record and kept for a run that is interrupted."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict, dataclass, replace
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, Final

from schemas import dates
from schemas.errors import SkipRecord
from stream_app.join import TOPICS
from stream_app.join.decoding import Decoding
from stream_app.replay.bounds import Cut, Moment, Phase, until

if TYPE_CHECKING:
    from collections.abc import Collection

    from schemas.avro import Json
    from schemas.records import Checkpoint
    from stream_app.replay.source import Source

__all__ = ["Plan", "Wish", "make"]

CHECKPOINTS: Final = TOPICS[-1]
NOTHING: Final = Phase(dict.fromkeys(TOPICS, 0), {})

Checkpoints = dict[str, list[tuple[int, "Checkpoint"]]]


@dataclass(frozen=True, slots=True)
class Wish:
    """What somebody wants replayed; None for the beginning, and for the end."""

    since: Cut | None
    until: Cut | None
    centers: Collection[str] = ()
    """Of these alone; none named means all."""


@dataclass(frozen=True, slots=True)
class Plan:
    """By partition, what is read."""

    before: tuple[Phase, ...] | None
    """What is loaded without counting as a change; None where all counts."""
    phases: tuple[Phase, ...]
    notes: tuple[str, ...]
    """What the past may lack."""
    missing: tuple[str, ...] = ()
    """Centers whose checkpoints by then compaction may have taken: they have no rows."""

    @property
    def total(self) -> int:
        return sum(sum(phase.ends.values()) for phase in self.phases)

    def content(self) -> dict[str, Any]:
        """Give the plan as it is kept."""
        return asdict(self)

    @classmethod
    def of(cls, content: dict[str, Any]) -> Plan:
        """Read back what was kept."""
        before = content["before"]
        return cls(
            before=None if before is None else tuple(Phase(**one) for one in before),
            phases=tuple(Phase(**one) for one in content["phases"]),
            notes=tuple(content["notes"]),
            missing=tuple(content["missing"]),
        )


def make(
    wish: Wish,
    ends: Mapping[str, list[int]],
    source: Callable[[], Source],
    schema_of: Callable[[int], Json | None],
    *,
    centers: Collection[str],
    kept: timedelta,
    now: datetime,
) -> Plan:
    """Look at the checkpoints where a cut asks for it, and decide.

    `ends` are those of all topics' partitions now; `centers` are those of the configuration;
    `kept` is how long compaction leaves all.
    """
    partitions = len(ends[CHECKPOINTS])
    whole = [
        Phase({topic: ends[topic][number] for topic in TOPICS}) for number in range(partitions)
    ]
    if wish.since is None and wish.until is None:
        return Plan(None, tuple(whole), ())
    phases, before, reached = [], [], dict[str, datetime]()
    changed: list[datetime] = []
    known = set(wish.centers or centers)
    reading, decoding = source(), Decoding(schema_of)
    for number, all_ in enumerate(whole):
        found = _checkpoints(reading, decoding, number, all_.ends[CHECKPOINTS], wish.centers)
        known.update(found)
        phase = all_
        if wish.until is not None:
            there = until(wish.until, number, found, all_.ends[CHECKPOINTS])
            phase = there.phase
            reached.update(there.captured_at)
        phases.append(phase)
        if wish.since is not None and wish.since.speaks_of(number):
            earlier = until(wish.since, number, found, all_.ends[CHECKPOINTS])
            before.append(_earlier(earlier.phase, phase))
            changed += _first_after(earlier.phase, found)
        else:
            before.append(phase)
    earlier_phases = None if wish.since is None else tuple(before)
    notes = tuple(_longer_ago(at, kept) for at in sorted(changed)[:1] if now - at > kept)
    if wish.until is None:
        return Plan(earlier_phases, tuple(phases), notes)
    absent = tuple(sorted(known - reached.keys()))
    at = wish.until.at if isinstance(wish.until, Moment) else max(reached.values(), default=now)
    if now - at <= kept:
        # Compaction has left all of it, so what is not there was not there then.
        phases = [replace(phase, last={}) for phase in phases]
        return Plan(earlier_phases, tuple(phases), (*notes, *_absent(absent)))
    notes = (*notes, _old(at, kept), *_absent(absent))
    return Plan(earlier_phases, tuple(phases), notes, absent)


def _earlier(one: Phase, other: Phase) -> Phase:
    """Give what is in both of two phases, the first of which has limits."""
    limits = dict(one.limits or {})
    if other.limits is not None:
        limits = {center: min(at, other.limits.get(center, 0)) for center, at in limits.items()}
    return Phase({topic: min(end, other.ends[topic]) for topic, end in one.ends.items()}, limits)


def _first_after(earlier: Phase, found: Checkpoints) -> Iterator[datetime]:
    """Give when each center's first checkpoint was captured that an earlier phase leaves out.

    Compaction takes a record for a later one alone that it may take, too. So where it has taken an
    event of before the cut, a checkpoint that is left and behind the cut is as old.
    """
    limits = earlier.limits or {}
    for center, known in found.items():
        yield from [one.captured_at for at, one in known if at >= limits[center]][:1]


def _checkpoints(
    source: Source, decoding: Decoding, number: int, end: int, wanted: Collection[str]
) -> Checkpoints:
    found: Checkpoints = defaultdict(list)
    source.begin(number, {}, {CHECKPOINTS: end})
    while not source.ended:
        for batch in source.read():
            for record in batch.records:
                if record.value is None:
                    continue
                try:
                    checkpoint = decoding.checkpoint(record.key, record.value)
                except SkipRecord:
                    continue  # The join makes a dead letter of it.
                if not wanted or checkpoint.center_id in wanted:
                    found[checkpoint.center_id].append((record.offset, checkpoint))
    return found


def _longer_ago(at: datetime, kept: timedelta) -> str:
    return (
        f"the changes since then begin at {dates.utc(at)}, longer ago than the {_days(kept)} for "
        "which the topics keep all: days that only lost rows may be missing; "
        "without --from every day is written"
    )


def _days(kept: timedelta) -> str:
    return f"{kept / timedelta(days=1):g} days"


def _old(at: datetime, kept: timedelta) -> str:
    return (
        f"{dates.utc(at)} is longer ago than the {_days(kept)} for which the topics keep all: "
        "rows that changed since may be missing, and deleted ones too"
    )


def _absent(centers: tuple[str, ...]) -> tuple[str, ...]:
    if not centers:
        return ()
    return (f"no checkpoint by then, so no rows: {', '.join(centers)}",)
