"""Staff at full rate, producers and workers killed every few seconds: all days are right.

`--kills` says for how many minutes, and then nothing else is run.
"""

from __future__ import annotations

import random
import signal
import threading
import time

import pytest

from tests.faulting.audits import Audit
from tests.faulting.ground import Size, ground
from tests.faulting.rounds import FIRST_SECONDS, SETTLED_SECONDS, settle

pytestmark = [pytest.mark.kafka, pytest.mark.sqlserver, pytest.mark.timeout(0)]

SHORT = 2.0
"""Minutes, where nobody asks for more."""
BETWEEN = (1.0, 5.0)
"""Seconds from one kill to the next."""
FULL = Size(rate=1000.0, patients=60, poll="500ms", clock=False)
"""More than the machine can do: the staff never rest."""


def test_every_day_is_right_after_kills_at_full_rate(tmp_path, chartfeed, pytestconfig, capsys):
    minutes = pytestconfig.getoption("--kills") or SHORT
    with ground(tmp_path / "ground", 0, FULL, chartfeed) as on:
        audit = Audit(on)
        settle(on, FIRST_SECONDS)
        audit.begin()
        began = time.monotonic()
        with on.at_work(0):
            kills = _kill(on, 60 * minutes)
        on.settle_journal(0)
        took = time.monotonic() - began
        commits = sum(len(scene.truth.eras[-1].commits) for scene in on.scenes.values())
        settle(on, SETTLED_SECONDS)
        audit.all([])
        on.mend()

        options = "--config", on.config
        compared = chartfeed(*options, "reconcile", "--all", timeout=300).stdout
        replayed = tmp_path / "replayed"
        chartfeed(*options, "replay", "--output", replayed, "--compare", on.output, timeout=600)
        assert _contents(replayed) == _contents(on.output)

        with capsys.disabled():
            print(  # noqa: T201 - who waits for ten minutes sees what was done
                f"\n{commits:,} commits in {took:.0f} s, {audit.events:,} events,"
                f" {audit.transitions:,} transitions of rows, {kills} kills\n{compared}"
            )
        assert kills > 60 * minutes / BETWEEN[1]


def _kill(on, seconds):
    """Kill a post every few seconds; give how often."""
    dice, tick = random.Random(0), threading.Event()
    over = time.monotonic() + seconds
    due, kills = 0.0, 0
    while (now := time.monotonic()) < over:
        on.keep()
        if now >= due:
            post = on.posts[dice.choice(list(on.posts))]
            if post.process is not None:
                post.tell(signal.SIGKILL)
                kills += 1
            due = now + dice.uniform(*BETWEEN)
        tick.wait(0.1)
    return kills


def _contents(folder):
    return {
        path.name: path.read_bytes()
        for path in folder.iterdir()
        if path.suffix in {".csv", ".json"} and ".manifest." not in path.name
    }
