"""Random histories of several sessions at once, held against a model of a few lines.

Each session changes keys of its own, so nobody waits; everything else is left to chance:
inserts, updates, deletes, moved keys, savepoints, commits, rollbacks, snapshots in between.
"""

from __future__ import annotations

import random
from dataclasses import dataclass, field

import pytest

from tests.contract.sqlserver import Database, Session

SESSIONS = 3
KEYS_EACH = 6
STEPS = 120

Rows = dict[int, int]


@dataclass(slots=True)
class Change:
    """What happened to one key in one transaction: did it exist before, and after."""

    version: int
    before: bool
    after: bool


@dataclass(slots=True)
class Model:
    """The committed rows, and for each key its changes in the order of commits."""

    rows: Rows
    version: int = 0
    changes: dict[int, list[Change]] = field(default_factory=dict)

    def commit(self, touched: set[int], rows: Rows, keys: range) -> None:
        if touched:
            self.version += 1
        for key in touched:
            known = self.changes.setdefault(key, [])
            known.append(Change(self.version, key in self.rows, key in rows))
        for key in keys:
            self.rows.pop(key, None)
        self.rows |= rows

    def net(self, since: int) -> dict[int, tuple[int, str]]:
        """Return version and operation of every key that changed after `since`."""
        found = {}
        for key, changes in self.changes.items():
            later = [change for change in changes if change.version > since]
            if later:
                kinds = {(True, True): "U", (False, True): "I"}
                operation = kinds.get((later[0].before, later[-1].after), "D")
                found[key] = (later[-1].version, operation)
        return found


@dataclass(slots=True)
class Writer:
    """A session with its own keys, and what it has done since its transaction began."""

    session: Session
    keys: range
    model: Model
    dice: random.Random
    rows: Rows = field(default_factory=dict)
    touched: set[int] = field(default_factory=set)
    saved: list[tuple[str, Rows, set[int]]] = field(default_factory=list)

    def step(self) -> None:
        here, free = list(self.rows), [key for key in self.keys if key not in self.rows]
        action = self.dice.choice(
            ["insert"] * 3
            + ["update"] * 3
            + ["delete"] * 2
            + ["move", "save", "back"]
            + ["end"] * 2
        )
        if action == "insert" and free:
            self._insert(self.dice.choice(free))
        elif action == "update" and here:
            self._update(self.dice.choice(here))
        elif action == "delete" and here:
            self._delete(self.dice.choice(here))
        elif action == "move" and here and free:
            self._move(self.dice.choice(here), self.dice.choice(free))
        elif action == "save":
            self.saved.append((f"s{len(self.saved)}", dict(self.rows), set(self.touched)))
            self.session.run(f"SAVE TRANSACTION {self.saved[-1][0]}")
        elif action == "back" and self.saved:
            del self.saved[self.dice.randrange(len(self.saved)) + 1 :]
            name, rows, touched = self.saved[-1]
            self.session.run(f"ROLLBACK TRANSACTION {name}")
            self.rows, self.touched = dict(rows), set(touched)
        elif action == "end":
            self.end(commits=self.dice.random() < 0.7)

    def end(self, *, commits: bool) -> None:
        if commits:
            self.session.commit()
            self.model.commit(self.touched, self.rows, self.keys)
        else:
            self.session.rollback()
        self.rows = {key: a for key, a in self.model.rows.items() if key in self.keys}
        self.touched, self.saved = set(), []

    def sees(self) -> Rows:
        read = "SELECT id, a FROM t WHERE id BETWEEN ? AND ? ORDER BY id"
        return dict(self.session.rows(read, self.keys[0], self.keys[-1]))

    def _insert(self, key: int) -> None:
        self.rows[key] = self.dice.randrange(1000)
        self.session.run("INSERT INTO t VALUES (?, ?)", key, self.rows[key])
        self.touched.add(key)

    def _update(self, key: int) -> None:
        self.rows[key] = self.dice.randrange(1000)
        self.session.run("UPDATE t SET a = ? WHERE id = ?", self.rows[key], key)
        self.touched.add(key)

    def _delete(self, key: int) -> None:
        del self.rows[key]
        self.session.run("DELETE FROM t WHERE id = ?", key)
        self.touched.add(key)

    def _move(self, key: int, to: int) -> None:
        self.rows[to] = self.rows.pop(key)
        self.session.run("UPDATE t SET id = ? WHERE id = ?", to, key)
        self.touched |= {key, to}


def net(session: Session, since: int) -> dict[int, tuple[int, str]]:
    read = (
        "SELECT ct.id, ct.SYS_CHANGE_VERSION, ct.SYS_CHANGE_OPERATION"
        " FROM CHANGETABLE(CHANGES t, ?) AS ct"
    )
    return {key: (version, operation) for key, version, operation in session.rows(read, since)}


@pytest.mark.parametrize("seed", range(12))
def test_a_random_history_is_what_the_model_says(database: Database, seed: int) -> None:
    dice = random.Random(seed)
    keys = [range(100 * n, 100 * n + KEYS_EACH) for n in range(1, SESSIONS + 1)]
    older = {key: 0 for own in keys for key in own[::2]}
    database.run("CREATE TABLE t (id int NOT NULL PRIMARY KEY, a int)")
    for key in older:
        database.run("INSERT INTO t VALUES (?, 0)", key)
    database.run("ALTER TABLE t ENABLE CHANGE_TRACKING")
    model = Model(dict(older))
    writers = [Writer(database.session(autocommit=False), own, model, dice) for own in keys]
    reader = database.session(isolation="SNAPSHOT", autocommit=False)
    for writer in writers:
        writer.end(commits=False)
    for step in range(STEPS):
        writer = dice.choice(writers)
        writer.step()
        if step % 10 == 0:
            since = dice.randrange(model.version + 1)
            expected = model.net(since), model.version, dict(model.rows)
            assert reader.value("SELECT CHANGE_TRACKING_CURRENT_VERSION()") == model.version
            dice.choice(writers).step()
            version = reader.value("SELECT CHANGE_TRACKING_CURRENT_VERSION()")
            rows = dict(reader.rows("SELECT id, a FROM t"))
            assert (net(reader, since), version, rows) == expected
            reader.commit()
        if step % 15 == 0:
            assert writer.sees() == writer.rows
    for writer in writers:
        writer.end(commits=True)
    assert dict(database.rows("SELECT id, a FROM t")) == model.rows
    assert database.version() == model.version
    for since in range(model.version + 1):
        assert net(database.own, since) == model.net(since)
