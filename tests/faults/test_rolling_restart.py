"""Producers and workers are restarted one after the other under load, as an upgrade does it."""

from __future__ import annotations

import json
import threading
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import pytest

from deploy.local import practices
from deploy.local.staff.work import work
from schemas import avro, topics
from schemas.codec import Decoder
from schemas.records import UnifiedEntry
from tests.centers_at_work import read as read_topic
from tests.names import artefacts, leaks, patients
from tests.producing import Produce
from tests.scene import named_apart, stage
from tests.streaming import Stream, until

pytestmark = [pytest.mark.kafka, pytest.mark.sqlserver, pytest.mark.timeout(600)]

RATE = 20.0
SHARDS, WORKERS = 2, 2


@pytest.mark.usefixtures("stack")
def test_a_rolling_restart_loses_and_doubles_nothing(tmp_path, services, chartfeed):
    with stage(tmp_path, named_apart("roll", 4), services, chartfeed) as on:
        names = list(on.planned)
        chosen = [word for name in names for word in ("--center", name)]
        produce = [
            lambda at=at: Produce(
                on.config,
                tmp_path / f"produce-{at}.log",
                tuple(word for name in names[at::SHARDS] for word in ("--center", name)),
                None,
            )
            for at in range(SHARDS)
        ]
        stream = [lambda at=at: Stream(on.config, f"w{at}") for at in range(WORKERS)]
        starts: list[Callable[[], Produce | Stream]] = [*produce, *stream]
        running = [start() for start in starts]
        over = threading.Event()
        try:
            with ThreadPoolExecutor(1) as pool:
                login = practices.connector(on.sa, statement_timeout=10)
                journal = tmp_path / "work.jsonl"
                shift = pool.submit(
                    work, list(on.planned.values()), login, journal, rate=RATE, stop=over, seed=1
                )
                try:
                    for at in range(len(running)):
                        over.wait(3)
                        assert 0 == ended(running[at]), running[at].said()[-3000:]
                        running[at] = starts[at]()
                finally:
                    over.set()
                    shift.result(60)
            until(lambda: identical(chartfeed, on.config, chosen), 180, every=3)
        finally:
            codes = [ended(one) for one in running]
        assert [0] * len(running) == codes
        assert journal.read_bytes().count(b"\n") > 50
        doubled = published_again(on, set(names))
        known = {name for center in names for name in patients(on.scene(center))}
        _, in_files = leaks(known, artefacts(tmp_path))

    assert {} == doubled
    assert [] == in_files


def ended(process):
    return process.end() if isinstance(process, Stream) else process.stop()


def identical(chartfeed, config, chosen):
    done = chartfeed("--config", config, "reconcile", "--all", "--json", *chosen, check=False)
    assert done.stdout, done.stderr
    told = json.loads(done.stdout)
    return done.returncode == 0 and not told["left_out"] and not told["undecided"]


def published_again(on, names):
    """Give the rows that were published twice in a row with the same content, by their key."""
    decoder: Decoder[UnifiedEntry] = Decoder(UnifiedEntry)
    last: dict[bytes, UnifiedEntry] = {}
    again: Counter[bytes] = Counter()
    for at in read_topic(str(on.kafka["bootstrap.servers"]), topics.UNIFIED_ENTRIES.name):
        if at.key.split(b"/", 2)[1].decode() not in names:
            continue
        if at.value is None:
            last.pop(at.key, None)
            continue
        decoder.learn(int.from_bytes(at.value[1:5], "big"), avro.load(UnifiedEntry))
        row = decoder.decode(at.value)
        before = last.get(at.key)
        if before is not None:
            assert row.revision > before.revision, f"{at.key!r} went back"
            then = replace(before, revision=row.revision, captured_at=row.captured_at)
            again[at.key] += row == then
        last[at.key] = row
    return {key: count for key, count in again.items() if count}
