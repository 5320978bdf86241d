"""Steps of a replay are shared by processes that come and go."""

from __future__ import annotations

import os

import pytest

from schemas.errors import BadInput, Failed
from stream_app.replay.hands import spread
from tests.doubling import Doubling


@pytest.fixture
def run(tmp_path):
    def steps_by(many, *steps):
        heard: dict[int, object] = {}
        return spread(steps, Doubling, tmp_path, heard.__setitem__, many), heard

    return steps_by


def test_one_hand_works_in_this_process(run):
    done, heard = run(1, 1, 2, 3)
    assert [2, 4, 6] == done
    assert dict.fromkeys(range(3), os.getpid()) == heard


def test_several_hands_are_other_processes_and_what_they_did_comes_in_order(run):
    done, heard = run(2, *range(20))
    assert [2 * step for step in range(20)] == done
    assert set(range(20)) == set(heard)
    assert os.getpid() not in heard.values()


def test_an_error_of_a_hand_is_raised_with_all_that_it_says(run):
    with pytest.raises(BadInput, match="not this one") as raised:
        run(2, 1, "refuse", 3)
    assert ("another", {"where": 3}) == (raised.value.hint, raised.value.fields)


def test_a_hand_that_is_killed_ends_the_others(run):
    with pytest.raises(Failed, match="was killed"):
        run(2, 1, "die", 3)
