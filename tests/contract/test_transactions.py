"""Commit, rollback and savepoints, and what an error does to a transaction."""

from __future__ import annotations

import pytest

from tests.contract.sqlserver import Database, fails

READ = "SELECT id, a FROM t ORDER BY id"


def test_a_commit_is_seen_by_others(table: Database) -> None:
    writer = table.session(autocommit=False)
    writer.run("UPDATE t SET a = 11 WHERE id = 1")
    writer.commit()
    assert table.value("SELECT a FROM t WHERE id = 1") == 11


def test_a_rollback_leaves_nothing(table: Database) -> None:
    writer = table.session(autocommit=False)
    writer.run("UPDATE t SET a = 0")
    writer.run("DELETE FROM t WHERE id = 1")
    writer.run("INSERT INTO t VALUES (4, 40)")
    assert writer.rows(READ) == [(2, 0), (3, 0), (4, 40)]
    writer.rollback()
    assert writer.rows(READ) == [(1, 10), (2, 20), (3, 30)]


def test_a_closed_connection_takes_its_work_back(table: Database) -> None:
    writer = table.session(autocommit=False)
    writer.run("DELETE FROM t")
    writer.close()
    assert len(table.rows(READ)) == 3


def test_tables_made_in_a_transaction_go_with_it(table: Database) -> None:
    writer = table.session(autocommit=False)
    writer.run("CREATE TABLE made (id int NOT NULL PRIMARY KEY)")
    writer.run("INSERT INTO made VALUES (1)")
    writer.rollback()
    assert table.value("SELECT OBJECT_ID('made')") is None


def test_a_savepoint_takes_back_a_part(table: Database) -> None:
    table.run(
        "BEGIN TRAN; UPDATE t SET a = 11 WHERE id = 1; SAVE TRAN part; DELETE FROM t WHERE id > 1;"
        " ROLLBACK TRAN part; COMMIT TRAN"
    )
    assert table.rows(READ) == [(1, 11), (2, 20), (3, 30)]


def test_savepoints_lie_inside_one_another(table: Database) -> None:
    writer = table.session(autocommit=False)
    writer.run("UPDATE t SET a = 1 WHERE id = 1")
    writer.run("SAVE TRANSACTION outer_one")
    writer.run("UPDATE t SET a = 2 WHERE id = 2")
    writer.run("SAVE TRANSACTION inner_one")
    writer.run("UPDATE t SET a = 3 WHERE id = 3")
    writer.run("ROLLBACK TRANSACTION inner_one")
    assert writer.rows(READ) == [(1, 1), (2, 2), (3, 30)]
    writer.run("ROLLBACK TRANSACTION outer_one")
    writer.commit()
    assert table.rows(READ) == [(1, 1), (2, 20), (3, 30)]


def test_an_inner_commit_commits_nothing(table: Database) -> None:
    table.run("BEGIN TRAN")
    table.run("BEGIN TRAN")
    table.run("DELETE FROM t")
    assert table.value("SELECT @@TRANCOUNT") == 2
    table.run("COMMIT TRAN")
    assert table.value("SELECT @@TRANCOUNT") == 1
    table.run("ROLLBACK TRAN")
    assert table.value("SELECT @@TRANCOUNT") == 0
    assert len(table.rows(READ)) == 3


def test_a_rollback_ends_all_levels(table: Database) -> None:
    table.run("BEGIN TRAN; BEGIN TRAN; DELETE FROM t")
    table.run("ROLLBACK TRAN")
    assert table.value("SELECT @@TRANCOUNT") == 0
    assert len(table.rows(READ)) == 3


@pytest.mark.parametrize(("statement", "number"), [("COMMIT TRAN", 3902), ("ROLLBACK TRAN", 3903)])
def test_there_must_be_a_transaction_to_end(table: Database, statement: str, number: int) -> None:
    with fails(number):
        table.run(statement)


def test_a_failed_statement_does_not_end_the_transaction(table: Database) -> None:
    writer = table.session(autocommit=False)
    writer.run("INSERT INTO t VALUES (4, 40)")
    with fails(2627, "23000"):
        writer.run("INSERT INTO t VALUES (5, 50), (1, 0)")
    writer.run("INSERT INTO t VALUES (6, 60)")
    writer.commit()
    assert [key for key, _ in table.rows(READ)] == [1, 2, 3, 4, 6]


def test_with_xact_abort_a_failed_statement_ends_it(table: Database) -> None:
    table.run("SET XACT_ABORT ON")
    table.run("BEGIN TRAN; INSERT INTO t VALUES (4, 40)")
    with fails(2627):
        table.run("INSERT INTO t VALUES (1, 0)")
    assert table.value("SELECT @@TRANCOUNT") == 0
    assert len(table.rows(READ)) == 3


def test_autocommit_can_be_switched_in_between(table: Database) -> None:
    writer = table.session()
    writer.run("UPDATE t SET a = 1 WHERE id = 1")
    writer.connection.autocommit = False
    writer.run("UPDATE t SET a = 2 WHERE id = 2")
    writer.rollback()
    writer.connection.autocommit = True
    assert writer.rows(READ) == [(1, 1), (2, 20), (3, 30)]
