"""What a whole run of measurements found: one table, and a picture of it."""

from __future__ import annotations

import json
import os
import platform
import subprocess
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

from jinja2 import Environment, FileSystemLoader, select_autoescape

from bench._figures import Figure
from bench._reasons import why

__all__ = ["Part", "as_document", "as_json", "commit", "machine", "number", "parts", "rendered"]

PAGES: Final = Path(__file__).parent / "pages"


@dataclass(frozen=True)
class Part:
    """One section of one measurement."""

    measurement: str
    section: str
    load: float
    figures: Sequence[Figure]

    @property
    def name(self) -> str:
        """Give the measurement with its section, named once where both are one."""
        if self.section == self.measurement:
            return self.measurement
        return f"{self.measurement} {self.section}"

    @property
    def missed(self) -> list[str]:
        return [f"{self.name}: {one.name}" for one in self.figures if not one.is_met]


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
    return {
        "date": datetime.now(UTC).date().isoformat(),
        "processor": f"{os.cpu_count()} cores of {(models or [platform.machine()])[0]}",
        "memory": f"{memory / 2**30:.0f} GiB",
        "system": f"{platform.system()} {platform.release()}",
        "python": platform.python_version(),
        "commit": commit(),
    }


def commit() -> str:
    """Name what is measured, "unknown" outside a checkout."""
    # What was documented a moment ago changes nothing that is measured.
    changed = _git(
        "status", "--porcelain", "--untracked-files=no", "--", ":/", ":(top,exclude)docs"
    )
    found = _git("describe", "--always")
    return f"{found}-dirty" if found and changed else found or "unknown"


def _git(*arguments: str) -> str:
    done = subprocess.run(["git", *arguments], capture_output=True, text=True, check=False)
    return done.stdout.strip()


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


def as_document(
    found: Sequence[Part],
    about: dict[str, str],
    *,
    picture: str,
    curves: str | None = None,
    untried: Sequence[str] = (),
    broken: Sequence[str] = (),
) -> str:
    """Give the page with the table of all figures, and what is not in it."""
    missed = [
        (part.name, one.name, _told(one), _due(one), why(part.name, one.name))
        for part in found
        for one in part.figures
        if not one.is_met
    ]
    return rendered(
        "measured.md.j2",
        about=about,
        missed=missed,
        untried=untried,
        broken=broken,
        picture=picture,
        curves=curves,
        rows=list(_rows(found)),
    )


def _rows(found: Sequence[Part]) -> Iterator[Sequence[str]]:
    for part in found:
        for one in part.figures:
            spread = "" if one.low is None else f"{number(one.low)}-{number(one.high or 0)}"
            value = _told(one)
            yield (
                part.name,
                one.name,
                value if one.is_met else f"**{value}**",
                spread,
                _due(one),
                f"{part.load:.1f}",
            )


def _told(one: Figure) -> str:
    return f"{number(one.value)} {one.unit}".strip()


def _due(one: Figure) -> str:
    if one.due is None:
        return ""
    return f"{'at most' if one.at_most else 'at least'} {number(one.due)}"


def number(value: float) -> str:
    """Give a value in three digits, or as a whole number with its thousands."""
    if value == int(value) or abs(value) >= 1000:
        return f"{value:,.0f}"
    return f"{value:,.3g}" if abs(value) < 10 else f"{value:,.1f}"


def rendered(template: str, **facts: Any) -> str:
    """Give a page or a picture of this folder's templates."""
    pages = Environment(
        loader=FileSystemLoader(PAGES),
        autoescape=select_autoescape(["svg.j2"]),
        keep_trailing_newline=True,
    )
    return pages.get_template(template).render(facts)
