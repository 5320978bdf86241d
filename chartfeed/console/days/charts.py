"""A day's charts: what they show and what is said of them, in a reader's language."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from chartfeed.console.charts import NARROW, Bar, bars, ring
from chartfeed.console.days.shares import STATUSES

if TYPE_CHECKING:
    from markupsafe import Markup

    from chartfeed.console.days.shares import Shares
    from chartfeed.console.languages import Language

__all__ = ["CENTERS_DRAWN", "Drawn", "draw"]

CENTERS_DRAWN: Final = 40


@dataclass(frozen=True, slots=True)
class Drawn:
    """The charts of a day; `hidden` centers have fewer rows than those drawn."""

    statuses: Markup
    centers: Markup
    hidden: int
    codes: Markup
    insurers: Markup


def draw(shares: Shares, language: Language) -> Drawn:
    """Draw a day: the ring of statuses, and bars of centers, codes and insurers."""
    largest = sorted(shares.centers, key=lambda one: -one.rows)[:CENTERS_DRAWN]
    return Drawn(
        statuses=_ring(shares, language),
        centers=bars(
            language.t("days.chart.centers"),
            language.t("days.chart.centers.says", n=len(shares.centers)),
            [
                Bar(
                    center.center_name,
                    center.by_status,
                    language.number(center.rows),
                    _hint(center.center_id, center.by_status, language),
                )
                for center in largest
            ],
            identity="chart-centers",
        ),
        hidden=len(shares.centers) - len(largest),
        codes=_most("codes", shares.codes, language),
        insurers=_most("insurers", shares.insurers, language),
    )


def _ring(shares: Shares, language: Language) -> Markup:
    total = shares.rows or 1
    said = ", ".join(
        f"{status} {language.percent(count / total, 1)}"
        for status, count in zip(STATUSES, shares.by_status, strict=True)
    )
    return ring(
        language.t("days.chart.statuses"),
        said,
        shares.by_status,
        middle=language.number(shares.rows),
        below=language.t("days.rows-word"),
        identity="chart-statuses",
    )


def _most(name: str, found: tuple[tuple[str, int], ...], language: Language) -> Markup:
    first = f"{found[0][0]}: {language.number(found[0][1])}" if found else ""
    return bars(
        language.t(f"days.chart.{name}"),
        language.t("days.chart.most.says", first=first),
        [Bar(label, (count,), language.number(count)) for label, count in found],
        identity=f"chart-{name}",
        size=NARROW,
    )


def _hint(center: str, by_status: tuple[int, ...], language: Language) -> str:
    parts = ", ".join(
        f"{status} {language.number(count)}"
        for status, count in zip(STATUSES, by_status, strict=True)
    )
    return f"{center}: {parts}"
