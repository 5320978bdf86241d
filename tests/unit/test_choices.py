"""What a reviewer sets, and what follows from it."""

import pytest

from producers import choices, merging
from producers.choices import Choices
from schemas.errors import BadInput
from tests.factories import a_mapping


def test_names_and_flags_are_read() -> None:
    read = choices.parse(
        ["KARTEI=KARTEI_X7K", "KARTEI.BEMERKUNG=A=B", "KARTEI.DELKZ.live=j, 1,NULL", "schema=dbo"]
    )
    assert read == Choices(
        {"KARTEI": "KARTEI_X7K", "KARTEI.BEMERKUNG": "A=B", "schema": "dbo"},
        {"KARTEI": ("J", "1", None)},
    )


def test_usual_takes_unusual_flags_back() -> None:
    mapping = a_mapping(live={"KARTEI": ("J",)})
    done = choices.apply_live(mapping, choices.parse(["KARTEI.DELKZ.live=usual"]))
    assert done.live("KARTEI") is None


@pytest.mark.parametrize("given", ["KARTEI", "KARTEI=", "=X"])
def test_what_is_no_setting_is_refused(given: str) -> None:
    with pytest.raises(BadInput):
        choices.parse([given])


def test_a_point_that_does_not_exist_gets_a_suggestion() -> None:
    with pytest.raises(BadInput, match=r"did you mean KARTEI\.DATUM"):
        choices.parse(["KARTEI.DATUMM=X"])


def test_a_chosen_column_changes_that_one_alone() -> None:
    before = a_mapping()
    fresh = a_mapping(names={"KARTEI.DATUM": "TAG", "KARTEI.PATNR": "OTHER"})
    done = merging.merged(before, fresh, Choices({"KARTEI.DATUM": "TAG"}))
    assert done.column("KARTEI", "DATUM") == "TAG"
    assert done.column("KARTEI", "PATNR") == "PATNR_7M"


def test_another_table_takes_its_own_columns() -> None:
    before = a_mapping()
    fresh = a_mapping(names={"KARTEI": "KARTEI_X", "KARTEI.DATUM": "DATUM_X"})
    chosen = Choices({"KARTEI": "KARTEI_X"})
    assert "KARTEI.DATUM" not in merging.chosen_names(before, chosen)
    done = merging.merged(before, fresh, chosen)
    assert done.column("KARTEI", "DATUM") == "DATUM_X"
    assert done.tables["LEISTUNG"] == before.tables["LEISTUNG"]
