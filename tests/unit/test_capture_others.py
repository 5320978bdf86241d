"""Who tells of a center, where two producers have it."""

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest

from producers.capture.errors import KafkaDown
from producers.capture.others import Others
from producers.capture.overview import Known
from producers.capture.status import EXPIRY, Situation
from tests.factories import A_MOMENT


class Told:
    """What the topic says, as an overview gives it; it counts how often it is opened."""

    def __init__(self) -> None:
        self.states: dict[str, Any] = {}
        self.opened: list[frozenset[str]] = []
        self.is_open = self.is_down = False

    def follow(self, centers: Any) -> Any:
        self.opened.append(frozenset(centers))
        return self

    def __enter__(self) -> Any:
        self.is_open = True
        return self

    def __exit__(self, *_: object) -> None:
        self.is_open = False

    def read(self, _seconds: float) -> Any:
        if self.is_down:
            raise KafkaDown("gone")
        return {center: Known(self.states.get(center)) for center in self.opened[-1]}

    def say(self, center: str, state: str, instance: str = "another") -> None:
        self.states[center] = Situation(state=state).record(center, instance, A_MOMENT)


@pytest.fixture
def told() -> Told:
    return Told()


@pytest.fixture
def others(told: Any) -> Iterator[Others]:
    with Others("ours", told.follow) as found:
        yield found


def test_one_that_captures_a_center_speaks_for_it(told: Any, others: Any) -> None:
    for center, state in {"a": "streaming", "b": "snapshot", "c": "denied", "d": "stopped"}.items():
        told.say(center, state)

    others.look({"a", "b", "c", "d", "e"}, A_MOMENT)

    assert {"a", "b"} == {center for center in "abcde" if others.speak_for(center)}


def test_nobody_speaks_for_it_any_more_when_its_word_has_expired(told: Any, others: Any) -> None:
    told.say("a", "streaming")
    others.look({"a"}, A_MOMENT)
    others.look({"a"}, A_MOMENT + EXPIRY + timedelta(seconds=1))

    assert not others.speak_for("a")


def test_what_we_said_ourselves_keeps_us_from_nothing(told: Any, others: Any) -> None:
    told.say("a", "streaming", "ours")
    others.look({"a"}, A_MOMENT)

    assert not others.speak_for("a")


def test_a_center_that_we_capture_is_ours_to_speak_of(told: Any, others: Any) -> None:
    told.say("a", "streaming")
    others.look({"a"}, A_MOMENT)
    others.leave_to_us({"a"})

    assert not others.speak_for("a")


def test_what_was_known_holds_while_kafka_is_away(told: Any, others: Any) -> None:
    told.say("a", "streaming")
    others.look({"a"}, A_MOMENT)
    told.is_down = True
    others.look({"a"}, A_MOMENT)

    assert others.speak_for("a")


def test_where_all_is_well_nothing_is_open(told: Any, others: Any) -> None:
    others.look(set(), A_MOMENT)
    assert [] == told.opened

    others.look({"a"}, A_MOMENT)
    others.look({"a"}, A_MOMENT)
    others.look({"b"}, A_MOMENT)
    assert [{"a"}, {"a", "b"}] == told.opened

    others.look(set(), A_MOMENT)
    assert not told.is_open
