"""How often an idle center's position is told anew."""

import pytest

from producers.capture.run import refresh_after


@pytest.mark.parametrize(("idle", "seconds"), [(0, 5), (599, 5), (600, 20), (86_400, 20)])
def test_a_position_is_refreshed_seldom_where_nothing_happens_for_long(
    idle: float, seconds: float
) -> None:
    assert seconds == refresh_after(idle)
