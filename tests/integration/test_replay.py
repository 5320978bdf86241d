"""Replay on a real broker: what a worker wrote live comes out once more, byte for byte."""

import signal
from datetime import date

import pytest

from producers.registry import Registry
from schemas.subjects import RECORDS
from tests.centers_at_work import ENTRIES, Centers
from tests.streaming import configuration, until, workers

pytestmark = [pytest.mark.kafka, pytest.mark.timeout(240)]

LONE = date(2022, 2, 1)


@pytest.fixture(scope="module")
def schema_ids(stack, services, chartfeed):
    chartfeed("topics", "create", home=stack)
    registry = Registry(services["registry"]["address"])
    return {record: registry.register(topic) for topic, record in RECORDS.items()}


@pytest.fixture(scope="module")
def live(tmp_path_factory, services, schema_ids):
    """Give a town whose work a worker has followed, and its folder."""
    folder = tmp_path_factory.mktemp("live")
    town = Centers(services["kafka"]["address"], schema_ids, 6, 1)
    bootstrap, registry = (services[name]["address"] for name in ("kafka", "registry"))
    path = configuration(folder, bootstrap, registry, town.names)
    center = next(iter(town.names))
    with workers(path) as start:
        worker = start("one")
        town.work(60)
        entry = {"patient_id": 3, "entry_date": LONE, "chart_entry": "moves away"}
        town.commit(center, [(ENTRIES, 777, entry)])
        output = folder / "output"
        until(lambda: rows_of(output, LONE) == 1)
        town.commit(center, [(ENTRIES, 777, {**entry, "entry_date": date(2022, 1, 18)})])
        town.work(40)
        until(lambda: town.published() == town.expected())
        until(lambda: rows_of(output, LONE) == 0)
        assert worker.end(signal.SIGTERM) == 0
    return town, folder


def rows_of(output, day):
    path = output / f"ivoris_chart_entries_{day}.csv"
    return len(path.read_text("utf-8").splitlines()) - 1 if path.exists() else None


def test_a_replay_gives_the_files_that_were_written_live(live, chartfeed, tmp_path):
    _, folder = live
    config = folder / "chartfeed.yml"
    done = chartfeed(
        *("--config", config, "replay", "--output", tmp_path / "again"),
        *("--compare", folder / "output"),
        check=False,
    )
    assert 0 == done.returncode, done.stdout + done.stderr
    assert not (tmp_path / "again" / ".replay").exists()
