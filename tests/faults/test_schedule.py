"""The whole feed under a schedule of faults: whatever happens, nothing is lost, doubled or early.

`--minutes` says for how long, `--seeds` how many seeds, `--seed` which one; a failure names the
seed and shows its schedule, and the seed alone brings it back. With `--shrink` it is played again
with less and less.
"""

from __future__ import annotations

import time
from itertools import count

import pytest

from tests.faulting.rounds import run
from tests.faulting.schedule import plan, shown, shrunk

pytestmark = [pytest.mark.kafka, pytest.mark.sqlserver, pytest.mark.timeout(0)]


def test_whatever_happens_all_say_what_was_committed(
    tmp_path, chartfeed, runs, pytestconfig, capsys
):
    only, wanted = pytestconfig.getoption("--seed"), pytestconfig.getoption("--seeds")
    rounds = pytestconfig.getoption("--rounds")
    until = time.monotonic() + 60 * pytestconfig.getoption("--minutes")
    limit = float("inf") if only is not None or wanted is not None else until

    def say(text: str) -> None:
        with capsys.disabled():
            print(text, flush=True)  # noqa: T201 - who waits for half an hour sees how it goes

    for seed in count(1) if only is None else [only]:
        if wanted is not None and seed > wanted:
            break
        if time.monotonic() > limit:
            break
        schedule = plan(seed, rounds)
        again = f'make faults ARGS="--seed {seed} --rounds {rounds}"'
        folder = tmp_path / str(seed)
        found = run(folder, seed, schedule, chartfeed, command=again, say=say, until=limit)
        runs.append(found)
        if found.violation is not None and pytestconfig.getoption("--shrink"):
            last = len(schedule) if found.broken_in in {None, -1} else found.broken_in + 1
            shrink(tmp_path, seed, schedule[:last], chartfeed, say)

    broken = [one.told() for one in runs if one.violation is not None]
    assert not broken, "\n\n".join(broken)


def shrink(folder, seed, rounds, chartfeed, say):
    """Say with how little of a schedule it still breaks."""
    tries = count()

    def breaks(some):
        say(f"with less:\n{shown(some)}")
        there = folder / f"{seed}-{next(tries)}"
        found = run(there, seed, some, chartfeed, command=f"seed {seed} with less", say=say)
        return found.violation is not None

    say(f"seed {seed} still breaks with:\n{shown(shrunk(rounds, breaks))}")
