"""What became of all runs: a table to read, JSON to keep, and the page in docs."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from datetime import date
from pathlib import Path
from typing import Final

from bench import _gathered
from tests.faulting.kinds import KINDS
from tests.faulting.rounds import Run

__all__ = ["Line", "lines", "page", "summary", "table", "write"]

HEADER: Final = (
    "fault",
    "injected",
    "recovered",
    "longest to recover",
    "violations",
    "came to nothing",
)


@dataclass(frozen=True, slots=True)
class Line:
    """A fault over all runs."""

    fault: str
    injected: int
    recovered: int
    longest: float | None
    violations: int
    missed: int = 0
    """How often it was to happen, and came to nothing."""
    reason: str | None = None
    """Why it was not inflicted."""


def lines(runs: Sequence[Run]) -> list[Line]:
    """Give a line for each fault; a violation counts for all faults of its round."""
    found = []
    for kind in KINDS:
        happened = [one for run in runs for one in run.happened if one.kind == kind]
        times = [one.recovered for one in happened if one.recovered is not None]
        broken = sum(
            any(one.kind == kind for one in run.rounds[run.broken_in].faults)
            for run in runs
            if run.violation is not None and run.broken_in is not None and run.broken_in >= 0
        )
        found.append(
            Line(
                kind,
                sum(one.injected and not one.missed for one in happened),
                len(times),
                max(times, default=None),
                broken,
                sum(one.missed for one in happened),
                next((one.reason for one in happened if one.reason), None),
            )
        )
    outside = sum(run.violation is not None and run.broken_in in {None, -1} for run in runs)
    if outside:
        found.append(Line("outside a round", 0, 0, None, outside))
    return found


def table(found: Iterable[Line]) -> str:
    """Give the lines as a table in Markdown."""
    rows = [HEADER, ("---", "--:", "--:", "--:", "--:", "--:")]
    rows += [
        (
            one.fault if one.reason is None else f"{one.fault} (left out: {one.reason})",
            str(one.injected),
            str(one.recovered),
            "" if one.longest is None else f"{one.longest:.1f} s",
            str(one.violations),
            str(one.missed),
        )
        for one in found
    ]
    return "\n".join(f"| {' | '.join(cells)} |" for cells in rows)


def summary(runs: Sequence[Run]) -> str:
    """Give in a few lines how much was done, and what was found."""
    violations = [run for run in runs if run.violation is not None]
    ends: Counter[str] = Counter()
    for run in runs:
        for end, times in run.ends.items():
            post, _, code = end.rpartition(" ")
            ends[f"{post.partition('-')[0]} {code}"] += times
    told = ", ".join(f"{end}: {times}" for end, times in sorted(ends.items()))
    return (
        f"{len(runs)} seeds ({', '.join(str(run.seed) for run in runs)}),"
        f" {sum(run.seconds for run in runs) / 60:.0f} minutes,"
        f" {sum(line.injected for line in lines(runs))} faults,"
        f" {sum(run.commits for run in runs):,} commits,"
        f" {sum(run.events for run in runs):,} events,"
        f" {sum(run.transitions for run in runs):,} transitions of unified rows,"
        f" {sum(run.again for run in runs):,} rows sent again as they were,"
        f" {sum(run.claims for run in runs):,} claims of completeness compared:"
        f" {len(violations)} violations.\n"
        f"Ends of processes by their exit code (-9 is a kill): {told or 'none'}."
        " A fault came to\nnothing where a process did not come to the point at which it was to"
        " end, or where the folder was in\nuse all the time."
    )


def machine() -> str:
    """Say what it ran on."""
    about = _gathered.machine()
    return (
        f"{about['processor']}, {about['memory']}, {about['system']}, Python {about['python']},"
        f" commit {about['commit']}"
    )


def write(folder: Path, runs: Sequence[Run], day: date) -> None:
    """Write `faults.json` and `faults.md` into the folder."""
    folder.mkdir(parents=True, exist_ok=True)
    content = {
        "date": day.isoformat(),
        "machine": machine(),
        "faults": [asdict(line) for line in lines(runs)],
        "runs": [asdict(run) for run in runs],
    }
    (folder / "faults.json").write_text(json.dumps(content, indent=1) + "\n", "utf-8")
    (folder / "faults.md").write_text(page(runs, day), "utf-8")


def page(runs: Sequence[Run], day: date) -> str:
    """Give the table with its date and machine."""
    return (
        "# What was broken, and what it cost\n\n"
        "Made by `make faults` with `--document`; what is done and held is told in\n"
        "[faults.md](faults.md). The time to recover is the round's: from the end of its last\n"
        "fault until the files said all that was committed.\n\n"
        f"{day.isoformat()}, {machine()}.\n\n{summary(runs)}\n\n{table(lines(runs))}\n"
        + "".join(f"\n```\n{run.told()}\n```\n" for run in runs if run.violation is not None)
    )
