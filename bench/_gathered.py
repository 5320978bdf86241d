"""What a whole run of measurements found: one table, and a picture of it."""

from __future__ import annotations

import json
import os
import platform
import subprocess
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from math import log10
from pathlib import Path
from typing import Any, Final

from jinja2 import Environment, FileSystemLoader, select_autoescape

from bench._figures import Figure

__all__ = ["Part", "as_document", "as_json", "as_picture", "parts"]

ROW: Final = 20
TOP: Final = 40
NAMES: Final = 400
"""Where the names end."""
WIDTH: Final = 900
TENFOLD: Final = 190
"""Pixels for a factor of ten."""


@dataclass(frozen=True)
class Part:
    """One section of one measurement."""

    measurement: str
    section: str
    load: float
    figures: Sequence[Figure]

    @property
    def missed(self) -> list[str]:
        return [f"{self.measurement}: {one.name}" for one in self.figures if not one.is_met]


def parts(gathered: Path) -> list[Part]:
    """Give the sections that the measurements left in a file."""
    found = []
    for line in gathered.read_text(encoding="utf-8").splitlines():
        one: dict[str, Any] = json.loads(line)
        one["figures"] = [Figure(**figure) for figure in one["figures"]]
        found.append(Part(**one))
    return found


def machine() -> dict[str, str]:
    """Tell where and when it was measured, and of which commit."""
    info = Path("/proc/cpuinfo")
    models = [
        line.partition(":")[2].strip()
        for line in (info.read_text(encoding="utf-8").splitlines() if info.exists() else ())
        if line.startswith("model name")
    ]
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    commit = subprocess.run(
        ["git", "describe", "--always", "--dirty"], capture_output=True, text=True, check=False
    )
    return {
        "date": datetime.now(UTC).date().isoformat(),
        "processor": f"{os.cpu_count()} cores of {(models or [platform.machine()])[0]}",
        "memory": f"{memory / 2**30:.0f} GiB",
        "system": f"{platform.system()} {platform.release()}",
        "python": platform.python_version(),
        "commit": commit.stdout.strip() or "unknown",
    }


def as_json(found: Sequence[Part], about: dict[str, str]) -> str:
    """Give all that was found with the machine it was found on."""
    told = [
        {
            "measurement": part.measurement,
            "section": part.section,
            "load": part.load,
            "figures": [vars(figure) | {"met": figure.is_met} for figure in part.figures],
        }
        for part in found
    ]
    return json.dumps({"machine": about, "parts": told}, indent=1) + "\n"


def as_document(found: Sequence[Part], about: dict[str, str], picture: str) -> str:
    """Give the page with the table of all figures."""
    missed = [name for part in found for name in part.missed]
    return _rendered(
        "measured.md.j2", about=about, missed=missed, picture=picture, rows=list(_rows(found))
    )


def _rows(found: Sequence[Part]) -> Iterator[Sequence[str]]:
    for part in found:
        name = part.measurement
        if part.section != part.measurement:
            name += f" {part.section}"
        for one in part.figures:
            spread = "" if one.low is None else f"{_number(one.low)}-{_number(one.high or 0)}"
            due = ""
            if one.due is not None:
                due = f"{'at most' if one.at_most else 'at least'} {_number(one.due)}"
            value = f"{_number(one.value)} {one.unit}".strip()
            yield (
                name,
                one.name,
                value if one.is_met else f"**{value}**",
                spread,
                due,
                f"{part.load:.1f}",
            )


def _number(value: float) -> str:
    if value == int(value) or abs(value) >= 1000:
        return f"{value:,.0f}"
    return f"{value:,.3g}" if abs(value) < 10 else f"{value:,.1f}"


def as_picture(found: Sequence[Part]) -> str:
    """Draw each figure as a multiple of what is due: right of the line is better than due."""
    due = [
        (part.measurement, one)
        for part in found
        for one in part.figures
        if one.due and one.value > 0
    ]
    bars = []
    for number, (measurement, one) in enumerate(due):
        assert one.due
        multiple = one.due / one.value if one.at_most else one.value / one.due
        left, right = sorted((_x(1), _x(min(max(multiple, 0.25), 60))))
        bars.append(
            {
                "name": f"{measurement}: {one.name}",
                "x": round(left),
                "y": TOP + ROW * number,
                "width": max(round(right - left), 1),
                "is_met": one.is_met,
                "value": f"{_number(one.value)} {one.unit}",
            }
        )
    return _rendered(
        "measured.svg.j2",
        width=WIDTH,
        height=ROW * len(bars) + 2 * TOP,
        top=TOP,
        names=NAMES,
        marks=[{"factor": factor, "x": round(_x(factor))} for factor in (0.5, 1, 2, 5, 10, 50)],
        bars=bars,
    )


def _x(factor: float) -> float:
    return NAMES + 120 + TENFOLD * log10(factor)


def _rendered(template: str, **facts: Any) -> str:
    pages = Environment(
        loader=FileSystemLoader(Path(__file__).parent / "pages"),
        autoescape=select_autoescape(["svg.j2"]),
        keep_trailing_newline=True,
    )
    return pages.get_template(template).render(facts)
