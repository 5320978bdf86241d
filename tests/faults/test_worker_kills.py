"""Workers come, go, die and sleep while centers commit: the rows are right in the end."""

import random
import signal
import threading
import time
from datetime import date

import psutil
import pytest

from producers.registry import Registry
from schemas.subjects import RECORDS
from tests.centers_at_work import ENTRIES, INSURERS, LINKS, Centers
from tests.streaming import configuration, until, workers

pytestmark = [pytest.mark.kafka, pytest.mark.timeout(600)]

SESSION_SECONDS = 10


@pytest.fixture(scope="module")
def schema_ids(stack, services, chartfeed):
    chartfeed("topics", "create", home=stack)
    registry = Registry(services["registry"]["address"])
    return {record: registry.register(topic) for topic, record in RECORDS.items()}


@pytest.fixture
def town(services, schema_ids):
    return Centers(services["kafka"]["address"], schema_ids, 12, seed=3)


@pytest.fixture
def config(tmp_path, services, town):
    bootstrap, registry = (services[name]["address"] for name in ("kafka", "registry"))
    return configuration(tmp_path, bootstrap, registry, town.names)


@pytest.fixture
def traffic(town):
    """Commit all the time in another thread; `traffic()` ends it."""
    stop = threading.Event()
    failures: list[BaseException] = []

    def work():
        try:
            while not stop.wait(0.05):
                town.work(3)
        except BaseException as error:  # noqa: BLE001 - told below
            failures.append(error)

    thread = threading.Thread(target=work)
    thread.start()

    def end():
        stop.set()
        thread.join(30)
        assert not failures, failures

    yield end
    stop.set()
    thread.join(30)


def no_row_goes_back(town):
    """Assert that nothing that a reader has seen is replaced by something older."""
    seen: dict[bytes, int] = {}
    for at, row in town.log():
        if row is None:
            continue
        assert row.revision >= seen.get(at.key, 0), f"{at.key!r} went back"
        seen[at.key] = row.revision


def shows(town):
    return lambda: town.published() == town.expected()


def test_one_two_three_and_one_worker_with_traffic(town, config, traffic):
    with workers(config) as start:
        one = start("one")
        until(lambda: one.says("assigned"))
        time.sleep(3)
        two = start("two")
        until(lambda: two.says("assigned"))
        time.sleep(2)
        three = start("three")
        until(lambda: three.says("assigned"))
        time.sleep(2)
        two.end(signal.SIGKILL)
        assert three.end() == 0
        time.sleep(SESSION_SECONDS + 5)
        traffic()

        until(shows(town), 120, every=2)
    no_row_goes_back(town)


def test_killed_at_random_moments(town, config, traffic):
    choose = random.Random(7)
    with workers(config) as start:
        for _ in range(6):
            worker = start("one")
            before = worker.says("assigned")
            until(lambda: worker.says("assigned") > before)  # noqa: B023 - waited for at once
            time.sleep(2 * choose.random())
            worker.end(signal.SIGKILL)
        start("one")
        traffic()

        until(shows(town), 120, every=2)
    no_row_goes_back(town)


def test_a_worker_that_slept_writes_nothing_old(town, config, traffic):
    """It wakes with rows that it has not sent, and partitions that are others' by now."""
    with workers(config) as start:
        sleeper = start("sleeper")
        until(lambda: sleeper.says("assigned"))
        time.sleep(4)
        other = start("other")
        until(lambda: other.says("assigned"))
        time.sleep(2)
        sleeper.process.send_signal(signal.SIGSTOP)
        time.sleep(SESSION_SECONDS + 4)
        sleeper.process.send_signal(signal.SIGCONT)
        time.sleep(3)
        if sleeper.process.poll() is not None:
            assert sleeper.process.returncode == 1
            start("sleeper")
        traffic()

        until(shows(town), 120, every=2)
    no_row_goes_back(town)


def test_a_broker_that_hangs_for_a_while_loses_nothing(town, config, services):
    """Longer than a transaction and a session last: what was under way is lost and sent again."""
    broker = psutil.Process(services["kafka"]["pid"])
    with workers(config) as start:
        worker = start()
        town.work(5)
        until(shows(town), 120, every=2)
        town.work(10)
        broker.suspend()
        try:
            time.sleep(SESSION_SECONDS + 2)
        finally:
            broker.resume()
        town.work(5)

        until(shows(town), 120, every=2)
        assert worker.process.poll() is None, "it need not have ended for that"


def test_a_broker_that_is_killed_and_back_costs_time_and_nothing_else(
    town, config, services, stack, chartfeed
):
    with workers(config) as start:
        worker = start()
        town.work(5)
        until(shows(town), 120, every=2)
        psutil.Process(services["kafka"]["pid"]).kill()
        time.sleep(SESSION_SECONDS + 2)
        chartfeed("local", "up", "kafka", home=stack)
        town.reconnect()
        town.work(10)

        until(shows(town), 120, every=2)
        assert worker.process.poll() is None, "it need not have ended for that"


MANY = 60_000


def test_an_insurer_of_very_many_entries_changes_and_a_worker_told_to_stop_meanwhile_does(
    town, config
):
    center = next(iter(town.names))
    day = date(2022, 1, 18)
    entries = [
        (
            ENTRIES,
            10_000 + at,
            {"patient_id": 500 + at % 1000, "entry_date": day, "chart_entry": "x"},
        )
        for at in range(MANY)
    ]
    links = [(LINKS, 5000 + at, {"patient_id": 500 + at, "insurer_id": 77}) for at in range(1000)]
    town.commit(center, [(INSURERS, 77, {"name": "AOK", "kind": "1"}), *links, *entries])
    with workers(config) as start:
        worker = start()
        until(shows(town), 200, every=3)
        before = psutil.Process(worker.process.pid).memory_info().rss
        town.commit(center, [(INSURERS, 77, {"name": "AOK Bayern", "kind": "1"})])
        time.sleep(0.7)
        began = time.monotonic()
        assert worker.end() == 0
        assert time.monotonic() - began < 8

        worker = start()
        until(shows(town), 200, every=3)
        assert psutil.Process(worker.process.pid).memory_info().rss < before + 100_000_000
    no_row_goes_back(town)
