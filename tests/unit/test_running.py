"""The producers of a configuration on this machine: who is found, and what is left."""

import fcntl
import multiprocessing
import os

import pytest

from chartfeed.running import pids, registered
from schemas.errors import Outside


@pytest.fixture
def config(tmp_path, monkeypatch):
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    return tmp_path / "chartfeed.yml"


def left(config):
    return sorted(config.parent.glob("chartfeed-*/*"))


def come_and_go(config, times):
    for _ in range(times):
        with registered(config):
            assert os.getpid() in pids(config)


def test_who_is_registered_is_found_and_leaves_nothing(config):
    with registered(config):
        assert [os.getpid()] == pids(config)

    assert [] == pids(config)
    assert [] == left(config)


def test_what_a_killed_process_left_goes_with_the_next(config):
    with registered(config):
        (folder,) = left(config)
        (folder / "1").touch()
        (folder / str(os.getpid())).unlink()
        with registered(config):
            assert [folder / str(os.getpid())] == list(folder.iterdir())

    assert [] == left(config)


def test_a_stopped_process_is_not_waited_for_forever(config, monkeypatch):
    monkeypatch.setattr("chartfeed.running.PATIENCE", 0.1)
    with registered(config):
        descriptor = os.open(left(config)[0].parent, os.O_RDONLY)
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        with pytest.raises(Outside, match="process keeps"):
            pids(config)
    os.close(descriptor)

    assert [] == pids(config)
    assert [] == left(config)


def test_what_only_a_killed_process_left_goes_with_a_look(config):
    with registered(config):
        (folder,) = left(config)
    folder.mkdir(mode=0o700)
    (folder / "1").touch()

    assert [] == pids(config)
    assert [] == left(config)


def test_those_that_come_and_go_at_once_find_themselves(config):
    fork = multiprocessing.get_context("fork")
    those = [fork.Process(target=come_and_go, args=(config, 300)) for _ in range(3)]
    for one in those:
        one.start()
    for one in those:
        one.join(60)

    assert [0, 0, 0] == [one.exitcode for one in those]
    assert [] == left(config)
