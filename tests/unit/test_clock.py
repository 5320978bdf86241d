"""A clock that is set back ends the process, and one that is put right by degrees does not."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chartfeed.clock import TOLERATED_SECONDS, Clock, SetBack


class Hands:
    """Both clocks of a machine."""

    def __init__(self):
        self.wall, self.steady = 1_000_000.0, 500.0

    def pass_(self, seconds, step=0.0):
        self.steady += seconds
        self.wall += seconds + step


def a_clock():
    hands = Hands()
    return hands, Clock(lambda: hands.wall, lambda: hands.steady)


@given(
    st.lists(st.tuples(st.floats(0, 1e5), st.floats(-TOLERATED_SECONDS + 0.1, 1e6)), max_size=20)
)
def test_time_that_passes_steps_forward_and_small_ones_back_are_nothing(moments):
    hands, clock = a_clock()

    for seconds, step in moments:
        hands.pass_(seconds, step)
        clock.look()


@pytest.mark.parametrize("back", [30, 3600, 86_400])
def test_a_step_back_is_told_once_with_its_length(back):
    hands, clock = a_clock()
    hands.pass_(0.2, -back)

    with pytest.raises(SetBack, match=rf"set back by {back:,} s"):
        clock.look()

    hands.pass_(0.2)
    clock.look()
