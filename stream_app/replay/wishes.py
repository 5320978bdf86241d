"""What people write for a cut, a range of days: texts to what they mean."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date
from typing import Final

from schemas import dates
from schemas.errors import BadInput
from stream_app.join import TOPICS
from stream_app.replay.bounds import Moment, Positions

__all__ = ["Days", "days", "moment", "place", "positions"]

EXAMPLE: Final = "2026-01-18T08:00:00Z"


def moment(text: str) -> Moment | None:
    """Read a moment; None where the text is none."""
    try:
        return Moment(dates.moment(text))
    except ValueError:
        return None


def place(text: str, partitions: int) -> tuple[tuple[str, int], int]:
    """Read TOPIC:PARTITION:OFFSET, as `status --positions` prints it."""
    topic, *numbers = text.strip().split(":")
    if topic not in TOPICS:
        raise BadInput(
            f"{text.strip()!r} names none of the topics that are replayed",
            hint=f"TOPIC:PARTITION:OFFSET, with one of {', '.join(TOPICS)}",
        )
    if len(numbers) != 2 or not all(part.isascii() and part.isdigit() for part in numbers):
        raise BadInput(
            f"{text.strip()!r} is no position", hint=f"write it as {topic}:0:1234, or see status"
        )
    partition, offset = map(int, numbers)
    if partition >= partitions:
        raise BadInput(
            f"{text.strip()!r}: there are partitions 0 to {partitions - 1}",
            hint="the numbers are PARTITION and OFFSET",
        )
    return (topic, partition), offset


def positions(lines: Iterable[str], partitions: int, *, whole: bool) -> Positions:
    """Read positions, a line each; `whole` wants one of every partition of every topic."""
    found = dict(place(line, partitions) for line in lines if line.strip())
    if whole:
        missing = [
            f"{topic}:{number}"
            for topic in TOPICS
            for number in range(partitions)
            if (topic, number) not in found
        ]
        if missing:
            raise BadInput(
                f"the positions lack {', '.join(missing[:3])}"
                + (f" and {len(missing) - 3} more" if len(missing) > 3 else ""),
                hint="chartfeed status --positions prints all",
            )
    if not found:
        raise BadInput("there are no positions", hint="chartfeed status --positions prints them")
    return Positions(found)


class Days:
    """A range of days, each end included; an end that is not given is open."""

    def __init__(self, first: date | None, last: date | None) -> None:
        self.first = first
        self.last = last

    def __contains__(self, day: date) -> bool:
        return (self.first is None or day >= self.first) and (self.last is None or day <= self.last)


def days(text: str | None) -> Days:
    """Read A..B, A.., ..B, or one day."""
    if text is None:
        return Days(None, None)
    first, dots, last = text.partition("..")
    try:
        found = Days(
            dates.iso(first) if first else None,
            dates.iso(last) if last else (None if dots else dates.iso(first)),
        )
    except ValueError:
        raise BadInput(
            f"{text!r} is no range of days", hint="write it as 2022-01-18..2022-02-01"
        ) from None
    if found.first and found.last and found.first > found.last:
        raise BadInput(f"{text!r} ends before it begins", hint="write the earlier day first")
    return found
