"""The charts of the last hours, of one center or of all."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from typing import TYPE_CHECKING, Final

from chartfeed.console.lines import Line, chart

if TYPE_CHECKING:
    from markupsafe import Markup

    from chartfeed.console.history import Point
    from chartfeed.console.languages import Language

__all__ = ["PERCENTILES", "Graph", "lag", "latency", "throughput"]

PERCENTILES: Final = ((0.5, ""), (0.95, "two"), (0.99, "three"))


@dataclass(frozen=True, slots=True)
class Graph:
    """A chart with its heading and what its lines are, as (style, words)."""

    title: str
    note: str
    image: Markup
    legend: tuple[tuple[str, str], ...] = ()


def throughput(points: Sequence[Point], language: Language) -> Graph:
    """Chart events a second."""
    values = [None if one.events is None else one.events / one.seconds for one in points]
    return _graph("throughput", points, [Line(values, is_filled=True)], language, is_time=False)


def latency(points: Sequence[Point], language: Language) -> Graph:
    """Chart how long changes took."""
    lines = [
        Line([one.latency.percentile(share) for one in points], style)
        for share, style in PERCENTILES
    ]
    legend = tuple((style, f"p{100 * share:.0f}") for share, style in PERCENTILES)
    return _graph("latency", points, lines, language, is_time=True, legend=legend)


def lag(points: Sequence[Point], language: Language) -> Graph:
    """Chart how far behind the source the topics were, at worst."""
    lines = [Line([one.lag for one in points], is_filled=True)]
    return _graph("lag", points, lines, language, is_time=True)


def _graph(
    key: str,
    points: Sequence[Point],
    lines: Sequence[Line],
    language: Language,
    *,
    is_time: bool,
    legend: tuple[tuple[str, str], ...] = (),
) -> Graph:
    title = language.t(f"graph.{key}")
    image = chart(
        title,
        [one.at for one in points],
        lines,
        shown=language.span if is_time else partial(_rate, language),
        is_time=is_time,
        clock=partial(_clock, language),
    )
    return Graph(title, language.t(f"graph.{key}.note"), image, legend)


def _rate(language: Language, value: float) -> str:
    return language.number(value, 0 if value >= 10 or value == int(value) else 2)


def _clock(language: Language, at: float) -> str:
    return f"{language.local(datetime.fromtimestamp(at, UTC)):%H:%M}"
