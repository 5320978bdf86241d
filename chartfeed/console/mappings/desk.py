"""What a review needs of the center itself: proposals, samples, the validation; each kept a while.

Only shapes and harmless values are kept (producers.shown), never a row as it is.
"""

from __future__ import annotations

import time
from collections import OrderedDict
from collections.abc import Callable, Hashable
from dataclasses import dataclass
from datetime import date
from threading import Lock
from typing import TYPE_CHECKING, Any, Final, TypeVar

from chartfeed import approvals, examples, mapping_tables, mappings
from producers import survey

if TYPE_CHECKING:
    from chartfeed.answers import Answers
    from chartfeed.examples import Example
    from chartfeed.settings import Center, Settings
    from producers.catalog import Catalog
    from producers.mapping import Mapping
    from producers.review import Step
    from producers.validation import Finding, Report

__all__ = ["Checked", "Desk"]

T = TypeVar("T")
KEPT_SECONDS: Final = 300.0
MOST_KEPT: Final = 256


@dataclass(frozen=True, slots=True)
class Checked:
    """What the validation said, and the rows of a day as they may be shown."""

    mapping: Mapping
    findings: tuple[Finding, ...]
    day: date | None
    rows: tuple[tuple[str, str, str, str, str], ...]
    count: int
    at: float

    @property
    def errors(self) -> tuple[Finding, ...]:
        return tuple(one for one in self.findings if one.level == "error")


class Desk:
    """Asks a center at most once for the same thing while nothing changed."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._kept: OrderedDict[Hashable, tuple[float, Any]] = OrderedDict()
        self._busy: dict[Hashable, Lock] = {}
        self._lock = Lock()

    def mapping(self, settings: Settings, center: Center, seen: str, given: Answers) -> Mapping:
        """Give the mapping in its present version with the answers, and what follows from them."""
        return self._once(
            ("mapping", center, seen, given), lambda: _answered(settings, center, given)
        )

    def catalog(self, settings: Settings, center: Center) -> Catalog:
        """Give all tables and columns that the center has."""

        def read() -> Catalog:
            with mappings.opened(settings, center) as connection:
                return survey.read_catalog(connection, center.id)

        return self._once(("catalog", center), read)

    def examples(
        self, settings: Settings, center: Center, mapping: Mapping, step: Step
    ) -> list[Example]:
        """Give harmless values of the columns that a point could be."""
        if examples.shows_none(step.point):
            return []
        role = step.point.partition(".")[0]
        names = (step.name, *(rival.name for rival in step.rivals))
        catalog = self.catalog(settings, center)

        def read() -> list[Example]:
            with mappings.opened(settings, center) as connection:
                return examples.of(connection, catalog, mapping, step, every=True)

        place = (mapping.schema, mapping.tables[role].name, step.point, names)
        return self._once(("examples", center, *place), read)

    def checked(self, settings: Settings, center: Center, seen: str, given: Answers) -> Checked:
        """Give what the validation says of the mapping with the answers."""
        mapping = self.mapping(settings, center, seen, given)

        def validate() -> Checked:
            with mappings.opened(settings, center) as connection:
                report = approvals.validated(settings, center, connection, mapping)
            return self._shown(report)

        return self._once(("checked", center, seen, given), validate)

    def known(self, center: Center, seen: str, given: Answers) -> Checked | None:
        """Give what the validation said a moment ago, None where it was not asked."""
        found = self._present(("checked", center, seen, given))
        return found if isinstance(found, Checked) else None

    def forget(self, center: Center) -> None:
        """Forget all of a center, so that it is asked anew."""
        with self._lock:
            for key in [key for key in self._kept if isinstance(key, tuple) and center in key]:
                del self._kept[key]

    def _shown(self, report: Report) -> Checked:
        rows = report.day.rows if report.day is not None else ()
        return Checked(
            report.mapping,
            report.findings,
            rows[0].date if rows else None,
            tuple(mapping_tables.unified(row) for row in rows[: mapping_tables.ROWS]),
            len(rows),
            self._clock(),
        )

    def _present(self, key: Hashable) -> object:
        with self._lock:
            self._drop_old()
            _, found = self._kept.get(key, (0.0, None))
            if found is not None:
                self._kept.move_to_end(key)
            return found

    def _drop_old(self) -> None:
        """Let go of what is too old to be given: a center's catalog alone may be megabytes."""
        now = self._clock()
        for key in [key for key, (at, _) in self._kept.items() if now - at > KEPT_SECONDS]:
            del self._kept[key]

    def _once(self, key: Hashable, work: Callable[[], T]) -> T:
        """Give what is kept, else what the work gives; who asks for the same waits for it."""
        with self._lock:
            busy = self._busy.setdefault(key, Lock())
        with busy:
            found = self._present(key)
            if found is None:
                found = work()
                with self._lock:
                    self._kept[key] = (self._clock(), found)
                    while len(self._kept) > MOST_KEPT:
                        self._kept.popitem(last=False)
        with self._lock:
            if not busy.locked():
                self._busy.pop(key, None)
        return found  # type: ignore[return-value]


def _answered(settings: Settings, center: Center, given: Answers) -> Mapping:
    mapping = approvals.present(settings, center)
    if not given:
        return mapping
    with mappings.opened(settings, center) as connection:
        return approvals.answered(settings, center, connection, mapping, given)
