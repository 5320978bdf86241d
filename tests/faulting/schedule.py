"""Which faults happen when: made from a seed alone, so that a run can be had again."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace

from tests.faulting.kinds import KINDS, Kind

__all__ = ["Planned", "Round", "plan", "shown", "shrunk"]


STRIDE = 7
"""By how many faults a seed begins later in the list: about as many as four rounds have."""


@dataclass(frozen=True, slots=True)
class Planned:
    """A fault of a round: when it begins, in seconds from the round's begin, and for how long."""

    kind: str
    target: str
    at: float
    seconds: float
    dice: int
    """The seed of what the fault itself throws for."""

    @property
    def marks(self) -> frozenset[str]:
        """Give what no other fault of the round may strike."""
        return KINDS[self.kind].touches | {self.target}


@dataclass(frozen=True, slots=True)
class Round:
    """Faults alone, or mixed, and then all is to be as if there had been none."""

    number: int
    faults: tuple[Planned, ...]

    @property
    def resting(self) -> frozenset[str]:
        return frozenset(one.target for one in self.faults if KINDS[one.kind].rests)


def plan(seed: int, rounds: int) -> list[Round]:
    """Give so many rounds, the first of all that the seed has; a short run has every fault."""
    dice = random.Random(f"faults {seed}")
    at = STRIDE * (seed - 1)
    found = []
    for number in range(rounds):
        faults: list[Planned] = []
        taken: set[str] = set()
        for _ in range(dice.choice([1, 1, 2, 2, 3])):
            fault = _planned(_card(at), dice, alone=not faults)
            if fault.marks & taken:
                break  # It comes in the next round.
            at += 1
            faults.append(fault)
            taken |= fault.marks
        found.append(Round(number, tuple(faults)))
    return found


def _card(at: int) -> Kind:
    """Give a fault of the list, in which all come once, then all again in another order."""
    lap, place = divmod(at, len(KINDS))
    kinds = list(KINDS.values())
    random.Random(f"deck {lap}").shuffle(kinds)
    return kinds[place]


def _planned(kind: Kind, dice: random.Random, *, alone: bool) -> Planned:
    at = dice.uniform(0.3, 1.5) if alone else dice.uniform(0.3, 4.0)
    target = dice.choice(kind.targets)
    lasts = dice.uniform(*kind.seconds)
    return Planned(kind.name, target, round(at, 2), round(lasts, 2), dice.randrange(1 << 30))


def shrunk(rounds: list[Round], breaks: Callable[[list[Round]], bool]) -> list[Round]:
    """Give the fewest rounds and faults that still break it, leaving out one after the other.

    What a fault meets depends on the moment, so what is left out may have been needed after all.
    """
    while (found := next(filter(breaks, _with_less(rounds)), None)) is not None:
        rounds = found
    return rounds


def _with_less(rounds: list[Round]) -> Iterator[list[Round]]:
    """Give what is left where all rounds but the last, one round, or one fault are left out."""
    if len(rounds) > 2:
        yield rounds[-1:]
    if len(rounds) > 1:
        for at in range(len(rounds)):
            yield rounds[:at] + rounds[at + 1 :]
    for at, round_ in enumerate(rounds):
        if len(round_.faults) > 1:
            for fault in round_.faults:
                left = tuple(one for one in round_.faults if one is not fault)
                yield [*rounds[:at], replace(round_, faults=left), *rounds[at + 1 :]]


def shown(rounds: Sequence[Round]) -> str:
    """Give a schedule to read."""
    return "\n".join(
        f"  round {one.number}: at {fault.at:5.2f} s for {fault.seconds:5.2f} s:"
        f" {fault.kind} ({fault.target})"
        for one in rounds
        for fault in one.faults
    )
