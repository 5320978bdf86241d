"""The insurance status, from ART."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.errors import BadInput
from schemas.insurance import DEFAULT, Status, StatusTable


@pytest.mark.parametrize("kind", ["P", "PKV", "p", " pkv ", "P         "])
def test_private(kind: str) -> None:
    assert DEFAULT.status(kind) == "PKV"


@pytest.mark.parametrize("kind", [*"123456789", "G", "gkv", " 1 "])
def test_statutory(kind: str) -> None:
    assert DEFAULT.status(kind) == "GKV"


@pytest.mark.parametrize("kind", [None, "", "B", "C", "D", "0", "10", "PP", "X"])
def test_all_else_pays_for_itself(kind: str | None) -> None:
    assert DEFAULT.status(kind) == "Selbstzahler"


@given(st.none() | st.text())
def test_every_value_has_a_status(kind: str | None) -> None:
    assert DEFAULT.status(kind) in Status


def test_values_outside_the_table_are_counted_and_null_is_not() -> None:
    kinds = ["1", "P", "b", "B ", "X", None, ""]

    assert DEFAULT.unknown(kinds) == {"B": 2, "X": 1, "": 1}


def test_special_payers_are_outside_the_table_and_nothing_is_wrong_with_them() -> None:
    kinds = ["B", " c ", "D", "X", "", None]

    assert DEFAULT.unknown(kinds).keys() == {"B", "C", "D", "X", ""}
    assert DEFAULT.strange(kinds) == {"X": 1, "": 1}


def test_the_table_is_configuration() -> None:
    table = StatusTable.of({" b ": "PKV"})

    assert table.status("B") == "PKV"
    assert table.status("1") == "Selbstzahler"
    assert table.described() == {"B": "PKV"}


def test_a_status_that_does_not_exist_is_refused_with_those_that_do() -> None:
    with pytest.raises(BadInput, match="'Privat', which does not exist") as caught:
        StatusTable.of({"P": "Privat"})

    assert caught.value.hint == "use one of GKV, PKV, Selbstzahler"
