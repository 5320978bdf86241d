"""The stand-in as a process: how it starts, ends, and what a kill leaves."""

from __future__ import annotations

import os
import select
import signal
import socket
import threading
from collections.abc import Iterator
from pathlib import Path

import psutil
import pyodbc
import pytest

from tests.standin import Standin, running
from tests.streaming import until

pytestmark = pytest.mark.sqlserver

PASSWORD = "Aa1!kept-over-restarts"


@pytest.fixture
def home(tmp_path: Path) -> Path:
    return tmp_path / "standin"


@pytest.fixture
def started(home: Path) -> Iterator[Standin]:
    with running(home, password=PASSWORD) as standin:
        yield standin


def ended(pid: int, within: float) -> bool:
    """Tell whether the process is gone, or waits only to be collected, within that time."""
    try:
        handle = os.pidfd_open(pid)
    except ProcessLookupError:
        return True
    try:
        return bool(select.select([handle], [], [], within)[0])
    finally:
        os.close(handle)


def test_it_listens_on_the_loopback_alone(started: Standin) -> None:
    listening = [
        connection.laddr
        for connection in psutil.Process(started.pid).net_connections("tcp")
        if connection.status == psutil.CONN_LISTEN
    ]

    assert [("127.0.0.1", started.port)] == [(a.ip, a.port) for a in listening]


def test_a_polite_end_comes_at_once_though_a_statement_runs(started: Standin) -> None:
    # The first rows are here as soon as they fill a packet, while the batch goes on.
    batch = "SELECT REPLICATE(CONVERT(varchar(max), 'x'), 200000); WAITFOR DELAY '00:00:30'"
    cursor = started.connect().execute(batch)
    os.kill(started.pid, signal.SIGTERM)

    assert ended(started.pid, within=5)
    with pytest.raises(pyodbc.Error, match="08S01"):
        cursor.nextset()


def test_a_kill_loses_no_committed_transaction_and_keeps_no_other(home: Path) -> None:
    with running(home, password=PASSWORD) as standin:
        standin.connect().execute("CREATE DATABASE kept")
        connection = standin.connect("kept", autocommit=False)
        connection.execute("CREATE TABLE T (ID int NOT NULL PRIMARY KEY)")
        connection.commit()
        for number in range(50):
            connection.execute("INSERT INTO T VALUES (?)", number)
            connection.commit()
        connection.execute("INSERT INTO T VALUES (99)")
        os.kill(standin.pid, signal.SIGKILL)
        assert ended(standin.pid, within=5)

    with running(home, password=PASSWORD) as standin:
        rows = standin.connect("kept").execute("SELECT ID FROM T ORDER BY ID").fetchall()

    assert [(number,) for number in range(50)] == [tuple(row) for row in rows]


def test_a_broken_packet_ends_its_own_connection_alone(started: Standin) -> None:
    connection = started.connect()

    with socket.create_connection(("127.0.0.1", started.port), timeout=5) as noisy:
        noisy.sendall(b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n")
        noisy.shutdown(socket.SHUT_WR)
        assert noisy.recv(100) == b""

    assert connection.execute("SELECT 1").fetchval() == 1
    until(lambda: "connection ended" in (started.home / "standin.log").read_text(), 10, every=0.05)


@pytest.mark.parametrize("encrypt", ["yes", "no"])
def test_hundred_clients_log_in_at_once(started: Standin, encrypt: str) -> None:
    answers: list[int] = []

    def ask() -> None:
        connection = started.connect(Encrypt=encrypt)
        answers.append(connection.execute("SELECT @@SPID").fetchval())
        connection.close()

    threads = [threading.Thread(target=ask) for _ in range(100)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)

    assert len(answers) == 100


def test_strict_encryption_is_refused_and_logged(started: Standin) -> None:
    with pytest.raises(pyodbc.Error):
        started.connect(Encrypt="strict")

    until(lambda: "Encrypt=strict" in (started.home / "standin.log").read_text(), 10, every=0.05)
