"""A short schedule of faults over the whole feed: nothing is lost, doubled, disordered or early.

`make faults` runs the long one. This one has a broker, a registry and a source of its own.
"""

import pytest

from tests.faulting.ground import Size
from tests.faulting.rounds import run
from tests.faulting.schedule import Planned, Round

pytestmark = [pytest.mark.kafka, pytest.mark.sqlserver, pytest.mark.timeout(600)]

ROUNDS = [
    Round(
        0,
        (
            Planned("killed", "producer-0", 0.5, 0.5, 1),
            Planned("worker ended before an output's commit", "worker-0", 1.0, 3.0, 2),
        ),
    ),
    Round(
        1,
        (
            Planned("killed", "source", 0.5, 0.2, 3),
            Planned("wire reset in mid-answer", "workers-kafka", 1.0, 1.5, 4),
        ),
    ),
    Round(
        2,
        (
            Planned("restored", "1", 0.3, 0.5, 5),
            Planned("killed", "broker", 1.5, 0.2, 6),
        ),
    ),
]
SIZE = Size(centers=3, producers=1, workers=1, rate=30, patients=8)


def test_faults_alone_and_mixed_cost_time_and_nothing_else(tmp_path, chartfeed):
    again = "make test ARGS=tests/integration/test_faults_short.py"
    found = run(tmp_path / "ground", 1, ROUNDS, chartfeed, command=again, size=SIZE)

    assert found.violation is None, found.told()
    assert found.commits > 50
    assert found.claims > 10
    assert found.transitions > 50
    assert not [one for one in found.happened if one.missed]
    assert all(one.recovered is not None for one in found.happened)
