"""Charts as SVG made here: bars, stacked bars and a ring; pure, and escaped.

Colours are classes of the style sheet (`part-1` and so on), so they follow light and dark. Each
chart is one image with a name and a description; the numbers stand in a table beside it.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from markupsafe import Markup, escape

__all__ = ["NARROW", "WIDE", "Bar", "Size", "bars", "ring"]

VALUE_WIDTH: Final = 70
ROW_HEIGHT: Final = 28
BAR_HEIGHT: Final = 16
# What a letter of a label takes at most on average; longer labels end in three dots.
LETTER_WIDTH: Final = 6.8
RING: Final = 200
RING_RADIUS: Final = 78
RING_STROKE: Final = 30
LEAST_WIDTH: Final = 1.5


@dataclass(frozen=True, slots=True)
class Size:
    """How wide a chart of bars is, and its labels; it grows and shrinks with its place."""

    width: int
    labels: int


WIDE: Final = Size(760, 230)
NARROW: Final = Size(400, 160)


@dataclass(frozen=True, slots=True)
class Bar:
    """A row of a chart: what it is about, its parts in the order of their classes, its number."""

    label: str
    parts: tuple[int, ...]
    shown: str
    hint: str = ""

    @property
    def total(self) -> int:
        return sum(self.parts)


def bars(
    name: str, description: str, found: Sequence[Bar], *, identity: str, size: Size = WIDE
) -> Markup:
    """Give horizontal bars one below the other; a bar's parts follow one another."""
    most = max((bar.total for bar in found), default=0) or 1
    height = ROW_HEIGHT * len(found)
    scale = (size.width - size.labels - VALUE_WIDTH) / most
    lines = [_bar(bar, at, scale, size.labels) for at, bar in enumerate(found)]
    return _image(
        name,
        description,
        Markup("").join(lines),
        width=size.width,
        height=height,
        identity=identity,
    )


def ring(
    name: str, description: str, parts: Sequence[int], *, middle: str, below: str, identity: str
) -> Markup:
    """Give a ring that the parts divide, from the top clockwise, with a text in its middle."""
    total = sum(parts)
    around = 2 * math.pi * RING_RADIUS
    at = 0.0
    drawn = [
        Markup('<circle class="ring-base" cx="{0}" cy="{0}" r="{1}" stroke-width="{2}"/>').format(
            RING // 2, RING_RADIUS, RING_STROKE
        )
    ]
    for number, part in enumerate(parts, 1):
        if not part:
            continue
        length = around * part / total
        drawn.append(
            Markup(
                '<circle class="ring-part part-{0}" cx="{1}" cy="{1}" r="{2}" stroke-width="{3}" '
                'stroke-dasharray="{4} {5}" stroke-dashoffset="{6}" '
                'transform="rotate(-90 {1} {1})"/>'
            ).format(
                number,
                RING // 2,
                RING_RADIUS,
                RING_STROKE,
                _length(length),
                _length(around - length),
                _length(-at),
            )
        )
        at += length
    drawn.append(
        Markup(
            '<text class="ring-middle" x="{0}" y="{0}" text-anchor="middle">{1}</text>'
            '<text class="ring-below" x="{0}" y="{2}" text-anchor="middle">{3}</text>'
        ).format(RING // 2, middle, RING // 2 + 20, below)
    )
    return _image(
        name, description, Markup("").join(drawn), width=RING, height=RING, identity=identity
    )


def _bar(bar: Bar, at: int, scale: float, labels: int) -> Markup:
    top = at * ROW_HEIGHT
    middle = top + ROW_HEIGHT // 2 + 4
    drawn = []
    left = float(labels)
    for number, part in enumerate(bar.parts, 1):
        if part:
            width = max(LEAST_WIDTH, part * scale)
            drawn.append(
                Markup(
                    '<rect class="part-{}" x="{}" y="{}" width="{}" height="{}" rx="2"/>'
                ).format(
                    number,
                    _length(left),
                    top + (ROW_HEIGHT - BAR_HEIGHT) // 2,
                    _length(width),
                    BAR_HEIGHT,
                )
            )
            left += width
    return Markup(
        '<g><title>{}</title><text class="label" x="{}" y="{}" text-anchor="end">{}</text>'
        '{}<text class="value" x="{}" y="{}">{}</text></g>'
    ).format(
        bar.hint or f"{bar.label}: {bar.shown}",
        labels - 10,
        middle,
        _short(bar.label, labels),
        Markup("").join(drawn),
        _length(left + 8),
        middle,
        bar.shown,
    )


def _image(
    name: str, description: str, drawn: Markup, *, width: int, height: int, identity: str
) -> Markup:
    return Markup(
        '<svg class="chart" role="img" viewBox="0 0 {width} {height}" width="{width}" '
        'height="{height}" aria-labelledby="{id}-name {id}-says">'
        '<title id="{id}-name">{name}</title><desc id="{id}-says">{says}</desc>{drawn}</svg>'
    ).format(
        width=width,
        height=height,
        id=escape(identity),
        name=name,
        says=description,
        drawn=drawn,
    )


def _short(label: str, width: int) -> str:
    letters = int(width / LETTER_WIDTH)
    return label if len(label) <= letters else f"{label[: letters - 1].rstrip()}…"


def _length(value: float) -> str:
    return f"{value:.2f}".rstrip("0").rstrip(".")
