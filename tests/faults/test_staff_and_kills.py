"""The server killed again and again while staff work: the journal and the databases agree."""

import os
import random
import signal
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing

import pytest

from deploy.local import practices
from deploy.local.practice import layout
from deploy.local.practices import Request
from deploy.local.staff import journal
from deploy.local.staff.work import work
from tests import oracle
from tests.practices_on import images
from tests.practices_on import settings as login
from tests.standin import running

ROUNDS = 12


@pytest.mark.sqlserver
@pytest.mark.timeout(600)
@pytest.mark.parametrize("seed", range(int(os.environ.get("CHARTFEED_FAULT_SEEDS", "5"))))
def test_what_was_committed_is_there_after_every_kill(tmp_path, seed):
    dice = random.Random(seed)
    planned = practices.plan(
        Request(count=6, families=practices.FAMILIES, patients=30, tables=15, seed=seed)
    )
    path, port, password = tmp_path / "work.jsonl", 0, None
    commits: list[journal.Commit] = []
    for _ in range(ROUNDS):
        with running(tmp_path / "server", "--port", str(port), password=password) as standin:
            port, password = standin.port, standin.password
            connect = practices.connector(login(standin), statement_timeout=10)
            practices.load_missing(planned, connect, user="chartfeed", password="Aa1-" + "x" * 20)
            over = threading.Event()
            with ThreadPoolExecutor(1) as pool:
                shift = pool.submit(
                    work, planned, connect, path, rate=150, seconds=120, stop=over, seed=seed
                )
                _wait_for_more(path, dice.randint(20, 200))
                os.kill(standin.pid, signal.SIGKILL)
                over.set()
                shift.exception(60)
        with running(tmp_path / "server", "--port", str(port), password=password) as standin:
            connect = practices.connector(login(standin))
            work(planned, connect, path, rate=20, seconds=0.5, seed=seed)
            commits = list(journal.read(path))
            for practice in planned:
                own = [commit for commit in commits if commit.center == practice.center_id]
                due = oracle.Center.of(practice).apply(own).rows
                with closing(connect(practice.database)) as connection:
                    found = images(connection, practice)
                assert {role: due[role] for role in layout.TRACKED} == found
    assert len(commits) > ROUNDS * 20


def _wait_for_more(path, wanted):
    before = path.read_bytes().count(b"\n") if path.exists() else 0
    deadline, tick = time.monotonic() + 60, threading.Event()
    while not path.exists() or path.read_bytes().count(b"\n") < before + wanted:
        assert time.monotonic() < deadline
        tick.wait(0.02)
