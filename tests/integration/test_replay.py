"""Replay on a real broker: what a worker wrote live comes out once more, byte for byte."""

import os
import shutil
import signal
import subprocess
import sys
from collections import defaultdict
from contextlib import redirect_stderr, redirect_stdout
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from io import StringIO
from pathlib import Path

import pytest
import yaml

from chartfeed import cli
from producers.registry import Registry
from schemas.subjects import RECORDS
from schemas.unified import file_order
from stream_app.files.rendering import render
from stream_app.worker.rebuilt import is_finished
from tests.centers_at_work import DAYS, ENTRIES, Centers
from tests.own_stack import services, stack  # noqa: F401 - fixtures, by their names
from tests.streaming import configuration, until, workers

pytestmark = [pytest.mark.kafka, pytest.mark.timeout(300)]

ROOT = Path(__file__).resolve().parents[2]
LONE = date(2022, 2, 1)
LATE = date(2022, 2, 2)


@pytest.fixture(scope="module")
def schema_ids(stack, services, chartfeed):
    chartfeed("topics", "create", home=stack)
    registry = Registry(services["registry"]["address"])
    return {record: registry.register(topic) for topic, record in RECORDS.items()}


@dataclass(frozen=True)
class Live:
    """A town whose work a worker has followed, what it had written at one time, and by the end."""

    town: Centers
    config: Path
    then: Path
    moment: datetime
    positions: Path

    @property
    def output(self):
        return self.config.parent / "output"

    def lines(self, day):
        path = self.output / f"ivoris_chart_entries_{day}.csv"
        if not path.exists():
            return None
        lines = path.read_text("utf-8").splitlines()
        return [line for line in lines if line.partition(",")[0] in self.town.names]

    def is_written(self):
        days = defaultdict(list)
        for row in self.town.expected().values():
            days[row.date].append(row)
        return all(
            self.lines(day)
            == render("csv", day, sorted(rows, key=file_order)).decode().splitlines()[1:]
            for day, rows in days.items()
        )


@pytest.fixture(scope="module")
def live(tmp_path_factory, services, schema_ids, chartfeed):
    folder = tmp_path_factory.mktemp("live")
    town = Centers(services["kafka"]["address"], schema_ids, 5, 1)
    bootstrap, registry = (services[name]["address"] for name in ("kafka", "registry"))
    config = configuration(folder, bootstrap, registry, town.names)
    positions = folder / "positions"
    center = next(iter(town.names))
    entry = {"patient_id": 3, "chart_entry": "moves away"}
    with workers(config) as start:
        worker = start("one")
        found = Live(town, config, folder / "then", datetime.now(UTC), positions)
        town.work(60)
        town.commit(center, [(ENTRIES, 777, {**entry, "entry_date": LONE})])
        until(lambda: found.is_written() and found.lines(LONE))
        shutil.copytree(found.output, found.then, ignore=shutil.ignore_patterns(".*"))
        found = Live(town, config, found.then, datetime.now(UTC), positions)
        positions.write_text(chartfeed("--config", config, "status", "--positions").stdout, "utf-8")
        town.commit(center, [(ENTRIES, 777, {**entry, "entry_date": LATE})])
        town.work(30)
        until(lambda: found.is_written() and found.lines(LONE) == [])
        assert worker.end(signal.SIGTERM) == 0
    return found


WOUNDED = """
import os, sys
from chartfeed import cli, meter
calls = 0
def dying(self, done, of):
    global calls
    calls += 1
    if calls == int(sys.argv[1]):
        os.kill(os.getpid(), 9)
meter.Meter.{what} = dying
cli.main(sys.argv[2:])
"""


@dataclass(frozen=True)
class Ended:
    code: object
    stdout: str
    stderr: str


def here(config, *arguments):
    """Run a command in this process, for a start takes longer than what is done here."""
    out, err = StringIO(), StringIO()
    with redirect_stdout(out), redirect_stderr(err), pytest.raises(SystemExit) as ended:
        cli.main(["--config", str(config), *map(str, arguments)])
    return Ended(ended.value.code, out.getvalue(), err.getvalue())


def killed(what, call, config, *arguments):
    """Run a command that is killed at a call of the meter's."""
    done = subprocess.run(
        [
            *(sys.executable, "-c", WOUNDED.format(what=what), str(call)),
            *("--config", str(config), *map(str, arguments)),
        ],
        env=os.environ | {"PYTHONPATH": str(ROOT)},
        capture_output=True,
        timeout=100,
        check=False,
    )
    assert -signal.SIGKILL == done.returncode, done.stderr


@pytest.fixture
def replay(live, tmp_path):
    def run(*options, to="again", code=0):
        done = here(live.config, "replay", "--output", tmp_path / to, *options)
        assert code == done.code, done.stdout + done.stderr
        return done

    return run


def files(folder):
    return {path.name: path.read_bytes() for path in folder.iterdir() if path.suffix == ".csv"}


def filled(folder):
    """Give the files with rows: of today and yesterday a worker has some without, a while later."""
    return {name: content for name, content in files(folder).items() if rows_of(content)}


def rows_of(content):
    return content.splitlines()[1:]


@pytest.mark.parametrize("processes", [1, 2])
def test_a_replay_gives_the_files_that_were_written_live(live, replay, tmp_path, processes):
    done = replay("--compare", live.output, "--processes", processes)
    assert "identical" in done.stdout
    assert filled(live.output) == filled(tmp_path / "again")
    assert not (tmp_path / "again" / ".replay").exists()


def test_the_past_comes_out_as_it_was(live, replay):
    replay("--until", live.moment.isoformat(), "--compare", live.then, to="moment")
    replay("--until", live.positions, "--compare", live.then, to="positions")
    now = replay("--until", live.positions, "--compare", live.output, to="late", code=1)
    assert f"{LATE}  only in {live.output}" in now.stdout
    assert f"{LONE}  csv differs: rows 1 surplus" in now.stdout


def test_a_center_without_a_checkpoint_by_then_is_named(live, replay, tmp_path):
    center = next(iter(live.town.names))
    now = datetime.now(UTC)
    # Nothing is compacted this early, so it was not there yet; this long ago it may have been.
    done = replay("--until", now - timedelta(days=1), "--center", center, to="none")
    assert f"no checkpoint by then, so no rows: {center}\n" in done.stderr
    assert not files(tmp_path / "none")
    done = replay("--until", now - timedelta(days=8), "--center", center, to="old", code=1)
    assert "longer ago than the 7 days" in done.stderr
    assert f"have not all events of then any more: {center}\n" in done.stderr


def test_only_days_that_changed_since_are_written(live, replay, tmp_path):
    replay("--from", live.positions, "--compare", live.output)
    found, now, then = files(tmp_path / "again"), files(live.output), files(live.then)
    # Today's and yesterday's files, without a row, may have been written after the copy.
    changed = {name for name in now if now[name] != then.get(name) and "_2022-" in name}
    assert changed <= found.keys()
    assert f"ivoris_chart_entries_{LONE}.csv" in found
    assert all(found[name] == now[name] for name in found)

    # From a partition's end nothing changed, whatever came in the others.
    center = next(iter(live.town.names))
    replay("--from", f"{ENTRIES}:{live.town.partition(center)}:1000000", to="none")
    assert not files(tmp_path / "none")


def test_centers_and_days_can_be_chosen(live, replay, tmp_path):
    center = sorted(live.town.names)[1]
    replay("--center", center, "--dates", f"{DAYS[1]}..{DAYS[2]}", "--compare", live.output)
    found = files(tmp_path / "again")
    assert {f"ivoris_chart_entries_{day}.csv" for day in DAYS[1:3]} == found.keys()
    for name, content in found.items():
        due = [row for row in rows_of(files(live.output)[name]) if row.startswith(center.encode())]
        assert due == rows_of(content)
    done = replay("--center", center, "--dates", f"{DAYS[2]}..")
    assert "there before and are left: 1\n" in done.stderr


@pytest.mark.parametrize(("what", "call"), [("reading", 4), ("writing", 2)])
def test_a_replay_that_was_killed_goes_on_with_the_same_arguments(
    live, replay, tmp_path, what, call
):
    killed(what, call, live.config, "replay", "--output", tmp_path / "again")
    other = replay("--dates", "2022-01-18", code=2)
    assert "was interrupted" in other.stderr
    # What came after the kill is none of it.
    done = replay("--compare", live.output)
    assert "going on" in done.stderr
    assert f" of {len(files(tmp_path / 'again'))} days in" in done.stdout
    assert filled(live.output) == filled(tmp_path / "again")


def test_the_folder_of_a_running_stream_is_refused(live):
    done = here(live.config, "replay", "--output", live.output)
    assert (2, True) == (done.code, "belong to a running stream" in done.stderr)


def test_nothing_is_replayed_for_a_comparison_with_nothing(replay, tmp_path):
    done = replay("--compare", tmp_path / "nowhere", code=2)
    assert "holds no daily files" in done.stderr
    assert not (tmp_path / "again").exists()


def test_a_center_that_the_topics_do_not_have_is_named(replay):
    done = replay("--center", "nobody", code=1)
    assert "no checkpoint, so no rows: nobody\n" in done.stderr


def begins(config):
    """Count what the worker's log has of a start."""
    log = (config.parent / "one.log").read_text("utf-8")
    return {event: log.count(f'"event": "{event}"') for event in ("assigned", "rebuilt")}


def test_a_state_is_rebuilt_beside_a_running_worker_and_switched_in(live):
    """The last test here: it goes on with the town, under another status table."""
    with workers(live.config) as start:
        before = begins(live.config)
        worker = start("one")
        until(lambda: worker.says("assigned") > before["assigned"])
        center = next(iter(live.town.names))
        entry = {"patient_id": 9, "entry_date": LONE, "chart_entry": "while it is rebuilt"}
        described = yaml.safe_load(live.config.read_text("utf-8"))
        described["insurance_status"] = {"P": "PKV", "1": "PKV"}
        live.config.write_text(yaml.safe_dump(described), "utf-8")
        killed("reading", 3, live.config, "rebuild", "--worker", "one")
        assert not is_finished(live.config.parent / "state/one")
        done = here(live.config, "rebuild", "--worker", "one")
        assert done.code == 0, done.stderr
        assert "restart chartfeed stream --worker one" in done.stdout
        # The worker goes on by the table that it was started with.
        live.town.commit(center, [(ENTRIES, 888, entry)])
        until(lambda: live.town.published() == live.town.expected())
        assert is_finished(live.config.parent / "state/one")
        assert worker.end() == 0

        revisions = {at.key: row.revision for at, row in live.town.log() if row is not None}
        begun = len(live.town.log())
        before = begins(live.config)
        worker = start("one")
        until(lambda: worker.says("rebuilt") > before["rebuilt"])
        assert worker.says("a rebuilt state is switched in") == 1
        assert not (live.config.parent / "state/one/rebuilt").exists()
        expected = {
            key: replace(row, insurance_status="PKV") if row.insurance_status == "GKV" else row
            for key, row in live.town.expected().items()
        }
        until(lambda: live.town.published() == expected)
        different = {key for key, row in live.town.expected().items() if row != expected[key]}
        sent = [(at.key, row) for at, row in live.town.log() if row is not None]
        again = [key for key, row in sent if row.revision > revisions[key]]
        assert different == set(again)
        assert begun + len(again) == len(live.town.log())
        assert worker.end() == 0
