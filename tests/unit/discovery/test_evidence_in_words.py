"""What a proposal says in words about its tables."""

from dataclasses import replace

import pytest

from producers import canonical
from producers.discovery.evidence import SURE
from tests.unit.discovery.in_memory import Center
from tests.unit.discovery.schemas import ROWS, center, five
from tests.unit.discovery.test_properties import nameless, suffixed

TURNED = {"flag": "active"}


@pytest.mark.parametrize(
    "made",
    [center(five()), center(five(suffixed(1))), center(five(nameless(1)))],
    ids=["clean", "suffixed", "nameless"],
)
def test_every_table_tells_its_number_of_rows(made: Center) -> None:
    mapping = made.propose()
    for role in canonical.TABLES:
        assert f"{ROWS[role]:,} rows" in mapping.tables[role].evidence


def test_an_inverted_flag_says_why() -> None:
    renamed = nameless(1)
    plans = [
        replace(
            plan,
            columns=tuple(
                (*column[:2], TURNED.get(column[2], column[2])) for column in plan.columns
            ),
        )
        for plan in five(renamed)
    ]
    column = center(plans).propose().tables["KARTEI"].columns["DELKZ"]
    assert column.name == renamed["KARTEI.DELKZ"]
    assert column.live == ("1",)
    assert column.confidence < SURE
    assert any("read in the usual way" in text for text in column.evidence)
    assert "unusual flag: 1 seems to mean not deleted" in column.evidence


def test_a_nameless_flag_that_a_person_chose_is_turned_as_well() -> None:
    plans = five({"KARTEI.DELKZ": "C17"})
    turned = [
        replace(plan, columns=(*plan.columns[:-1], ("C17", "bit", "active")))
        if plan.name == "KARTEI"
        else plan
        for plan in plans
    ]
    mapping = center(turned, chosen={"KARTEI.DELKZ": "C17"}).propose()
    assert mapping.live("KARTEI") == ("1",)
