"""What a whole run measures, and in which order: what is quick and matters most comes first."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Final

from bench._gathered import Part

__all__ = ["ORDER", "Step", "absent", "steps"]


@dataclass(frozen=True)
class Step:
    """A process of its own: a measurement, and which of its sections it is asked for."""

    measurement: str
    sections: Sequence[str] = ()
    is_asked: bool = True
    """Whether it is told its sections; some measurements have no choice."""
    has_page: bool = False
    """Whether it writes a page of its own where a run is documented."""

    @property
    def title(self) -> str:
        return " ".join((self.measurement, *self.sections))

    @property
    def options(self) -> list[str]:
        return ["--only", *self.sections] if self.sections and self.is_asked else []

    def lacking(self, found: Collection[Part]) -> list[str]:
        """Give what of it told nothing; a section may tell of several cases of its own."""
        told = [part.section for part in found if part.measurement == self.measurement]
        if not self.sections:
            return [] if told else [self.measurement]
        return [
            f"{self.measurement} {section}"
            for section in self.sections
            if not any(one == section or one.startswith(f"{section},") for one in told)
        ]


ORDER: Final = (
    Step("codec"),
    Step("extract"),
    Step("join"),
    Step("capture", ("snapshot", "catchup", "idle", "latency")),
    Step("stream", ("live",)),
    Step("stream", ("latency", "staff")),
    Step("files"),
    Step("standin"),
    Step("console", ("overview", "day")),
    Step("discovery", ("rightness", "speed"), is_asked=False, has_page=True),
    Step("rebuild"),
    Step("practices", ("many", "default", "staff"), is_asked=False),
    Step("capture", ("fast", "many")),
    Step("console", ("flood",)),
    Step("growth", ("rows", "days")),
    Step("growth", ("events", "state")),
    Step("growth", ("centers",)),
    Step("growth", ("workers",)),
    Step("stream", ("state",)),
)


def steps(names: Sequence[str], options: Sequence[str]) -> list[Step]:
    """Give the steps of the named measurements, or all; sections that are asked for are kept."""
    if "--only" in options:
        return [Step(name) for name in names or dict.fromkeys(step.measurement for step in ORDER)]
    if not names:
        return list(ORDER)
    return [step for name in names for step in ORDER if step.measurement == name]


def absent(found: Collection[Part], begun: Collection[Step]) -> tuple[list[str], list[str]]:
    """Give the sections of a whole run that were not tried, and those that told nothing."""
    untried, broken = list[str](), list[str]()
    for step in ORDER:
        (broken if step in begun else untried).extend(step.lacking(found))
    return untried, broken
