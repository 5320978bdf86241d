"""Only so many threads compute at once, and none that waits for an answer keeps others from it."""

import threading

import pytest

from schemas.errors import RetryLater
from stream_app.worker.turn import Turn

SECONDS = 10


def taken_elsewhere(turn, *, within=SECONDS):
    """Tell whether another thread gets the turn."""
    had = threading.Event()

    def take():
        with turn:
            had.set()

    thread = threading.Thread(target=take, daemon=True)
    thread.start()
    return had.wait(within), thread


@pytest.mark.parametrize("at_once", [1, 2, 3])
def test_no_more_threads_than_told_have_the_turn(at_once):
    turn = Turn(at_once)
    leave, inside = threading.Event(), threading.Barrier(at_once + 1)

    def hold():
        with turn:
            inside.wait(SECONDS)
            leave.wait(SECONDS)

    holding = [threading.Thread(target=hold, daemon=True) for _ in range(at_once)]
    for thread in holding:
        thread.start()
    inside.wait(SECONDS)

    had, other = taken_elsewhere(turn, within=0.05)
    assert not had
    leave.set()
    for thread in (*holding, other):
        thread.join(SECONDS)
        assert not thread.is_alive()


def test_whoever_waits_for_an_answer_gives_the_turn_away_and_has_it_again_afterwards():
    turn = Turn(1)

    def answer(question):
        had, other = taken_elsewhere(turn)
        assert had, "everybody waited for the answer"
        other.join(SECONDS)
        return question + 1

    with turn:
        assert 8 == turn.outside(answer)(7)
        had, other = taken_elsewhere(turn, within=0.05)
        assert not had, "the turn was lost with the question"
    other.join(SECONDS)


def test_a_question_without_an_answer_gives_the_turn_back_as_well():
    turn = Turn(1)

    def refuse():
        raise RetryLater("nobody answers")

    with turn:
        with pytest.raises(RetryLater):
            turn.outside(refuse)()
        had, other = taken_elsewhere(turn, within=0.05)
        assert not had
    other.join(SECONDS)


def test_a_thread_without_the_turn_asks_and_leaves_it_to_whoever_has_it():
    turn = Turn(1)
    found = []
    with turn:
        asking = threading.Thread(target=lambda: found.append(turn.outside(lambda: 1)()))
        asking.start()
        asking.join(SECONDS)
        assert [1] == found
        had, other = taken_elsewhere(turn, within=0.05)
        assert not had
    other.join(SECONDS)
