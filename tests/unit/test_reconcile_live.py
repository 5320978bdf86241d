"""How far a stream's files are: by Progress, where the sink has passed it."""

import pytest

from chartfeed.reconcile.live import Live
from schemas import topics
from schemas.records import Offset, Progress
from tests.factories import A_DAY, a_progress

PARTITION = topics.partition_of_day(A_DAY, 12)
OTHER = (PARTITION + 1) % 12


ENDS = (
    Offset(topics.UNIFIED_ENTRIES.name, PARTITION, 41),
    Offset(topics.UNIFIED_ENTRIES.name, OTHER, 99),
)


def through(progress: Progress, **positions: int) -> int | None:
    at = {int(number.removeprefix("p")): offset for number, offset in positions.items()}
    return Live(12, {"center_01": progress}, at).through("center_01", A_DAY)


@pytest.mark.parametrize(("position", "version"), [(41, None), (42, 7), (1000, 7)])
def test_a_day_shows_what_its_partition_has_passed(position: int, version: int | None) -> None:
    assert through(a_progress(offsets=ENDS), **{f"p{PARTITION}": position}) == version


def test_a_partition_that_holds_nothing_is_passed() -> None:
    assert through(a_progress(offsets=())) == 7


def test_a_part_of_a_read_claims_nothing() -> None:
    assert through(a_progress(offsets=ENDS, partial=True), **{f"p{PARTITION}": 1000}) is None


def test_of_a_center_without_progress_nothing_is_known() -> None:
    assert Live(12, {}, {PARTITION: 1000}).through("center_01", A_DAY) is None
