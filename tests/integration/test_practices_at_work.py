"""Practices loaded through the ODBC driver into a server, and the staff at work in them."""

from __future__ import annotations

import datetime as dt
import json
import os
import secrets
import signal
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pyodbc
import pytest

from deploy.local import practices
from deploy.local.practice import layout, statements
from deploy.local.practice.loading import whole
from deploy.local.practices import Request
from deploy.local.staff import journal
from deploy.local.staff.book import Change, Deed
from deploy.local.staff.work import work
from producers.connection import number_of
from tests import oracle
from tests.practices_on import Password, images
from tests.practices_on import settings as login
from tests.standin import running

pytestmark = [pytest.mark.sqlserver, pytest.mark.timeout(240)]

ROOT = Path(__file__).resolve().parents[2]
REQUEST = Request(count=6, families=practices.FAMILIES, patients=30, tables=20)
READER = "Aa1-" + secrets.token_urlsafe(12)


@pytest.fixture(scope="module")
def settings(tmp_path_factory):
    with running(tmp_path_factory.mktemp("practices")) as standin:
        yield login(standin)


@pytest.fixture(scope="module")
def connect(settings):
    return practices.connector(settings)


@pytest.fixture(scope="module")
def loaded(connect):
    planned = practices.plan(REQUEST)
    practices.load_missing(planned, connect, user="chartfeed", password=READER, threads=2)
    return planned


def expected(practice, commits=()):
    rows = oracle.Center.of(practice).apply(commits).rows
    return {role: rows[role] for role in layout.TRACKED}


def scalar(connection, sql, *parameters):
    with closing(connection.cursor()) as cursor:
        cursor.execute(sql, *parameters)
        return cursor.fetchone()[0]


@pytest.mark.parametrize("number", range(6), ids=practices.FAMILIES)
def test_every_family_is_loaded_as_it_was_generated(loaded, connect, number):
    practice = loaded[number]
    with closing(connect(practice.database)) as connection:
        assert images(connection, practice) == expected(practice)
        assert scalar(connection, statements.CURRENT_VERSION) == 0


def test_loading_again_leaves_what_is_whole_and_replaces_what_is_not(loaded, connect):
    half = practices.plan(Request(count=7, families=("clean",), patients=5, tables=10))[6]
    with closing(connect("master")) as master, closing(master.cursor()) as cursor:
        cursor.execute(statements.create_database(half))

    done = practices.load_missing([*loaded, half], connect, user="chartfeed", password=READER)

    assert done.databases == 1
    with closing(connect("master")) as master:
        assert whole(master)[half.database]


def test_the_reader_sees_the_practice_and_its_changes_and_changes_nothing(loaded, settings):
    practice = loaded[1]
    reader = practices.connector(replace(settings, user="chartfeed", secret=Password(READER)))
    with closing(reader(practice.database)) as connection:
        for role in layout.ROLES:
            table = statements.qualified(practice, practice.table(role))
            assert scalar(connection, f"SELECT COUNT(*) FROM {table}") > 0
        for role in layout.TRACKED:
            table = statements.qualified(practice, practice.table(role))
            sql = f"SELECT COUNT(*) FROM CHANGETABLE(CHANGES {table}, 0) AS c"
            assert scalar(connection, sql) == 0
        assert scalar(connection, "SELECT COUNT(*) FROM INFORMATION_SCHEMA.TABLES") == 20
        table = statements.qualified(practice, practice.table("KARTEI"))
        with pytest.raises(pyodbc.Error) as denied:
            scalar(connection, f"DELETE FROM {table}")
        assert number_of(denied.value) == 229


def test_what_became_of_a_lost_commit_is_known_when_the_work_ends(loaded, connect, tmp_path):
    book = journal.Journal(tmp_path / "work.jsonl")
    for practice in loaded[:2]:
        key, row = next(iter(expected(practice)["KARTEI"].items()))
        never = Deed("text", (Change("KARTEI", key, row, row | {"BEMERKUNG": "never written"}),))
        book.intend(practice.center_id, 0, never)
    book.close()

    work(loaded[:2], connect, tmp_path / "work.jsonl", seconds=0)

    with closing(journal.Journal(tmp_path / "work.jsonl")) as after:
        assert () == after.unsettled
    assert [] == list(journal.read(tmp_path / "work.jsonl"))


def test_the_journal_is_what_the_databases_hold_after_work(loaded, connect, tmp_path):
    path = tmp_path / "work.jsonl"
    began = {practice.center_id: read(connect, practice) for practice in loaded}
    assert began["center_01"] == expected(loaded[0])

    tally = work(loaded, connect, path, rate=60, seconds=8, seed=3)

    commits = list(journal.read(path))
    assert not tally.failures
    assert tally.committed == len(commits) > 200
    assert {"long", "services", "newcomer"} <= {commit.deed for commit in commits}
    for practice in loaded:
        own = [commit for commit in commits if commit.center == practice.center_id]
        versions = [commit.version or 0 for commit in own]
        assert versions == sorted(set(versions))
        assert read(connect, practice) == expected(practice, own)


def read(connect, practice):
    with closing(connect(practice.database)) as connection:
        return images(connection, practice)


STAFF = """
import os, sys
from pathlib import Path
from tests.practices_on import Password, images
from deploy.local import practices
from deploy.local.staff.work import work
from producers.connection import Settings
request, server, journal, seed = sys.argv[1:]
settings = Settings("staff", server, "master", "sa", Password(os.environ["SA"]),
                    trust_server_certificate=True)
work(practices.plan(practices.Request.from_json(request)), practices.connector(settings),
     Path(journal), rate=300, seed=int(seed))
"""


def staff(settings, path, seed):
    """Start staff in a process of their own, to be killed."""
    command = [sys.executable, "-c", STAFF, REQUEST.to_json(), settings.server, path, str(seed)]
    environment = os.environ | {"PYTHONPATH": str(ROOT), "SA": settings.secret.reveal()}
    return subprocess.Popen(command, cwd=ROOT, env=environment)


def lines(path):
    return path.read_bytes().count(b"\n") if path.exists() else 0


def test_killed_in_the_middle_the_journal_is_completed_at_the_next_start(
    loaded, settings, connect, tmp_path
):
    path = tmp_path / "work.jsonl"
    began = {practice.center_id: read(connect, practice) for practice in loaded}
    tick = threading.Event()
    for seed in range(4):
        wanted = lines(path) + 60
        process = staff(settings, path, seed)
        deadline = time.monotonic() + 60
        while lines(path) < wanted and time.monotonic() < deadline:
            assert process.poll() is None
            tick.wait(0.01)
        process.send_signal(signal.SIGKILL)
        process.wait()
    assert json.loads((path.with_name(path.name + ".intents")).read_text().splitlines()[0])

    work(loaded, connect, path, rate=50, seconds=2, seed=9)

    commits = list(journal.read(path))
    assert len(commits) > 240
    for practice in loaded:
        own = [commit for commit in commits if commit.center == practice.center_id]
        center = oracle.Center(practice.center_id, began[practice.center_id])
        assert center.apply(own).rows == read(connect, practice)


def test_the_example_day_is_still_exact_after_all_that_work(loaded, connect):
    for practice in loaded:
        worked = oracle.Center(practice.center_id, read(connect, practice))
        for day in (dt.date(2022, 1, 18), dt.date(2022, 1, 19)):
            rows = worked.expected(day)
            assert [row.insurance_status for row in rows] == ["GKV"] * 4 + ["PKV", "GKV"]


def test_the_staff_rest_while_the_server_is_away_and_the_journal_still_holds(tmp_path):
    request = Request(count=3, families=("suffixed",), patients=20, tables=12, foreign_ids=True)
    planned = practices.plan(request)
    home, path = tmp_path / "server", tmp_path / "work.jsonl"
    over = threading.Event()
    with running(home) as standin:
        connect = practices.connector(login(standin), statement_timeout=10)
        practices.load_missing(planned, connect, user="chartfeed", password=READER)
        with ThreadPoolExecutor(1) as pool:
            shift = pool.submit(work, planned, connect, path, rate=100, seconds=60, stop=over)
            wait_for_lines(path, 100)
            os.kill(standin.pid, signal.SIGKILL)
            again = running(home, "--port", str(standin.port), password=standin.password)
            with again:
                wait_for_lines(path, lines(path) + 200)
                over.set()
                tally = shift.result(30)
                commits = list(journal.read(path))
                assert tally.failures
                assert len(commits) >= tally.committed > 200
                for practice in planned:
                    own = [commit for commit in commits if commit.center == practice.center_id]
                    assert read(connect, practice) == expected(practice, own)


def wait_for_lines(path, wanted):
    deadline = time.monotonic() + 60
    tick = threading.Event()
    while lines(path) < wanted:
        assert time.monotonic() < deadline
        tick.wait(0.02)


def test_deadlocks_timeouts_and_dropped_connections_leave_the_journal_true(
    loaded, connect, tmp_path
):
    path, over = tmp_path / "work.jsonl", threading.Event()
    began = {practice.center_id: read(connect, practice) for practice in loaded}
    with ThreadPoolExecutor(1) as pool:
        shift = pool.submit(work, loaded, connect, path, rate=60, seconds=60, stop=over)
        for error in (1205, 1222, 0) * 3:
            wait_for_lines(path, lines(path) + 30)
            for practice in loaded:
                with closing(connect(practice.database)) as connection:
                    connection.execute(f"EXEC standin.fail_next @error = {error}, @count = 1")
        wait_for_lines(path, lines(path) + 30)
        over.set()
        tally = shift.result(60)

    commits = list(journal.read(path))
    assert {"1205", "1222"} <= {error for _, error in tally.failures}
    for practice in loaded:
        own = [commit for commit in commits if commit.center == practice.center_id]
        center = oracle.Center(practice.center_id, began[practice.center_id])
        assert center.apply(own).rows == read(connect, practice)
