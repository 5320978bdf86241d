"""A rebuilt state takes the live one's place, wherever a start is killed on the way."""

import fcntl
import os
import shutil
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from schemas.errors import BadInput, Failed
from stream_app.replay.journal import held
from stream_app.replay.rebuilding import partitions_of
from stream_app.worker import rebuilt

PARTITIONS = (0, 7, 11)
STEPS = ("unlink", "replace", "rmdir", "fsync")


class KilledError(BaseException):
    """A process that ends here."""


def write(path, *contents):
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("CREATE TABLE state (content)")
        for content in contents:
            connection.execute("INSERT INTO state VALUES (?)", (content,))


def content(path):
    with closing(sqlite3.connect(path)) as connection:
        return [text for (text,) in connection.execute("SELECT content FROM state")]


@pytest.fixture
def worker(tmp_path):
    """Give the folder of a worker that was killed, with a state made beside its own."""
    folder = tmp_path / "one"
    rebuilt.folder(folder).mkdir(parents=True)
    (folder / "days-3.sqlite").touch()
    for number in PARTITIONS:
        name = f"join-{number}.sqlite"
        elsewhere = tmp_path / name
        write(elsewhere, "old")
        with closing(sqlite3.connect(elsewhere)) as connection:
            connection.execute("INSERT INTO state VALUES ('in the log alone')")
            connection.commit()
            for file in tmp_path.glob(f"{name}*"):
                shutil.copy(file, folder / file.name)
        assert (folder / f"{name}-wal").stat().st_size
        write(rebuilt.folder(folder) / name, "new")
    (rebuilt.folder(folder) / "lock").touch()
    return folder


@pytest.fixture
def kill_at(monkeypatch):
    """`kill_at(n)` ends what follows before its n-th step on the disk; None lets it go on."""
    left: list[int | None] = [None]

    def wounded(name):
        real = getattr(os, name)

        def step(*arguments, **options):
            if left[0] is not None:
                left[0] -= 1
                if left[0] < 0:
                    raise KilledError
            return real(*arguments, **options)

        monkeypatch.setattr(os, name, step)

    for name in STEPS:
        wounded(name)

    def at(number):
        left[0] = number

    return at


def kills(kill_at, folder, tmp_path, work):
    """Give a copy of the folder for each step at which `work` can be killed in it."""
    for number in range(100):
        kill_at(None)
        copy = tmp_path / f"killed at {number}"
        shutil.copytree(folder, copy)
        kill_at(number)
        try:
            work(copy)
        except KilledError:
            kill_at(None)
            yield copy
        else:
            kill_at(None)
            assert number > len(PARTITIONS)
            return


def states(worker):
    return {number: content(worker / f"join-{number}.sqlite") for number in PARTITIONS}


NEW = {number: ["new"] for number in PARTITIONS}
OLD = {number: ["old", "in the log alone"] for number in PARTITIONS}


def test_a_state_that_is_not_whole_is_left_where_it_is(worker):
    assert rebuilt.switch_in(worker) == []
    assert states(worker) == OLD
    assert rebuilt.folder(worker).exists()


def test_a_whole_state_takes_the_place_of_the_old_one_with_its_log(worker):
    rebuilt.finish(worker)
    assert len(rebuilt.switch_in(worker)) == len(PARTITIONS)
    assert states(worker) == NEW
    assert not rebuilt.folder(worker).exists()
    assert (worker / "days-3.sqlite").exists()


def test_a_start_that_is_killed_while_it_switches_is_finished_by_the_next(
    worker, kill_at, tmp_path
):
    rebuilt.finish(worker)
    for killed in kills(kill_at, worker, tmp_path, rebuilt.switch_in):
        rebuilt.switch_in(killed)
        assert states(killed) == NEW
        assert not rebuilt.is_finished(killed)


def test_a_rebuild_after_a_start_that_was_killed_finds_each_state_whole_or_not_at_all(
    worker, kill_at, tmp_path
):
    rebuilt.finish(worker)
    for killed in kills(kill_at, worker, tmp_path, rebuilt.switch_in):
        assert partitions_of(killed) == list(PARTITIONS)
        with held(rebuilt.folder(killed), {}, what="rebuild"):
            rebuilt.withdraw(killed)
        assert rebuilt.switch_in(killed) == []
        for number in PARTITIONS:
            path = killed / f"join-{number}.sqlite"
            if path.exists():
                assert content(path) in (OLD[number], NEW[number])


def test_a_rebuild_that_is_killed_before_its_mark_leaves_the_live_state(worker, kill_at, tmp_path):
    for killed in kills(kill_at, worker, tmp_path, rebuilt.finish):
        marked = rebuilt.is_finished(killed)
        rebuilt.switch_in(killed)
        assert states(killed) == (NEW if marked else OLD)


def test_a_state_that_somebody_works_on_is_left_for_another_start(worker):
    rebuilt.finish(worker)
    with held(rebuilt.folder(worker), {}, what="rebuild"):
        assert rebuilt.switch_in(worker) == []
    assert states(worker) == OLD
    with Path(rebuilt.folder(worker) / rebuilt.LOCK).open() as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        with (
            pytest.raises(BadInput, match="another rebuild works in"),
            held(rebuilt.folder(worker), {}, what="rebuild"),
        ):
            pass


def test_a_state_that_is_not_closed_is_not_whole(worker):
    path = rebuilt.folder(worker) / "join-7.sqlite"
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("INSERT INTO state VALUES ('more')")
        connection.commit()
        with pytest.raises(Failed, match=r"join-7\.sqlite is open elsewhere"):
            rebuilt.finish(worker)
    assert not rebuilt.is_finished(worker)


def test_a_worker_without_a_state_is_named(tmp_path):
    with pytest.raises(BadInput, match="holds no state"):
        partitions_of(tmp_path / "nobody")
