"""What a measurement found, told to people, as JSON, and to the run that gathers them all."""

from __future__ import annotations

import json
import os
import statistics
from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from time import perf_counter, process_time
from typing import Final, Self

__all__ = ["GATHERED", "ROUNDS", "Figure", "Report", "Spent"]

GATHERED: Final = "CHARTFEED_BENCH_GATHERED"
"""Names the file that a run of several measurements gathers their sections in, a line each."""
ROUNDS: Final = 3
"""How often a rate that others of the machine may move is measured in a run."""


@dataclass(frozen=True)
class Figure:
    """A measured value with its spread, and what is due: at least, or at most."""

    name: str
    value: float
    unit: str
    due: float | None = None
    at_most: bool = False
    low: float | None = None
    high: float | None = None
    curve: str | None = None
    """What it is a point of: the same with more of something, named alike for all its points."""
    at: float | None = None
    """How much there was of that."""

    @classmethod
    def median(
        cls,
        name: str,
        values: Iterable[float],
        unit: str,
        due: float | None = None,
        *,
        at_most: bool = False,
    ) -> Self:
        """Give the median of the runs, with the smallest and the largest beside it."""
        all_ = sorted(values)
        if len(all_) == 1:
            return cls(name, all_[0], unit, due, at_most)
        return cls(name, statistics.median(all_), unit, due, at_most, all_[0], all_[-1])

    @property
    def is_met(self) -> bool:
        if self.due is None:
            return True
        return self.value <= self.due if self.at_most else self.value >= self.due

    def line(self) -> str:
        due = "" if self.due is None else f"due {'<=' if self.at_most else '>='} {self.due:g}"
        spread = "" if self.low is None else f"{self.low:,.3f}-{self.high:,.3f}  "
        missed = "" if self.is_met else "  MISSED"
        return f"  {self.name:<44} {self.value:>12,.3f} {self.unit:<8} {spread}{due}{missed}"


@dataclass(frozen=True)
class Spent:
    """What some work took, by the clock and by the CPU."""

    count: int
    seconds: float
    cpu: float

    @classmethod
    def on(cls, work: Callable[[], int]) -> Spent:
        began, cpu = perf_counter(), process_time()
        count = work()
        return cls(count, perf_counter() - began, process_time() - cpu)

    @property
    def rate(self) -> float:
        return self.count / self.seconds

    @property
    def rate_by_cpu(self) -> float:
        return self.count / self.cpu

    @staticmethod
    def figures(what: str, runs: Sequence[Spent], due: float | None = None) -> list[Figure]:
        return [
            Figure.median(f"{what}, by the clock", [run.rate for run in runs], "/s", due),
            Figure.median(f"{what}, by CPU time", [run.rate_by_cpu for run in runs], "/s"),
        ]


@dataclass
class Report:
    """The sections of one measurement, each told as soon as it is there."""

    measurement: str
    as_json: bool = False
    sections: dict[str, Sequence[Figure]] = field(default_factory=dict)

    def add(self, section: str, what: str | None, figures: Sequence[Figure]) -> None:
        """Tell what a section found; `what` says in a sentence what it does."""
        self.sections[section] = figures
        load = os.getloadavg()[0]
        if not self.as_json:
            print(f"{section}: {what or ''}")
            print("\n".join(figure.line() for figure in figures))
            print(f"  load of the machine: {load:.1f} on {os.cpu_count()} cores", flush=True)
        if GATHERED in os.environ:
            found = {
                "measurement": self.measurement,
                "section": section,
                "load": load,
                "figures": [asdict(figure) for figure in figures],
            }
            with Path(os.environ[GATHERED]).open("a", encoding="utf-8") as file:
                file.write(json.dumps(found) + "\n")

    def end(self) -> int:
        """Give the exit code: 1 when something that is due was missed."""
        if self.as_json:
            sections = {
                name: [asdict(figure) for figure in figures]
                for name, figures in self.sections.items()
            }
            print(json.dumps({"load": os.getloadavg()[0], "sections": sections}))
        return int(not all(one.is_met for found in self.sections.values() for one in found))
