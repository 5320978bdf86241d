"""Transactions of the stand-in's engine: what is seen, what waits, what is undone."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from deploy.local.sqlserver.errors import ConnectionDropped
from deploy.local.sqlserver.instance import Instance
from tests.unit.standin_engine import Client

READ = "SELECT id, a FROM t ORDER BY id"


@pytest.fixture
def client(tmp_path: Path) -> Iterator[Client]:
    instance = Instance(tmp_path, "secret")
    client = Client(instance, instance.open("sa", "secret", None, lambda: False))
    client.run("CREATE DATABASE d")
    client.run("USE d")
    client.run("ALTER DATABASE d SET CHANGE_TRACKING = ON (CHANGE_RETENTION = 2 DAYS)")
    client.run("ALTER DATABASE d SET ALLOW_SNAPSHOT_ISOLATION ON")
    client.run("CREATE TABLE t (id int NOT NULL PRIMARY KEY, a int)")
    client.run("ALTER TABLE t ENABLE CHANGE_TRACKING")
    client.run("INSERT INTO t VALUES (1, 10), (2, 20), (3, 30)")
    yield client
    for other in client.others:
        other.session.close()
    client.session.close()
    instance.close()


def version(client: Client) -> int:
    return int(client.value("SELECT CHANGE_TRACKING_CURRENT_VERSION()"))


def test_two_writers_on_different_rows_overlap(client: Client) -> None:
    one, two = client.another(), client.another()
    one.run("BEGIN TRAN; UPDATE t SET a = 11 WHERE id = 1")
    two.run("BEGIN TRAN; UPDATE t SET a = 22 WHERE id = 2")
    one.run("INSERT INTO t VALUES (4, 40)")
    two.run("COMMIT")
    assert client.rows(READ) == [(1, 10), (2, 22), (3, 30)]
    assert one.rows(READ) == [(1, 11), (2, 22), (3, 30), (4, 40)]
    one.run("COMMIT")
    assert client.rows(READ) == [(1, 11), (2, 22), (3, 30), (4, 40)]


def test_a_long_transaction_gets_its_version_at_its_commit(client: Client) -> None:
    long = client.another()
    before = version(client)
    long.run("BEGIN TRAN; INSERT INTO t VALUES (4, 40)")
    client.run("UPDATE t SET a = 0 WHERE id = 1")
    assert version(client) == before + 1
    long.run("COMMIT")
    rows = client.rows(
        "SELECT id, SYS_CHANGE_VERSION FROM CHANGETABLE(CHANGES t, @P1) AS c", before
    )
    assert sorted(rows) == [(1, before + 1), (4, before + 2)]


def test_savepoints_survive_stepping_aside(client: Client) -> None:
    one, two = client.another(), client.another()
    one.run("BEGIN TRAN; UPDATE t SET a = 1 WHERE id = 1; SAVE TRAN part")
    one.run("UPDATE t SET a = 3 WHERE id = 3")
    two.run("UPDATE t SET a = 2 WHERE id = 2")
    one.run("ROLLBACK TRAN part; COMMIT")
    assert client.rows(READ) == [(1, 1), (2, 2), (3, 30)]


def test_a_row_that_is_held_times_out_and_leaves_the_transaction(client: Client) -> None:
    holder, other = client.another(), client.another()
    holder.run("BEGIN TRAN; UPDATE t SET a = 11 WHERE id = 1")
    other.run("SET LOCK_TIMEOUT 50; BEGIN TRAN; UPDATE t SET a = 33 WHERE id = 3")
    assert other.ask("UPDATE t SET a = 12 WHERE id = 1").errors == [1222]
    other.run("COMMIT")
    holder.run("ROLLBACK")
    assert client.rows(READ) == [(1, 10), (2, 20), (3, 33)]


def test_two_that_wait_for_each_other_are_parted(client: Client) -> None:
    one, two = client.another(), client.another()
    one.run("BEGIN TRAN; UPDATE t SET a = 1 WHERE id = 1")
    two.run("BEGIN TRAN; UPDATE t SET a = 2 WHERE id = 2")

    def meet(client: Client, row: int) -> list[int]:
        errors = client.ask("UPDATE t SET a = a + 100 WHERE id = @P1", row).errors
        client.ask("IF @@TRANCOUNT > 0 COMMIT")
        return errors

    with ThreadPoolExecutor(2) as pool:
        answers = [pool.submit(meet, one, 2), pool.submit(meet, two, 1)]
    assert sorted(answer.result(timeout=20) for answer in answers) == [[], [1205]]


def test_a_waiting_update_loses_nothing(client: Client) -> None:
    holder, other = client.another(), client.another()
    holder.run("BEGIN TRAN; UPDATE t SET a = a + 1 WHERE id = 1")
    with ThreadPoolExecutor(1) as pool:
        waiting = pool.submit(other.run, "UPDATE t SET a = a + 1 WHERE id = 1")
        holder.run("COMMIT")
        waiting.result(timeout=20)
    assert client.value("SELECT a FROM t WHERE id = 1") == 12


def test_a_snapshot_stands_still_from_its_first_access(client: Client) -> None:
    reader = client.another()
    reader.run("SET TRANSACTION ISOLATION LEVEL SNAPSHOT; BEGIN TRAN")
    client.run("UPDATE t SET a = 0 WHERE id = 1")
    assert reader.value("SELECT a FROM t WHERE id = 1") == 0
    seen = version(reader)
    client.run("UPDATE t SET a = 5")
    assert reader.value("SELECT a FROM t WHERE id = 1") == 0
    assert version(reader) == seen
    reader.run("COMMIT")
    assert reader.value("SELECT a FROM t WHERE id = 1") == 5


def test_a_snapshot_may_not_write_over_a_newer_row(client: Client) -> None:
    late = client.another()
    late.run("SET TRANSACTION ISOLATION LEVEL SNAPSHOT; BEGIN TRAN")
    late.rows(READ)
    client.run("UPDATE t SET a = 11 WHERE id = 1")
    late.run("UPDATE t SET a = 22 WHERE id = 2")
    assert late.ask("UPDATE t SET a = 12 WHERE id = 1").errors == [3960]
    assert late.value("SELECT @@TRANCOUNT") == 0
    assert client.rows(READ) == [(1, 11), (2, 20), (3, 30)]


def test_snapshots_must_be_allowed(client: Client) -> None:
    client.run("ALTER DATABASE d SET ALLOW_SNAPSHOT_ISOLATION OFF")
    client.run("SET TRANSACTION ISOLATION LEVEL SNAPSHOT; BEGIN TRAN")
    assert client.ask(READ).errors == [3952]


def test_a_violated_key_ends_the_statement_alone(client: Client) -> None:
    answer = client.ask(
        "BEGIN TRAN; INSERT INTO t VALUES (4, 1); INSERT INTO t VALUES (1, 1); COMMIT"
    )
    assert answer.errors == [2627]
    assert client.value("SELECT COUNT(*) FROM t") == 4


def test_a_failed_conversion_ends_the_transaction(client: Client) -> None:
    answer = client.ask(
        "BEGIN TRAN; INSERT INTO t VALUES (4, 1); INSERT INTO t VALUES ('x', 1); COMMIT"
    )
    assert answer.errors == [245]
    assert client.value("SELECT COUNT(*) + @@TRANCOUNT FROM t") == 3


def test_a_statement_that_fails_halfway_leaves_none_of_its_rows(client: Client) -> None:
    client.run("BEGIN TRAN")
    sql = "INSERT INTO t SELECT v, 1 / (v - 12) FROM (VALUES (10), (11), (12)) AS x (v)"
    assert client.ask(sql).errors == [8134]
    client.run("COMMIT")
    assert client.value("SELECT COUNT(*) FROM t") == 3


def test_moved_keys_do_not_collide_on_the_way(client: Client) -> None:
    before = version(client)
    client.run("UPDATE t SET id = id + 1")
    assert client.rows(READ) == [(2, 10), (3, 20), (4, 30)]
    rows = client.rows(
        "SELECT id, SYS_CHANGE_OPERATION FROM CHANGETABLE(CHANGES t, @P1) AS c ORDER BY id", before
    )
    assert rows == [(1, "D"), (2, "U"), (3, "U"), (4, "I")]


def test_xact_abort_takes_the_transaction_with_the_statement(client: Client) -> None:
    client.ask(
        "SET XACT_ABORT ON; BEGIN TRAN; INSERT INTO t VALUES (4, 1); INSERT INTO t VALUES (1, 1)"
    )
    assert client.value("SELECT COUNT(*) + @@TRANCOUNT FROM t") == 3


def test_commit_and_rollback_want_a_transaction(client: Client) -> None:
    assert client.ask("COMMIT").errors == [3902]
    assert client.ask("ROLLBACK").errors == [3903]


def test_a_killed_session_is_dropped_and_its_work_undone(client: Client) -> None:
    victim = client.another()
    victim.run("BEGIN TRAN; UPDATE t SET a = 0")
    client.run(f"KILL {victim.session.spid}")
    assert client.run("UPDATE t SET a = a + 1").counts == [3]
    with pytest.raises(ConnectionDropped):
        victim.ask("SELECT 1")


def test_many_sessions_count_up_without_an_error(client: Client) -> None:
    clients = [client.another() for _ in range(6)]
    start = threading.Barrier(6)

    def count_up(client: Client) -> None:
        start.wait()
        for _ in range(30):
            client.run("BEGIN TRAN; UPDATE t SET a = a + 1 WHERE id = 1; COMMIT")

    with ThreadPoolExecutor(6) as pool:
        for done in [pool.submit(count_up, each) for each in clients]:
            done.result(timeout=60)
    assert client.value("SELECT a FROM t WHERE id = 1") == 190
