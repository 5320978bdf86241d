"""Pictures of what was measured: how far from what is due, and how it grows."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from math import log10
from typing import Any, Final

from bench._figures import Figure
from bench._gathered import Part, number, rendered

__all__ = ["as_curves", "as_picture"]

ROW: Final = 20
TOP: Final = 40
NAMES: Final = 430
"""Where the names end."""
WIDTH: Final = 930
TENFOLD: Final = 190
"""Pixels for a factor of ten."""

COLUMNS: Final = 2
PANEL: Final = (450, 220)
PLOT: Final = (70, 52, 410, 176)
"""Left, top, right and bottom of the plot in its panel."""
FOOT: Final = 30

Point = tuple[float, float]


def as_picture(found: Sequence[Part]) -> str:
    """Draw figures as multiples of what is due: right of the line is better than due.

    Of each section and unit it is the figure nearest to what is due, and every one that is missed.
    """
    due = [(part, one, _multiple(one)) for part in found for one in _nearest(part)]
    bars = []
    for line, (part, one, multiple) in enumerate(due):
        left, right = sorted((_x(1), _x(min(max(multiple, 0.25), 60))))
        bars.append(
            {
                "name": f"{part.name}: {one.name}",
                "x": round(left),
                "y": TOP + ROW * line,
                "width": max(round(right - left), 1),
                "is_met": one.is_met,
                "value": f"{number(one.value)} {one.unit}",
            }
        )
    return rendered(
        "measured.svg.j2",
        width=WIDTH,
        height=ROW * len(bars) + 2 * TOP,
        top=TOP,
        names=NAMES,
        marks=[{"factor": factor, "x": round(_x(factor))} for factor in (0.5, 1, 2, 5, 10, 50)],
        bars=bars,
    )


def _nearest(part: Part) -> Iterator[Figure]:
    due = [one for one in part.figures if one.due and one.value > 0]
    nearest: dict[str, Figure] = {}
    for one in due:
        known = nearest.get(one.unit)
        if known is None or _multiple(one) < _multiple(known):
            nearest[one.unit] = one
    yield from (one for one in due if not one.is_met or nearest[one.unit] is one)


def _multiple(one: Figure) -> float:
    assert one.due
    return one.due / one.value if one.at_most else one.value / one.due


def _x(factor: float) -> float:
    return NAMES + 120 + TENFOLD * log10(factor)


def as_curves(found: Sequence[Part], about: Mapping[str, str]) -> str | None:
    """Draw each curve there is as a panel of its own; None where there is none."""
    curves: dict[str, list[Figure]] = defaultdict(list)
    for part in found:
        for one in part.figures:
            if one.curve is not None:
                curves[one.curve].append(one)
    if not curves:
        return None
    panels = [
        _panel(title, points, (place % COLUMNS * PANEL[0], place // COLUMNS * PANEL[1]))
        for place, (title, points) in enumerate(curves.items())
    ]
    lines = -(-len(panels) // COLUMNS)
    return rendered(
        "growth.svg.j2",
        width=COLUMNS * PANEL[0],
        height=lines * PANEL[1] + FOOT,
        panels=panels,
        foot=f"{about['date']}, commit {about['commit']}, {about['processor']}",
    )


def _panel(title: str, figures: Sequence[Figure], corner: Point) -> dict[str, Any]:
    """Place a curve's points: amounts by their logarithm, values from zero."""
    left, top, right, bottom = (edge + corner[axis % 2] for axis, edge in enumerate(PLOT))
    amounts = [one.at or 1.0 for one in figures]
    first, last = log10(min(amounts)), log10(max(amounts))
    wide = last - first or 1.0
    high = 1.15 * max(one.value for one in figures) or 1.0
    points = [
        {
            "x": round(left + (right - left) * (log10(amount) - first) / wide, 1),
            "y": round(bottom - (bottom - top) * one.value / high, 1),
            "value": f"{number(one.value)} {one.unit}".strip(),
            "amount": f"{amount:,.0f}",
        }
        for one, amount in zip(figures, amounts, strict=True)
    ]
    return {
        "title": title,
        "left": left,
        "right": right,
        "top": top,
        "bottom": bottom,
        "points": points,
    }
