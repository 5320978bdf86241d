"""Days in a folder for each month, for outputs of thousands of days."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from stream_app.files.rendering import STEM
from stream_app.files.targets import open_target

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from stream_app.files.targets import Seen, Target

__all__ = ["ByMonth", "open_daily"]

MONTH: Final = re.compile(r"\d{4}-\d\d")
DAILY: Final = re.compile(rf"{STEM}(\d{{4}}-\d\d)-\d\d\.")


def open_daily(place: str, *, by_month: bool) -> Target:
    """Give the target for daily files that a path or a URL names."""
    target = open_target(place)
    return ByMonth(target) if by_month else target


class ByMonth:
    """A target whose daily files are in folders such as 2022-01; their names stay as they are."""

    def __init__(self, target: Target) -> None:
        self._target = target
        self._months: dict[str, Target] = {}

    def __repr__(self) -> str:
        return f"ByMonth({self._target!r})"

    def __str__(self) -> str:
        return str(self._target)

    def replace(
        self, name: str, content: Iterable[bytes], check: Callable[[], object] = lambda: None
    ) -> None:
        self._of(name).replace(name, content, check)

    def read(self, name: str) -> bytes | None:
        return self._of(name).read(name)

    def pieces(self, name: str) -> Iterator[bytes]:
        return self._of(name).pieces(name)

    def listing(self) -> dict[str, Seen]:
        return {
            name: seen for month in self._all_months() for name, seen in month.listing().items()
        }

    def names(self) -> list[str]:
        return sorted(name for month in self._all_months() for name in month.names())

    def folders(self) -> list[str]:
        return self._target.folders()

    def inside(self, folder: str) -> Target:
        return self._target.inside(folder)

    def remove_leftovers(self) -> int:
        removed = sum(month.remove_leftovers() for month in self._all_months())
        return self._target.remove_leftovers() + removed

    def _all_months(self) -> Iterator[Target]:
        for folder in self._target.folders():
            if MONTH.fullmatch(folder):
                yield self._month(folder)

    def _of(self, name: str) -> Target:
        match = DAILY.match(name)
        return self._target if match is None else self._month(match[1])

    def _month(self, month: str) -> Target:
        found = self._months.get(month)
        if found is None:
            found = self._months[month] = self._target.inside(month)
        return found
