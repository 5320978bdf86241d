"""Net changes: whatever happened to a key since a baseline, it is one row."""

from __future__ import annotations

from dataclasses import dataclass

import pytest

from tests.contract.sqlserver import Database


@dataclass(frozen=True, slots=True)
class Case:
    """Statements, each its own transaction, and what is then seen: operation, version by key.

    Versions are counted from the one before the first statement.
    """

    name: str
    statements: tuple[str, ...]
    seen: dict[int, tuple[str, int]]
    created: dict[int, int] | None = None


NET_CHANGES = [
    Case("insert", ("INSERT INTO t VALUES (10, 1, N'x')",), {10: ("I", 1)}, {10: 1}),
    Case(
        "insert then update",
        ("INSERT INTO t VALUES (10, 1, N'x')", "UPDATE t SET a = 2 WHERE id = 10"),
        {10: ("I", 2)},
        {10: 1},
    ),
    Case(
        "insert then two updates",
        (
            "INSERT INTO t VALUES (10, 1, N'x')",
            "UPDATE t SET a = 2 WHERE id = 10",
            "UPDATE t SET a = 3 WHERE id = 10",
        ),
        {10: ("I", 3)},
        {10: 1},
    ),
    Case(
        "insert then delete",
        ("INSERT INTO t VALUES (10, 1, N'x')", "DELETE FROM t WHERE id = 10"),
        {10: ("D", 2)},
        {10: 1},
    ),
    Case(
        "insert, update, delete",
        (
            "INSERT INTO t VALUES (10, 1, N'x')",
            "UPDATE t SET a = 2 WHERE id = 10",
            "DELETE FROM t WHERE id = 10",
        ),
        {10: ("D", 3)},
    ),
    Case(
        "insert, delete, insert again",
        (
            "INSERT INTO t VALUES (10, 1, N'x')",
            "DELETE FROM t WHERE id = 10",
            "INSERT INTO t VALUES (10, 2, N'y')",
        ),
        {10: ("I", 3)},
    ),
    Case("update of an older row", ("UPDATE t SET a = 11 WHERE id = 1",), {1: ("U", 1)}),
    Case(
        "two updates of an older row",
        ("UPDATE t SET a = 11 WHERE id = 1", "UPDATE t SET a = 12 WHERE id = 1"),
        {1: ("U", 2)},
    ),
    Case("delete of an older row", ("DELETE FROM t WHERE id = 1",), {1: ("D", 1)}),
    Case(
        "update then delete of an older row",
        ("UPDATE t SET a = 11 WHERE id = 1", "DELETE FROM t WHERE id = 1"),
        {1: ("D", 2)},
    ),
    Case(
        "delete then insert of an older row",
        ("DELETE FROM t WHERE id = 1", "INSERT INTO t VALUES (1, 11, N'neu')"),
        {1: ("U", 2)},
    ),
    Case(
        "delete, insert and delete of an older row",
        (
            "DELETE FROM t WHERE id = 1",
            "INSERT INTO t VALUES (1, 11, N'neu')",
            "DELETE FROM t WHERE id = 1",
        ),
        {1: ("D", 3)},
    ),
    Case(
        "delete then insert of an older row in one transaction",
        (
            (
                "BEGIN TRAN; DELETE FROM t WHERE id = 1;"
                " INSERT INTO t VALUES (1, 11, N'neu'); COMMIT TRAN"
            ),
        ),
        {1: ("U", 1)},
    ),
    Case(
        "insert then update in one transaction",
        (
            (
                "BEGIN TRAN; INSERT INTO t VALUES (10, 1, N'x');"
                " UPDATE t SET a = 2 WHERE id = 10; COMMIT TRAN"
            ),
        ),
        {10: ("I", 1)},
        {10: 1},
    ),
    Case(
        "a changed key",
        ("UPDATE t SET id = 20 WHERE id = 1",),
        {1: ("D", 1), 20: ("I", 1)},
        {20: 1},
    ),
    Case(
        "a changed key of a new row",
        ("INSERT INTO t VALUES (10, 1, N'x')", "UPDATE t SET id = 11 WHERE id = 10"),
        {10: ("D", 2), 11: ("I", 2)},
    ),
    Case(
        "all keys moved up by one",
        ("UPDATE t SET id = id + 1",),
        {1: ("D", 1), 2: ("U", 1), 3: ("U", 1), 4: ("I", 1)},
    ),
    Case(
        "two keys swapped",
        ("UPDATE t SET id = CASE id WHEN 1 THEN 2 ELSE 1 END WHERE id IN (1, 2)",),
        {1: ("U", 1), 2: ("U", 1)},
    ),
    Case("a key set to itself", ("UPDATE t SET id = id WHERE id = 1",), {1: ("U", 1)}, {1: 1}),
    Case("a value set to itself", ("UPDATE t SET a = a WHERE id = 1",), {1: ("U", 1)}),
    Case(
        "many rows in one statement",
        ("INSERT INTO t VALUES (10, 1, N'x'), (11, 1, N'y')", "UPDATE t SET a = 0 WHERE id < 3"),
        {1: ("U", 2), 2: ("U", 2), 10: ("I", 1), 11: ("I", 1)},
    ),
    Case(
        "every kind in one transaction",
        (
            (
                "BEGIN TRAN; INSERT INTO t VALUES (10, 1, N'x'); UPDATE t SET a = 5 WHERE id = 2;"
                " DELETE FROM t WHERE id = 3; COMMIT TRAN"
            ),
        ),
        {2: ("U", 1), 3: ("D", 1), 10: ("I", 1)},
    ),
    Case(
        "an insert from a select",
        ("INSERT INTO t (id, a, b) SELECT id + 100, a, b FROM t WHERE id < 3",),
        {101: ("I", 1), 102: ("I", 1)},
    ),
    Case(
        "an update through a join",
        ("UPDATE x SET a = y.a FROM t AS x JOIN t AS y ON y.id = x.id + 1 WHERE x.id = 1",),
        {1: ("U", 1)},
    ),
]


@pytest.mark.parametrize("case", NET_CHANGES, ids=lambda case: case.name)
def test_one_net_change_per_key(tracked: Database, case: Case) -> None:
    before = tracked.version()
    for statement in case.statements:
        tracked.run(statement)
    changes = tracked.changes("t", before)
    assert {
        key: (operation.strip(), version - before) for version, _, operation, key in changes
    } == case.seen
    for key, created in (case.created or {}).items():
        assert [row[1] - before for row in changes if row[3] == key] == [created]


def test_a_deleted_new_row_still_tells_when_it_was_created(tracked: Database) -> None:
    tracked.run("INSERT INTO t VALUES (10, 1, N'x')")
    tracked.run("DELETE FROM t WHERE id = 10")
    assert tracked.changes("t") == [(2, 1, "D", 10)]


def test_a_baseline_between_delete_and_insert_makes_it_an_insert(tracked: Database) -> None:
    tracked.run("DELETE FROM t WHERE id = 1")
    between = tracked.version()
    tracked.run("INSERT INTO t VALUES (1, 11, N'neu')")
    assert [row[2:] for row in tracked.changes("t", between)] == [("I", 1)]
    assert [row[2:] for row in tracked.changes("t", between - 1)] == [("U", 1)]


def test_a_baseline_between_insert_and_update_makes_it_an_update(tracked: Database) -> None:
    tracked.run("INSERT INTO t VALUES (10, 1, N'x')")
    between = tracked.version()
    tracked.run("UPDATE t SET a = 2 WHERE id = 10")
    assert [(row[0], *row[2:]) for row in tracked.changes("t", between)] == [(between + 1, "U", 10)]


def test_a_baseline_between_insert_and_delete_makes_it_a_delete(tracked: Database) -> None:
    tracked.run("INSERT INTO t VALUES (10, 1, N'x')")
    between = tracked.version()
    tracked.run("DELETE FROM t WHERE id = 10")
    assert [row[2:] for row in tracked.changes("t", between)] == [("D", 10)]
