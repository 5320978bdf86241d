"""What a reconcile found, center by center, and what that means."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import date
from typing import TYPE_CHECKING

from stream_app.reconciling import Difference

if TYPE_CHECKING:
    from chartfeed.reconcile.files import Problem
    from schemas.errors import ChartfeedError

__all__ = ["CenterResult", "Report"]


@dataclass(frozen=True, slots=True)
class CenterResult:
    """How a center's files compare; with an error, they could not be compared.

    `undecided` says why later changes could not be left out.
    """

    center_id: str
    days: int = 0
    rows: int = 0
    differences: tuple[Difference, ...] = ()
    left_out: tuple[Difference, ...] = ()
    live_days: frozenset[date] = frozenset()
    undecided: str | None = None
    error: ChartfeedError | None = None


@dataclass(frozen=True, slots=True)
class Report:
    """All centers' results, and what is wrong with the files themselves.

    `unwritten` are days that differ while the stream has yet to write them.
    """

    days: int
    problems: tuple[Problem, ...] = ()
    centers: tuple[CenterResult, ...] = ()
    note: str | None = None
    unwritten: frozenset[date] = frozenset()

    @property
    def differing(self) -> list[str]:
        """Give the centers that differ in more than days which are yet to be written."""
        return [
            center.center_id
            for center in self.centers
            if any(one.day not in self.unwritten for one in center.differences)
        ]

    @property
    def differences(self) -> list[Difference]:
        return [one for center in self.centers for one in center.differences]

    @property
    def missing(self) -> list[CenterResult]:
        return [center for center in self.centers if center.error is not None]

    @property
    def is_identical(self) -> bool:
        return not (self.problems or self.differences or self.missing)

    @property
    def exit_code(self) -> int:
        """Give 0 only where all is identical; 2 or 3 where no center could be compared."""
        if self.is_identical:
            return 0
        if len(self.missing) < len(self.centers):
            return 1
        codes = {center.error.exit_code for center in self.missing if center.error}
        return 3 if 3 in codes else 2 if codes == {2} else 1

    def settled(self, after: Report, again: frozenset[date]) -> Report:
        """Put the second look in the first one's place, where there was one."""
        second = {center.center_id: center for center in after.centers}
        centers = []
        for center in self.centers:
            new = second.get(center.center_id)
            if new is None or new.error is not None:
                centers.append(center)
                continue
            stays = _but(center.differences, again)
            centers.append(
                replace(
                    center,
                    differences=(*stays, *new.differences),
                    left_out=(*_but(center.left_out, again), *new.left_out),
                    undecided=new.undecided or (center.undecided if stays else None),
                )
            )
        problems = [one for one in self.problems if one.day not in again]
        return replace(self, problems=(*problems, *after.problems), centers=tuple(centers))


def _but(found: Iterable[Difference], again: frozenset[date]) -> list[Difference]:
    return [one for one in found if one.day not in again]
