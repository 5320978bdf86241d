"""From a practice's commit to its file while producer and worker are killed."""

import pytest

from tests.own_stack import services, stack  # noqa: F401 - fixtures, by their names
from tests.scene import named_apart, stage
from tests.whole_feed import Wear, whole_feed

pytestmark = [pytest.mark.kafka, pytest.mark.sqlserver, pytest.mark.timeout(300)]


@pytest.mark.usefixtures("stack")
def test_a_feed_whose_processes_are_killed_loses_and_doubles_nothing(tmp_path, services, chartfeed):
    with stage(tmp_path, named_apart("feed", 4), services, chartfeed) as on:
        wear = Wear(1, seconds=12, rate=30, kill_every=2.5, shards=1, workers=1)
        found = whole_feed(on, chartfeed, wear)

    assert found["commits"] > 100
    assert found["kills"] >= 2
    assert found["claims"] > 20
