"""What a reviewer sets, and what follows from it."""

from dataclasses import replace

import pytest

from producers import audit, choices, merging
from producers.catalog import Catalog, Column, Table
from producers.choices import Choices
from producers.mapping import Rival
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


def test_a_point_that_is_set_twice_is_refused() -> None:
    with pytest.raises(BadInput, match=r"KARTEI\.DATUM is given twice, as A and as B"):
        choices.parse(["KARTEI.DATUM=A", "KARTEI.DATUM=B"])


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


def test_a_table_that_was_chosen_says_so_and_keeps_its_rivals() -> None:
    rivals = (Rival("KARTEI_ALT", 0.9), Rival("KARTEI_X", 0.8))
    before = a_mapping()
    tables = {**before.tables, "KARTEI": replace(before.tables["KARTEI"], name=None, rivals=rivals)}
    fresh = a_mapping(names={"KARTEI": "KARTEI_X"})
    done = merging.merged(replace(before, tables=tables), fresh, Choices({"KARTEI": "KARTEI_X"}))
    assert done.tables["KARTEI"].evidence == ("chosen by the reviewer",)
    assert done.tables["KARTEI"].rivals == (Rival("KARTEI_ALT", 0.9),)


def test_a_column_that_was_chosen_keeps_the_one_that_was_proposed_as_a_rival() -> None:
    before, fresh = a_mapping(), a_mapping(names={"KARTEI.DATUM": "TAG"})
    done = merging.merged(before, fresh, Choices({"KARTEI.DATUM": "TAG"}))
    column = done.tables["KARTEI"].columns["DATUM"]
    assert column.evidence == ("chosen by the reviewer",)
    assert column.rivals == (Rival("DATUM_7M", 1.0),)


def test_nothing_speaks_for_a_name_that_came_by_hand() -> None:
    proposed = audit.names(a_mapping())
    edited = merging.by_hand(a_mapping(names={"KARTEI.DATUM": "TAG", "KASSEN": "K"}), proposed)
    hand = edited.tables["KARTEI"].columns["DATUM"]
    assert (hand.confidence, hand.evidence) == (0.0, ("entered by hand",))
    assert edited.tables["KARTEI"].columns["PATNR"].confidence == 1.0
    assert edited.tables["KASSEN"].evidence == ("entered by hand",)
    assert edited.tables["KASSEN"].columns["NAME"].evidence == ("its table was entered by hand",)
    assert edited.tables["PATIENT"] == a_mapping().tables["PATIENT"]


def test_a_flag_that_was_turned_around_by_hand_says_so() -> None:
    proposed = audit.names(a_mapping(live={"KARTEI": ("J",)}))
    turned: list[dict[str, tuple[str | None, ...]]] = [{"KARTEI": ("N",)}, {}]
    for live in turned:
        flag = merging.by_hand(a_mapping(live=live), proposed).tables["KARTEI"].columns["DELKZ"]
        assert flag.evidence == ("which values mean not deleted was entered by hand",)
        assert flag.confidence == 0.0


def test_what_is_as_it_was_proposed_stays_as_it_is() -> None:
    for one in (a_mapping(), a_mapping(live={"KARTEI": ("J", None)})):
        assert merging.by_hand(one, audit.names(one)) == one


def test_after_a_move_what_a_person_chose_and_is_there_stays_chosen() -> None:
    fresh = a_mapping(names={"KARTEI.DATUM": "TAG", "KARTEI.BEMERKUNG": "NOTIZ"})
    choices_ = Choices({"KARTEI.DATUM": "TAG", "KARTEI.BEMERKUNG": "NOTIZ"}, {"KARTEI": ("J",)})
    approved = merging.merged(a_mapping(), fresh, choices_)
    columns = (Column("TAG", "int"),)
    there = Catalog((Table("ck", "KARTEI_8Y", columns, ("ID",), 1),))

    names = merging.decided(approved, there)
    done = merging.redecided(a_mapping(names={"KARTEI.DATUM": "TAG"}), approved, names)

    assert names == {"schema": "ck", "KARTEI.DATUM": "TAG"}
    assert done.tables["KARTEI"].columns["DATUM"].evidence == ("chosen by the reviewer",)
    assert done.tables["KARTEI"].columns["DATUM"].rivals == (Rival("DATUM_7M", 1.0),)
    assert done.live("KARTEI") == ("J",)
    assert done.fingerprint == done.current_fingerprint()
