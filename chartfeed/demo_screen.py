"""The demo's live screen: what is written at the practices, and how soon it is in the file."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Final

from rich.live import Live
from rich.table import Table

from deploy.local.staff.desk import ZONE
from producers.capture.overview import Overview
from schemas.errors import Failed

if TYPE_CHECKING:
    from rich.console import Console

    from chartfeed.demo_meter import Meter

__all__ = ["Screen"]

EVERY: Final = 0.5
PLAIN_EVERY: Final = 3.0


@dataclass(frozen=True, slots=True)
class Look:
    """All that the screen shows of one moment."""

    at: float
    streaming: int
    events: int
    commits: int
    waiting: int
    half: float | None
    most: float | None
    day: str
    rows: int
    size: int


class Screen:
    """Shows the feed for a while; on a terminal in place, elsewhere a line every few seconds."""

    def __init__(
        self,
        console: Console,
        overview: Overview,
        meter: Meter,
        *,
        output: Path,
        centers: int,
        require_alive: Callable[[], None],
    ) -> None:
        self._console = console
        self._overview = overview
        self._meter = meter
        self._output = output
        self._centers = centers
        self._require_alive = require_alive
        self._never = threading.Event()
        # By center and process: each counts from its own start.
        self._events: dict[tuple[str, str], int] = {}

    def until(self, done: Callable[[Look], bool], *, seconds: float, otherwise: str) -> None:
        """Show it until something has come true, or fail with what to say otherwise."""
        if not self._show(done, seconds):
            raise Failed(otherwise)

    def for_(self, seconds: float) -> None:
        self._show(lambda _look: False, seconds)

    def _show(self, done: Callable[[Look], bool], seconds: float) -> bool:
        live = self._console.is_terminal
        before = self._look()
        end, told = before.at + seconds, float("-inf")
        with (
            Live(
                self._table(before, before),
                console=self._console,
                auto_refresh=False,
                transient=False,
            )
            if live
            else _Nothing() as screen
        ):
            while True:
                self._require_alive()
                now = self._look()
                if screen is not None:
                    screen.update(self._table(before, now), refresh=True)
                reached = done(now)
                if not live and (reached or now.at >= end or now.at - told >= PLAIN_EVERY):
                    told = now.at
                    self._console.print(_line(before, now, self._centers), soft_wrap=True)
                if reached or now.at >= end:
                    return reached
                if now.at - before.at > 5:
                    before = now
                self._never.wait(EVERY)

    def _look(self) -> Look:
        known = self._overview.read()
        now = datetime.now(UTC)
        statuses = [one.status for one in known.values() if one.status is not None]
        for one in statuses:
            self._events[one.center_id, one.instance_id] = one.events_total
        alive = [one for one in statuses if one.expires_at > now]
        day = now.astimezone(ZONE).date().isoformat()
        path = self._output / f"ivoris_chart_entries_{day}.csv"
        content = path.read_bytes() if path.exists() else b""
        commits = self._meter.commits
        return Look(
            at=time.monotonic(),
            streaming=sum(one.state == "streaming" for one in alive),
            events=sum(self._events.values()),
            commits=commits.count,
            waiting=commits.waiting,
            half=commits.delay(0.5),
            most=commits.delay(0.99),
            day=day,
            rows=max(0, content.count(b"\n") - 1),
            size=len(content),
        )

    def _table(self, before: Look, now: Look) -> Table:
        table = Table(box=None, show_header=False, pad_edge=False)
        for name, value in _facts(before, now, self._centers):
            table.add_row(f"[dim]{name}[/]", value)
        return table


class _Nothing:
    def __enter__(self) -> None:
        return None

    def __exit__(self, *_: object) -> None:
        return None


def _facts(before: Look, now: Look, centers: int) -> Sequence[tuple[str, str]]:
    span = max(now.at - before.at, EVERY)
    return [
        ("practices streaming", f"[bold]{now.streaming}[/] of {centers}"),
        (
            "committed at the sources",
            (
                f"[bold]{now.commits}[/] transactions, "
                f"{max(0, now.commits - before.commits) / span:.0f}/s"
            ),
        ),
        (
            "events on Kafka",
            f"[bold]{now.events:,}[/], {max(0, now.events - before.events) / span:.0f}/s",
        ),
        (
            "commit to unified row",
            (f"p50 [bold]{_span(now.half)}[/], p99 {_span(now.most)}, {now.waiting} under way"),
        ),
        (f"file of {now.day}", f"[bold]{now.rows}[/] rows, {now.size:,} bytes"),
    ]


def _line(before: Look, now: Look, centers: int) -> str:
    (_, streaming), (_, commits), (_, events), (_, delay), (file, rows) = _facts(
        before, now, centers
    )
    return f"{streaming} streaming | {commits} | {events} events | {delay} | {file}: {rows}"


def _span(seconds: float | None) -> str:
    return "none yet" if seconds is None else f"{seconds:.2f} s"
