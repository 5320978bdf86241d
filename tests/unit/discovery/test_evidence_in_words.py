"""What a proposal says in words about its tables."""

import pytest

from producers import canonical
from tests.unit.discovery.in_memory import Center
from tests.unit.discovery.schemas import ROWS, center, five
from tests.unit.discovery.test_properties import nameless, suffixed


@pytest.mark.parametrize(
    "made",
    [center(five()), center(five(suffixed(1))), center(five(nameless(1)))],
    ids=["clean", "suffixed", "nameless"],
)
def test_every_table_tells_its_number_of_rows(made: Center) -> None:
    mapping = made.propose()
    for role in canonical.TABLES:
        assert f"{ROWS[role]:,} rows" in mapping.tables[role].evidence
