"""A state whose tables are other than they should be is made anew, whatever its number says."""

import shutil
import sqlite3
from contextlib import closing, suppress
from datetime import date, timedelta
from pathlib import Path

import pytest

from stream_app.join import Partition
from stream_app.join.state import open_state
from stream_app.sink.database import connect
from stream_app.states import LOG_BYTES
from tests.naive_join import (
    ENTRIES,
    Kafka,
    Source,
    a_contract,
    expected,
    live,
    read_all,
    rebuild,
)


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


def test_a_state_of_a_time_to_come_is_put_aside(tmp_path):
    path = tmp_path / "join-0.sqlite"
    Partition.open(path, a_contract()).close()
    a_year_before = a_contract().now() - timedelta(days=365)

    with closing(Partition.open(path, a_contract(now=lambda: a_year_before))) as partition:
        assert (partition.rebuilding or "").startswith("the clock is before")


def test_a_change_that_fails_halfway_leaves_the_state_as_it_was(tmp_path):
    with closing(open_state(tmp_path / "join-0.sqlite", a_contract())) as state:
        with state.transaction():
            state.note(offset=1)

        with suppress(sqlite3.OperationalError), state.transaction() as connection:
            state.note(offset=2)
            connection.execute("INSERT INTO no_such_table VALUES (1)")

        assert 1 == state.meta()["offset"]


@pytest.mark.parametrize("kind", ["join", "days"])
def test_the_room_that_one_large_change_took_on_the_disk_is_given_back(tmp_path, kind):
    path = tmp_path / f"{kind}-0.sqlite"
    opened = open_state(path, a_contract()).connection if kind == "join" else connect(path)
    log = path.with_name(f"{path.name}-wal")
    with closing(opened) as connection:
        connection.execute("CREATE TABLE large (body BLOB)")
        connection.execute("BEGIN")
        for _ in range(80):
            connection.execute("INSERT INTO large VALUES (zeroblob(1000000))")
        connection.execute("COMMIT")
        assert log.stat().st_size > 75_000_000

        connection.execute("PRAGMA wal_checkpoint")
        connection.execute("INSERT INTO large VALUES (NULL)")

        assert log.stat().st_size <= LOG_BYTES


def copied(state, folder):
    """Give what a power cut would leave: what has reached the file itself."""
    folder.mkdir()
    return shutil.copy(state, folder)


def test_a_state_that_lost_its_last_commits_is_right_again_once_it_is_compared(tmp_path):
    """Without the comparison a row that it published, and forgot, would stay for ever."""
    source, kafka = Source(), Kafka()
    entry = {"patient_id": 1, "entry_date": date(2022, 1, 18), "chart_entry": "x"}
    path = tmp_path / "join-0.sqlite"

    def read_and_publish(partition):
        read_all(partition, source)
        kafka.drain(partition)

    with closing(live(path, source, kafka)) as partition:
        source.commit("center_01", [(ENTRIES, 1, entry)])
        read_and_publish(partition)
    cut = copied(path, tmp_path / "cut")
    with closing(live(path, source, kafka)) as partition:
        source.commit("center_01", [(ENTRIES, 2, entry)])
        read_and_publish(partition)
    source.commit("center_01", [(ENTRIES, 2, None)])

    with closing(Partition.open(Path(cut), a_contract())) as partition:
        assert partition.rebuilding is None
        rebuild(partition, source, kafka)
        kafka.drain(partition)

    assert expected(source) == kafka.content()
