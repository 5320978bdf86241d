"""Lines over time as SVG made here; pure. Colours are classes of the style sheet."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

from markupsafe import Markup, escape

__all__ = ["Line", "chart"]

WIDTH: Final = 500
HEIGHT: Final = 200
LEFT: Final = 56
RIGHT: Final = 12
TOP: Final = 10
BOTTOM: Final = 24
TICKS: Final = 4
TIMES: Final = 5


@dataclass(frozen=True, slots=True)
class Line:
    """A value for each moment, None where there is none: there the line has a gap."""

    values: Sequence[float | None]
    style: str = ""
    is_filled: bool = False


def chart(
    title: str,
    times: Sequence[float],
    lines: Sequence[Line],
    *,
    shown: Callable[[float], str],
    is_time: bool,
    clock: Callable[[float], str],
) -> Markup:
    """Give lines over the same moments, from nothing to a round value above the highest."""
    highest = max(
        (value for line in lines for value in line.values if value is not None), default=0
    )
    top = _time_above(highest) if is_time else _round_above(highest)
    parts = [*_levels(top, shown), *_hours(times, clock)]
    for line in lines:
        parts += _drawn(line, times, top)
    return Markup(
        '<svg class="chart" viewBox="0 0 {} {}" role="img" aria-label="{}">{}</svg>'
    ).format(WIDTH, HEIGHT, title, Markup("").join(parts))


def _x(at: float, times: Sequence[float]) -> float:
    span = (times[-1] - times[0]) or 1.0
    return LEFT + (WIDTH - LEFT - RIGHT) * (at - times[0]) / span


def _y(value: float, top: float) -> float:
    return TOP + (HEIGHT - TOP - BOTTOM) * (1 - value / top)


def _levels(top: float, shown: Callable[[float], str]) -> list[Markup]:
    parts = []
    for step in range(TICKS + 1):
        value = top * step / TICKS
        y = _y(value, top)
        style = "axis" if step == 0 else "grid"
        parts.append(
            Markup('<path class="{}" d="M{} {:.1f}H{}"/>').format(style, LEFT, y, WIDTH - RIGHT)
        )
        parts.append(
            Markup('<text x="{}" y="{:.1f}" text-anchor="end">{}</text>').format(
                LEFT - 8, y + 4, escape(shown(value))
            )
        )
    return parts


def _hours(times: Sequence[float], clock: Callable[[float], str]) -> list[Markup]:
    if len(times) < 2:
        return []
    first, last = times[0], times[-1]
    step = next(
        (one for one in (60, 120, 300, 600, 900, 1800, 3600) if (last - first) / one <= TIMES), 7200
    )
    start = math.ceil(first / step) * step
    return [
        Markup('<text x="{:.1f}" y="{}" text-anchor="middle">{}</text>').format(
            _x(at, times), HEIGHT - 6, escape(clock(at))
        )
        for at in range(int(start), int(last) + 1, step)
    ]


def _drawn(line: Line, times: Sequence[float], top: float) -> list[Markup]:
    parts = []
    for run in _runs(line.values):
        points = [(_x(times[at], times), _y(min(line.values[at] or 0.0, top), top)) for at in run]
        if len(points) == 1:
            points.append((points[0][0] + 1.5, points[0][1]))
        path = "L".join(f"{x:.1f} {y:.1f}" for x, y in points)
        if line.is_filled:
            base = _y(0, top)
            parts.append(
                Markup('<path class="area" d="M{} {}L{}V{}Z"/>').format(
                    f"{points[0][0]:.1f}", f"{base:.1f}", path, f"{base:.1f}"
                )
            )
        parts.append(Markup('<path class="line {}" d="M{}"/>').format(line.style, path))
    return parts


def _runs(values: Sequence[float | None]) -> list[list[int]]:
    """Give the places of values that follow one another without a gap."""
    runs: list[list[int]] = []
    before = -2
    for at, value in enumerate(values):
        if value is None:
            continue
        if at != before + 1:
            runs.append([])
        runs[-1].append(at)
        before = at
    return runs


def _time_above(seconds: float) -> float:
    """Give a round length of time above one, whose quarters are round as well."""
    for unit in (60, 3600):
        if unit * 2 / 3 < seconds <= 40 * unit:
            return float(next(unit * one for one in (1, 2, 4, 8, 20, 40) if unit * one >= seconds))
    return _round_above(seconds)


def _round_above(value: float) -> float:
    """Give the next of 1, 2, 4, 8 times a power of ten: it divides by four in round steps."""
    if value <= 0:
        return 1.0
    power = 10.0 ** math.floor(math.log10(value))
    return next(step * power for step in (1, 2, 4, 8, 10) if step * power >= value * (1 - 1e-9))
