"""Random histories of transactions, at every baseline, against a naive reading of the rules."""

from __future__ import annotations

from dataclasses import dataclass, field

import apsw
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.unit.standin_database import Database

KEYS = st.integers(1, 5)
STATEMENTS = st.one_of(
    st.tuples(st.sampled_from(["insert", "update", "delete", "touch key"]), KEYS, KEYS),
    st.tuples(st.just("change key"), KEYS, KEYS),
    st.tuples(st.sampled_from(["shift", "savepoint", "undo"]), KEYS, KEYS),
)
TRANSACTIONS = st.lists(
    st.tuples(st.lists(STATEMENTS, max_size=8), st.sampled_from(["commit", "commit", "rollback"])),
    max_size=8,
)
Statement = tuple[str, int, int]


@dataclass
class Model:
    """Who lives, and every single operation that was committed, in order."""

    live: set[int] = field(default_factory=set)
    log: list[tuple[int, int, str]] = field(default_factory=list)
    version: int = 0

    def run(self, statements: list[Statement], *, commit: bool) -> None:
        live, noted = set(self.live), list[tuple[int, str]]()
        kept = (set(live), list(noted))
        for name, one, other in statements:
            if name == "savepoint":
                kept = (set(live), list(noted))
            elif name == "undo":
                live, noted = set(kept[0]), list(kept[1])
            else:
                steps = self.steps(live, name, one, other)
                noted += steps
                for key, operation in steps:
                    (live.discard if operation == "D" else live.add)(key)
        if commit:
            self.live = live
            if noted:
                self.version += 1
                self.log += [(self.version, key, operation) for key, operation in noted]

    @staticmethod
    def steps(live: set[int], name: str, one: int, other: int) -> list[tuple[int, str]]:
        if name == "shift":
            return [(key, "D") for key in live] + [(key + 1, "I") for key in live]
        if name == "insert" and one not in live:
            return [(one, "I")]
        if name == "insert" or one not in live:
            return []
        if name == "change key" and (one == other or other not in live):
            return [(one, "D"), (other, "I")]
        return {
            "update": [(one, "U")],
            "delete": [(one, "D")],
            "touch key": [(one, "D"), (one, "I")],
            "change key": [],
        }[name]

    def net(self, since: int) -> list[tuple[object, ...]]:
        """One row a key: judged by its first and its last operation, dated by the last."""
        rows: list[tuple[object, ...]] = []
        for key in sorted({key for at, key, _ in self.log if at > since}):
            found = [(at, operation) for at, k, operation in self.log if k == key and at > since]
            creations = [at for at, operation in found if operation == "I"]
            came = "I" if found[0][1] == "I" else "U"
            net = "D" if found[-1][1] == "D" else came
            rows.append((net, found[-1][0], creations[-1] if creations else None, key))
        return rows


def as_sql(table: int, statement: Statement) -> list[str]:
    name, one, other = statement
    return {
        "insert": [f"INSERT INTO t{table} VALUES ({one}, 0)"],
        "update": [f"UPDATE t{table} SET c2 = c2 + 1 WHERE c1 = {one}"],
        "delete": [f"DELETE FROM t{table} WHERE c1 = {one}"],
        "touch key": [f"UPDATE t{table} SET c1 = c1 WHERE c1 = {one}"],
        "change key": [f"UPDATE t{table} SET c1 = {other}, c2 = 7 WHERE c1 = {one}"],
        "shift": [
            f"CREATE TEMP TABLE moved AS SELECT c1 + 1 AS c1, c2 FROM t{table}",
            f"DELETE FROM t{table}",
            f"INSERT INTO t{table} SELECT * FROM moved",
            "DROP TABLE moved",
        ],
        "savepoint": ["SAVEPOINT kept"],
        "undo": ["ROLLBACK TO kept"],
    }[name]


def run(database: Database, table: int, statements: list[Statement], *, commit: bool) -> None:
    database.db.execute("BEGIN")
    database.db.execute("SAVEPOINT kept")
    for statement in statements:
        for sql in as_sql(table, statement):
            try:
                database.db.execute(sql)
            except apsw.ConstraintError:
                continue
    if not commit:
        database.db.execute("ROLLBACK")
        return
    database.commit_open()


@settings(max_examples=150, deadline=None)
@given(older=st.sets(KEYS), history=TRANSACTIONS)
def test_every_history_shows_the_same_net_changes_at_every_baseline(
    older: set[int], history: list[tuple[list[Statement], str]]
) -> None:
    database = Database()
    table = database.table(tracked=False)
    database.commit(*(f"INSERT INTO t{table} VALUES ({key}, 0)" for key in older))
    database.track(table)
    model = Model(set(older))
    for statements, end in history:
        run(database, table, statements, commit=end == "commit")
        model.run(statements, commit=end == "commit")
    assert {row[0] for row in database.rows(f"SELECT c1 FROM t{table}")} == model.live
    assert database.rows("SELECT version FROM ct_state") == [(model.version,)]
    for since in range(model.version + 2):
        assert database.changes(table, since) == model.net(since)
