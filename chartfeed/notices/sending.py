"""Telling people and programs how a day was closed, once each, and never by giving up a close.

A notice holds centers, counts and the words of the checks: nothing that a row says.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final, Protocol

import orjson

from schemas.errors import ChartfeedError, Failed
from stream_app.files.targets import Target

__all__ = ["Ledger", "Notice", "Undelivered", "Way", "deliver", "deliver_all"]

FIRST_PAUSE: Final = 1.0
LONGEST_PAUSE: Final = 60.0


@dataclass(frozen=True, slots=True)
class Notice:
    """What is told: `said` is the report, `identity` the same for two that say the same."""

    day: str
    state: str
    headline: str
    text: str
    said: Mapping[str, Any]
    identity: str


class Undelivered(Failed):
    """A notice did not arrive; `passing` where another attempt may do, after some seconds."""

    def __init__(self, message: str, *, passing: bool, after: float = 0.0) -> None:
        super().__init__(message)
        self.passing = passing
        self.after = after


class Way(Protocol):
    """How somebody is told."""

    @property
    def name(self) -> str: ...

    def send(self, notice: Notice, timeout: float) -> None:
        """Tell it, or raise Undelivered."""


@dataclass(frozen=True, slots=True)
class Ledger:
    """Who has been told what: a file for each day beside its report, so that none is told twice."""

    reports: Target

    def told(self, notice: Notice) -> frozenset[str]:
        """Give the ways on which this very notice has gone."""
        content = self.reports.read(_name(notice.day))
        try:
            said = {} if content is None else orjson.loads(content)
            return frozenset(said["told"]) if said.get("of") == notice.identity else frozenset()
        except (ValueError, TypeError, KeyError, AttributeError):
            return frozenset()  # Damaged: to be told twice is better than never.

    def note(self, notice: Notice, told: Iterable[str]) -> None:
        """Remember them, and forget those of an earlier notice."""
        said = {"of": notice.identity, "told": sorted(told)}
        self.reports.replace(_name(notice.day), [orjson.dumps(said)])


def _name(day: str) -> str:
    return f"close_{day}.told.json"


def deliver(
    way: Way,
    notice: Notice,
    attempts: int,
    timeout: float,
    pause: Callable[[float], object],
) -> str | None:
    """Send a notice, again after growing pauses where that may help; gives why it failed."""
    why: str | None = None
    for attempt in range(attempts):
        try:
            way.send(notice, timeout)
        except Undelivered as error:
            why = error.message
            if not error.passing or attempt == attempts - 1:
                return why
            pause(min(LONGEST_PAUSE, max(error.after, FIRST_PAUSE * 2**attempt)))
        except ChartfeedError as error:
            return error.message  # Its password or address is not to be found.
        else:
            return None
    return why


def deliver_all(
    ways: Iterable[Way],
    notices: Iterable[Notice],
    ledger: Ledger,
    send: Callable[[Way, Notice], str | None],
) -> dict[str, str]:
    """Send what has not been told yet; gives by way why it failed.

    A way that failed is left alone for the rest: the next run tells what is missing.
    """
    failed: dict[str, str] = {}
    for notice in notices:
        told = set(ledger.told(notice))
        for way in ways:
            if way.name in told or way.name in failed:
                continue
            why = send(way, notice)
            if why is not None:
                failed[way.name] = why
                continue
            told.add(way.name)
            ledger.note(notice, told)
    return failed
