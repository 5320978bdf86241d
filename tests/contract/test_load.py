"""Many databases at once, and a process that dies: nothing fails, nothing is lost."""

from __future__ import annotations

import os
import random
import signal
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import pyodbc
import pytest

from tests.contract.conftest import ADatabase
from tests.contract.sqlserver import Database, Server
from tests.standin import running

DATABASES = 30
SECONDS = 4.0
TABLE = "CREATE TABLE t (id int NOT NULL PRIMARY KEY, a nvarchar(50))"


@contextmanager
def at_once(calls: list[Callable[[], int]]) -> Iterator[list[int]]:
    """Run all calls, each in a thread of its own, and give what they returned."""
    with ThreadPoolExecutor(max_workers=len(calls)) as pool:
        yield [done.result(timeout=90) for done in [pool.submit(call) for call in calls]]


def writer(database: Database, until: float) -> Callable[[], int]:
    session = database.session(autocommit=False)

    def write() -> int:
        written = 0
        while time.monotonic() < until:
            session.run("INSERT INTO t VALUES (?, N'Füllung')", written)
            session.run("UPDATE t SET a = N'geändert' WHERE id = ?", written)
            session.commit()
            written += 1
        return written

    return write


def poller(database: Database, until: float) -> Callable[[], int]:
    session = database.session()

    def poll() -> int:
        polled = last = 0
        while time.monotonic() < until:
            version = session.value("SELECT CHANGE_TRACKING_CURRENT_VERSION()")
            assert version >= last
            last = version
            polled += 1
        return polled

    return poll


def reader(database: Database, until: float) -> Callable[[], int]:
    session = database.session(isolation="SNAPSHOT", autocommit=False)

    def read() -> int:
        times = 0
        while time.monotonic() < until:
            version = session.value("SELECT CHANGE_TRACKING_CURRENT_VERSION()")
            rows = session.rows(
                "SELECT ct.SYS_CHANGE_VERSION, t.a FROM CHANGETABLE(CHANGES t, ?) AS ct"
                " JOIN t ON t.id = ct.id",
                max(0, version - 20),
            )
            assert len(rows) == min(version, 20)
            assert all(seen <= version and text == "geändert" for seen, text in rows)
            session.commit()
            times += 1
        return times

    return read


def test_thirty_databases_are_written_polled_and_read_at_once(a_database: ADatabase) -> None:
    databases = [a_database() for _ in range(DATABASES)]
    for database in databases:
        database.run(TABLE)
        database.run("ALTER TABLE t ENABLE CHANGE_TRACKING")
    until = time.monotonic() + SECONDS
    calls = [make(d, until) for make in (writer, poller, reader) for d in databases]
    with at_once(calls) as counts:
        written = counts[:DATABASES]
    assert min(counts) > 0
    assert [database.version() for database in databases] == written
    assert [database.value("SELECT COUNT(*) FROM t") for database in databases] == written


ACCOUNTS = 12
EXPECTED_ERRORS = ("(1205)", "(1222)", "(2627)", "(3960)")


def mover(database: Database, seed: int, until: float, isolation: str) -> Callable[[], int]:
    """Give a call that moves amounts between rows, deletes and inserts them; the sum stays."""
    session = database.session(isolation=isolation, autocommit=False)
    session.run("SET LOCK_TIMEOUT 500")
    session.commit()
    dice = random.Random(seed)

    def once() -> None:
        first, second = dice.sample(range(ACCOUNTS), 2)
        amount = dice.randrange(1, 50)
        if session.run("UPDATE t SET a = a - ? WHERE id = ?", amount, first) == 0:
            session.run("INSERT INTO t VALUES (?, ?)", first, -amount)
        session.run("SAVE TRANSACTION half")
        if dice.random() < 0.3:
            session.run("UPDATE t SET a = a + 7 WHERE id = ?", second)
            session.run("ROLLBACK TRANSACTION half")
        if session.run("UPDATE t SET a = a + ? WHERE id = ?", amount, second) == 0:
            session.run("INSERT INTO t VALUES (?, ?)", second, amount)
        session.run("DELETE FROM t WHERE a = 0")

    def move() -> int:
        moved = 0
        while time.monotonic() < until:
            try:
                once()
            except pyodbc.Error as error:
                if not any(number in str(error) for number in EXPECTED_ERRORS):
                    raise
                session.rollback()
                continue
            if dice.random() < 0.8:
                session.commit()
                moved += 1
            else:
                session.rollback()
        return moved

    return move


def mirror(database: Database, until: float) -> Callable[[], int]:
    """Give a call that keeps a copy by polling, and holds it against the table each time."""
    session = database.session(isolation="SNAPSHOT", autocommit=False)

    def poll() -> int:
        copy: dict[int, int] = {}
        position = polls = 0
        while time.monotonic() < until:
            version = session.value("SELECT CHANGE_TRACKING_CURRENT_VERSION()")
            changes = session.rows(
                "SELECT ct.id, ct.SYS_CHANGE_OPERATION, t.a FROM CHANGETABLE(CHANGES t, ?) AS ct"
                " LEFT JOIN t ON t.id = ct.id WHERE ct.SYS_CHANGE_VERSION <= ?",
                position,
                version,
            )
            table = dict(session.rows("SELECT id, a FROM t"))
            session.commit()
            for key, operation, amount in changes:
                assert (operation == "D") == (amount is None)
                if operation == "D":
                    copy.pop(key, None)
                else:
                    copy[key] = amount
            assert copy == table
            assert sum(table.values()) == 0
            position = version
            polls += 1
        return polls

    return poll


@pytest.mark.parametrize("isolation", ["READ COMMITTED", "SNAPSHOT"])
def test_a_copy_kept_by_polling_is_the_table_while_writers_contend(
    database: Database, isolation: str
) -> None:
    database.run("CREATE TABLE t (id int NOT NULL PRIMARY KEY, a int NOT NULL)")
    database.run("ALTER TABLE t ENABLE CHANGE_TRACKING")
    until = time.monotonic() + SECONDS
    movers = [mover(database, seed, until, isolation) for seed in range(4)]
    with at_once([*movers, mirror(database, until)]) as counts:
        *moved, polls = counts
    assert sum(moved) > 0
    assert polls > 0
    assert database.version() == sum(moved)
    assert database.value("SELECT SUM(a) FROM t") in {0, None}


def test_many_logins_come_and_go(database: Database, server: Server) -> None:
    def log_in() -> int:
        for _ in range(10):
            session = server.session(database.name)
            assert session.value("SELECT DB_NAME()") == database.name
            session.close()
        return 10

    with at_once([log_in] * 8) as counts:
        assert sum(counts) == 80


@pytest.mark.usefixtures("only_standin")
def test_a_killed_process_has_lost_no_acknowledged_commit(tmp_path: Path) -> None:
    """SIGKILL while four databases are written: after a restart every answered commit is there."""
    acknowledged: dict[str, int] = {f"kill_{n}": 0 for n in range(4)}
    under_way = threading.Barrier(len(acknowledged) + 1, timeout=30)

    def write(server: Server, name: str) -> int:
        session = server.session(name, autocommit=False)
        try:
            while True:
                key = acknowledged[name] + 1
                session.run("INSERT INTO t VALUES (?, N'x')", key)
                session.commit()
                acknowledged[name] = key
                if key == 50:
                    under_way.wait()
        except pyodbc.Error:
            return acknowledged[name]
        finally:
            session.close()

    with running(tmp_path) as first:
        server = Server("standin", first.connection_string())
        admin = server.session()
        for name in acknowledged:
            admin.run(f"CREATE DATABASE {name}")
            admin.run(f"ALTER DATABASE {name} SET CHANGE_TRACKING = ON")
            session = server.session(name)
            session.run(TABLE)
            session.run("ALTER TABLE t ENABLE CHANGE_TRACKING")
            session.close()
        with ThreadPoolExecutor(max_workers=len(acknowledged)) as pool:
            ends = [pool.submit(write, server, name) for name in acknowledged]
            under_way.wait()
            os.kill(first.pid, signal.SIGKILL)
            assert all(end.result(timeout=60) >= 50 for end in ends)
        admin.close()
        password = first.password

    with running(tmp_path, password=password) as second:
        server = Server("standin", second.connection_string())
        for name, count in acknowledged.items():
            session = server.session(name)
            kept = session.value("SELECT COUNT(*) FROM t")
            assert count <= kept <= count + 1
            assert session.value("SELECT MAX(id) FROM t") == kept
            assert session.value("SELECT CHANGE_TRACKING_CURRENT_VERSION()") == kept
            assert session.value("SELECT COUNT(*) FROM CHANGETABLE(CHANGES t, 0) AS ct") == kept
            session.run("INSERT INTO t VALUES (0, N'weiter')")
            session.close()
