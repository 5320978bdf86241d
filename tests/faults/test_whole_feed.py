"""The whole feed, killed at random for ten minutes: every row is there once, and every claim true.

CHARTFEED_FAULT_SECONDS says for how long, CHARTFEED_FAULT_SEEDS how many times.
"""

import os

import pytest

from tests.scene import named_apart, stage
from tests.whole_feed import Wear, whole_feed

SECONDS = float(os.environ.get("CHARTFEED_FAULT_SECONDS", "600"))
SEEDS = range(int(os.environ.get("CHARTFEED_FAULT_SEEDS", "1")))

pytestmark = [pytest.mark.kafka, pytest.mark.sqlserver, pytest.mark.timeout(SECONDS * 2 + 900)]


@pytest.mark.usefixtures("stack")
@pytest.mark.parametrize("seed", SEEDS)
def test_whatever_is_killed_the_files_say_what_was_committed(
    tmp_path, services, chartfeed, seed, record_testsuite_property
):
    names = named_apart(f"feed{seed}", 12)
    with stage(
        tmp_path, names, services, chartfeed, patients=30, tables=12, insurers=40, seed=seed
    ) as on:
        found = whole_feed(on, chartfeed, Wear(seed, SECONDS))
    record_testsuite_property(f"whole feed, seed {seed}", str(found))
    print(found)  # noqa: T201 - the measurement is what one runs this for
    assert found["kills"] >= SECONDS / 20
