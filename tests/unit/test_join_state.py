"""A state whose tables are other than they should be is made anew, whatever its number says."""

import sqlite3
from contextlib import closing, suppress

import pytest

from stream_app.join import Partition
from stream_app.join.state import open_state
from tests.naive_join import a_contract


@pytest.mark.parametrize(
    "damage",
    [
        "ALTER TABLE center ADD COLUMN more INTEGER",
        "DROP TABLE position",
        "DELETE FROM meta WHERE name = 'used_at'",
    ],
)
def test_a_state_with_other_tables_is_put_aside(tmp_path, damage):
    path = tmp_path / "join-0.sqlite"
    Partition.open(path, a_contract()).close()
    with closing(sqlite3.connect(path)) as connection:
        connection.execute(damage)
        connection.commit()

    with closing(Partition.open(path, a_contract())) as partition:
        assert "the state is of another version" == partition.rebuilding

    assert path.with_name("join-0.sqlite.aside").exists()


def test_a_change_that_fails_halfway_leaves_the_state_as_it_was(tmp_path):
    with closing(open_state(tmp_path / "join-0.sqlite", a_contract())) as state:
        with state.transaction():
            state.note(offset=1)

        with suppress(sqlite3.OperationalError), state.transaction() as connection:
            state.note(offset=2)
            connection.execute("INSERT INTO no_such_table VALUES (1)")

        assert 1 == state.meta()["offset"]
