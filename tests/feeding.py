"""The whole feed as processes that are killed, and what its files claimed meanwhile."""

from __future__ import annotations

import random
import signal
import threading
import time
from collections import defaultdict, deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import date
from functools import partial
from hashlib import sha256
from pathlib import Path
from typing import Any, Final, Self, TypeAlias

import orjson

from deploy.local.staff.journal import Commit
from stream_app.files.manifest import parse
from tests import oracle
from tests.producing import Produce
from tests.streaming import Stream

__all__ = ["Claim", "Feed", "Row", "Samples", "check", "due", "row_of"]

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
        if path.read_bytes() != before or sha256(content).hexdigest() != file.sha256:
            return  # It is being written: the manifest, which comes last, says so.
        self.files += 1
        rows: defaultdict[str, list[Row]] = defaultdict(list)
        for entry in orjson.loads(content)["entries"]:
            rows[entry["center_id"]].append(row_of(entry))
        for line in manifest.centers:
            claimed = line.complete_through
            if line.center_id in self.centers and claimed and claimed.version is not None:
                day, center = manifest.target_date, line.center_id
                self.claims.append(Claim(center, day, claimed.version, rows[center]))


def check(center: oracle.Center, commits: list[Commit], claims: list[Claim]) -> int:
    """Assert that each claim was true; give how many were compared.

    All that was committed up to the version is in the rows. They may show later commits too, but
    no patient's rows may be what they never were from that version on. `center` is as it was
    before the commits, and after them in the end.
    """
    ordered = deque(commit for commit in commits if commit.center == center.center_id)
    own = sorted((one for one in claims if one.center == center.center_id), key=_version)
    waiting = deque(own)
    unsettled: list[tuple[Claim, dict[Any, list[Row]]]] = []
    while waiting or (ordered and unsettled):
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
        if ordered:
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


class Feed:
    """Producers and workers as processes; each is killed now and then, and started again."""

    def __init__(self, config: Path, folder: Path, shards: list[list[str]], workers: int) -> None:
        self._config = config
        self._folder = folder
        self._starts: list[Callable[[], Produce | Stream]] = [
            *(partial(self._produce, shard) for shard in shards),
            *(partial(self._stream, f"w{number}") for number in range(workers)),
        ]
        self._running: list[Produce | Stream] = []
        self.killed = 0

    def __enter__(self) -> Self:
        self._running = [start() for start in self._starts]
        return self

    def __exit__(self, *_: object) -> None:
        for one in self._running:
            one.end(signal.SIGKILL) if isinstance(one, Stream) else one.end()

    def wound(self, dice: random.Random, seconds: float, every: float) -> None:
        """Kill one of them every so often, and start it again soon, or some time later."""
        pause = threading.Event()
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            pause.wait(2 * every * dice.random())
            at = dice.randrange(len(self._running))
            self.running(at)
            self.kill(at)
            pause.wait(dice.choice([0.0, 0.0, 1.0, 4.0, 12.0]))
            self._running[at] = self._starts[at]()

    def running(self, at: int) -> None:
        """Assert that it has not ended by itself."""
        one = self._running[at]
        alive = one.is_running()
        assert alive, f"it ended: {one.said()[-3000:]}"

    def kill(self, at: int) -> None:
        one = self._running[at]
        if isinstance(one, Stream):
            one.end(signal.SIGKILL)
        else:
            one.kill()
        self.killed += 1

    def stop(self) -> None:
        """Have all of them end as they are told to."""
        for at, one in enumerate(self._running):
            self.running(at)
            code = one.end() if isinstance(one, Stream) else one.stop()
            assert code == 0, one.said()[-3000:]

    def _produce(self, shard: list[str]) -> Produce:
        chosen = [word for name in shard for word in ("--center", name)]
        log = self._folder / f"produce-{shard[0]}.log"
        return Produce(self._config, log, tuple(chosen), None)

    def _stream(self, name: str) -> Stream:
        return Stream(self._config, name)
