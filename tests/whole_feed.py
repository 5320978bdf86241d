"""From the staff's commits to the files while all is killed, and whether it is true in the end."""

from __future__ import annotations

import json
import random
import threading
from collections import defaultdict
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager
from copy import deepcopy
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

import orjson

from deploy.local import practices
from deploy.local.staff.journal import read
from deploy.local.staff.work import work
from producers.connection import connect
from schemas import avro, topics
from schemas.codec import Decoder
from schemas.records import UnifiedEntry
from tests import oracle
from tests.centers_at_work import read as read_topic
from tests.feeding import Feed, Row, Samples, check, due, row_of
from tests.practices_on import images
from tests.scene import Scene, Stage
from tests.streaming import until

__all__ = ["Wear", "whole_feed"]

STEM = "ivoris_chart_entries_"
SETTLED_SECONDS = 180


@dataclass(frozen=True, slots=True)
class Wear:
    """How hard a feed is worked and worn; `rate` is commits a second over all practices."""

    seed: int
    seconds: float
    rate: float = 100.0
    kill_every: float = 5.0
    shards: int = 2
    workers: int = 2


def whole_feed(on: Stage, chartfeed: Any, wear: Wear) -> dict[str, int]:
    """Wear a feed, let it settle, and hold all that it gave against what was committed."""
    dice = random.Random(wear.seed)
    names = list(on.planned)
    config = on.configured(
        "feed.json",
        output={"path": "output/", "formats": ["csv", "json", "parquet"]},
    )
    output = on.folder / "output"
    shards = [names[at :: wear.shards] for at in range(wear.shards)]
    samples = Samples(output, frozenset(names), random.Random(wear.seed))
    chosen = [word for name in names for word in ("--center", name)]
    before = {name: _as_it_is(on.scene(name)) for name in names}
    with Feed(config, on.folder, shards, wear.workers) as feed:
        with samples.taken():
            with _at_work(on, wear) as journal:
                feed.wound(dice, wear.seconds, wear.kill_every)
            told = until(lambda: _identical(chartfeed, config, chosen), SETTLED_SECONDS, every=3)
        feed.stop()
        commits = list(read(journal))
    after = [deepcopy(center).apply(commits) for center in before.values()]
    _hold_against_the_journal(after, output)
    _hold_topic_against_files(on, output)
    replayed = chartfeed(
        *("--config", config, "replay", "--output", on.folder / "replayed"),
        *("--compare", output),
        timeout=300,
        check=False,
    )
    assert replayed.returncode == 0, replayed.stdout + replayed.stderr
    claims = sum(check(center, commits, samples.claims) for center in before.values())
    return {
        "commits": len(commits),
        "kills": feed.killed,
        "rows": told["rows"],
        "days": told["days"],
        "files sampled": samples.files,
        "claims": claims,
    }


@contextmanager
def _at_work(on: Stage, wear: Wear) -> Iterator[Path]:
    """Have the staff of all practices work; the journal is complete at the end."""
    path = on.folder / "work.jsonl"
    over = threading.Event()
    login = practices.connector(on.sa, statement_timeout=10)
    with ThreadPoolExecutor(1) as pool:
        planned = list(on.planned.values())
        shift = pool.submit(work, planned, login, path, rate=wear.rate, stop=over, seed=wear.seed)
        try:
            yield path
        finally:
            over.set()
            shift.result(120)


def _identical(chartfeed: Any, config: Path, chosen: list[str]) -> dict[str, int] | None:
    """Compare all days with the sources: identical, and nothing left out."""
    done = chartfeed("--config", config, "reconcile", "--all", "--json", *chosen, check=False)
    assert done.stdout, done.stderr
    told: dict[str, Any] = json.loads(done.stdout)
    settled = done.returncode == 0 and not told["left_out"] and not told["undecided"]
    return told if settled else None


def _files(output: Path) -> Iterator[tuple[date, list[dict[str, Any]]]]:
    for path in sorted(output.glob(f"{STEM}*.json")):
        if not path.name.endswith(".manifest.json"):
            day = date.fromisoformat(path.name.removeprefix(STEM).removesuffix(".json"))
            yield day, orjson.loads(path.read_bytes())["entries"]


def _as_it_is(scene: Scene) -> oracle.Center:
    """Give a center's rows as its database has them: some can't hold every character."""
    center = oracle.Center.of(scene.practice)
    with closing(connect(scene.login)) as own:
        center.rows = {**center.rows, **images(own, scene.practice)}
    return center


def _hold_against_the_journal(centers: list[oracle.Center], output: Path) -> None:
    """Assert that the files have each row that is due once, in order, and no other."""
    found: defaultdict[tuple[str, date], list[Row]] = defaultdict(list)
    for day, entries in _files(output):
        for entry in entries:
            found[entry["center_id"], day].append(row_of(entry))
    for center in centers:
        wanted = {day: due(center, day) for day in center.days()}
        shown = {day: rows for (name, day), rows in found.items() if name == center.center_id}
        assert wanted == shown, center.center_id


def _hold_topic_against_files(on: Stage, output: Path) -> None:
    """Assert that the last under each key is a row of a file, and that no row ever went back."""
    decoder: Decoder[UnifiedEntry] = Decoder(UnifiedEntry)
    last: dict[bytes, UnifiedEntry] = {}
    revisions: dict[bytes, int] = {}
    for at in read_topic(str(on.kafka["bootstrap.servers"]), topics.UNIFIED_ENTRIES.name):
        _, center, _ = at.key.split(b"/", 2)
        if center.decode() not in on.planned:
            continue
        if at.value is None:
            last.pop(at.key, None)
            continue
        schema_id = int.from_bytes(at.value[1:5], "big")
        decoder.learn(schema_id, avro.load(UnifiedEntry))
        row = decoder.decode(at.value)
        assert row.revision >= revisions.get(at.key, 0), f"{at.key!r} went back"
        revisions[at.key] = row.revision
        last[at.key] = row
    published: defaultdict[tuple[str, date], list[str]] = defaultdict(list)
    for row in last.values():
        facts = (
            row.patient_id,
            row.insurance_status,
            row.insurance_name,
            row.chart_entry,
            tuple(row.service_codes),
        )
        published[row.center_id, row.date].append(repr(facts))
    filed: defaultdict[tuple[str, date], list[str]] = defaultdict(list)
    for day, entries in _files(output):
        for entry in entries:
            if entry["center_id"] in on.planned:
                filed[entry["center_id"], day].append(repr(row_of(entry)))
    for key in filed.keys() | published.keys():
        assert sorted(filed[key]) == sorted(published[key]), key
