"""What the daily files said and claimed while others wrote them, and whether it was true."""

from __future__ import annotations

import random
import threading
from collections import defaultdict, deque
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import date, datetime
from hashlib import sha256
from pathlib import Path
from typing import Any, Final, TypeAlias

import orjson

from deploy.local.staff.journal import Commit
from stream_app.files.manifest import parse
from tests import oracle

__all__ = ["Claim", "Row", "Samples", "check", "due", "row_of"]

Row: TypeAlias = tuple[Any, ...]
SAMPLED_SECONDS: Final = 1.0
NEWEST: Final = 3
ANY: Final = 2
STEM: Final = "ivoris_chart_entries_"


def row_of(entry: dict[str, Any]) -> Row:
    """Give what a row of a JSON file says, the center and the day left out."""
    return (
        entry["patient_id"],
        entry["insurance_status"],
        entry["insurance_name"],
        entry["chart_entry"],
        tuple(entry["service_codes"]),
    )


def due(center: oracle.Center, day: date) -> list[Row]:
    """Give the rows of a center's day, as `row_of` gives them."""
    return [
        (
            row.patient_id,
            row.insurance_status,
            row.insurance_name,
            row.chart_entry,
            row.service_codes,
        )
        for row in center.expected(day)
    ]


@dataclass(slots=True)
class Claim:
    """A center's rows in a file, and the version through which they were said to be complete."""

    center: str
    day: date
    version: int
    rows: list[Row]
    captured_at: datetime | None = None
    """When that version was read, by the source's clock."""
    behind: str | None = None
    """Why more of it may be missing, in the file's own word."""


@dataclass
class Samples:
    """Reads manifests and files again and again, while others write them."""

    output: Path
    centers: frozenset[str]
    dice: random.Random
    claims: list[Claim] = field(default_factory=list)
    files: int = 0
    failures: list[BaseException] = field(default_factory=list)

    @contextmanager
    def taken(self) -> Iterator[None]:
        """Take samples while inside."""
        over = threading.Event()

        def sample() -> None:
            try:
                while not over.wait(SAMPLED_SECONDS):
                    self.take()
            except BaseException as error:  # noqa: BLE001 - told below
                self.failures.append(error)

        thread = threading.Thread(target=sample)
        thread.start()
        try:
            yield
        finally:
            over.set()
            thread.join(60)
        assert not self.failures, self.failures

    def take(self) -> None:
        """Read some days: those that changed last, and some others."""
        found = sorted(
            self.output.glob(f"{STEM}*.manifest.json"), key=lambda path: path.stat().st_mtime_ns
        )
        others = found[:-NEWEST]
        for path in found[-NEWEST:] + self.dice.sample(others, min(ANY, len(others))):
            self._read(path)

    def _read(self, path: Path) -> None:
        before = path.read_bytes()
        manifest = parse(before, path.name)
        file = manifest.files["json"]
        content = (self.output / file.name).read_bytes()
        entries = orjson.loads(content)["entries"]  # Whole at any time, and else an error.
        if path.read_bytes() != before or sha256(content).hexdigest() != file.sha256:
            return  # The manifest, which comes last, is still to come.
        self.files += 1
        rows: defaultdict[str, list[Row]] = defaultdict(list)
        for entry in entries:
            rows[entry["center_id"]].append(row_of(entry))
        for line in manifest.centers:
            claimed = line.complete_through
            if line.center_id in self.centers and claimed and claimed.version is not None:
                day, center = manifest.target_date, line.center_id
                self.claims.append(
                    Claim(
                        center,
                        day,
                        claimed.version,
                        rows[center],
                        claimed.captured_at,
                        line.behind,
                    )
                )


def check(center: oracle.Center, commits: list[Commit], claims: list[Claim]) -> int:
    """Assert that each claim was true; give how many were compared.

    All that was committed up to the version is in the rows. They may show later commits too, but
    no patient's rows may be what they never were from that version on. `center` is as it was
    before the commits, and changed as far as that was needed.
    """
    ordered = deque(commit for commit in commits if commit.center == center.center_id)
    own = sorted((one for one in claims if one.center == center.center_id), key=_version)
    waiting = deque(own)
    unsettled: list[tuple[Claim, dict[Any, list[Row]]]] = []
    while True:
        days: dict[date, dict[Any, list[Row]]] = {}
        while waiting and not (ordered and (ordered[0].version or 0) <= waiting[0].version):
            claim = waiting.popleft()
            then = _on(center, claim.day, days)
            unsettled.append((claim, {who: [] for who in then} | _by_patient(claim.rows)))
        left = []
        for claim, shown in unsettled:
            now = _on(center, claim.day, days)
            others = {who: rows for who, rows in shown.items() if rows != now.get(who, [])}
            if others:
                left.append((claim, others))
        unsettled = left
        if not ordered or not (waiting or unsettled):
            break
        center.apply([ordered.popleft()])
    assert not unsettled, f"{len(unsettled)} of {len(own)} claims are false, as {unsettled[0]}"
    return len(own)


def _on(
    center: oracle.Center, day: date, known: dict[date, dict[Any, list[Row]]]
) -> dict[Any, list[Row]]:
    if day not in known:
        known[day] = _by_patient(due(center, day))
    return known[day]


def _version(claim: Claim) -> int:
    return claim.version


def _by_patient(rows: list[Row]) -> dict[Any, list[Row]]:
    found: dict[Any, list[Row]] = {}
    for row in rows:
        found.setdefault(row[0], []).append(row)
    return found
