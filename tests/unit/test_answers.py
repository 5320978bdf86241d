"""What a reviewer answered: what a later answer makes meaningless, and the command for all."""

import pytest

from chartfeed import answers
from chartfeed.answers import NOTHING
from producers import mapping_file
from schemas.errors import BadInput
from tests.factories import a_mapping


def test_a_later_answer_replaces_an_earlier_one() -> None:
    given = NOTHING.noted("KARTEI.DATUM", "DATUM_A1").noted("KARTEI.DATUM", "DATUM_B2")

    assert given.settings() == ["KARTEI.DATUM=DATUM_B2"]


def test_another_table_makes_its_columns_answers_meaningless() -> None:
    given = answers.given(
        ["KARTEI.DATUM=DATUM_A1", "KARTEI.DELKZ.live=J", "KASSEN.ART=ART_9", "PATIENT.P_NAME="]
    )

    assert given.noted("KARTEI", "KARTEI_X").settings() == ["KASSEN.ART=ART_9", "KARTEI=KARTEI_X"]
    assert given.noted("PATIENT", "PATIENT_X").unset == ()


def test_another_schema_makes_all_answers_meaningless() -> None:
    given = answers.given(["KARTEI=KARTEI_X", "PATIENT.P_NAME=", "schema=praxis"])

    assert given.settings() == ["schema=praxis"]
    assert given.unset == ()


def test_an_answer_that_begins_like_another_point_leaves_it() -> None:
    given = NOTHING.noted("PATIENT.P_NAME", "NAME_X").noted("PATIENT.P_VORNAME", "VOR_X")

    assert given.without("PATIENT.P_NAME").settings() == ["PATIENT.P_VORNAME=VOR_X"]


def test_answers_survive_their_texts() -> None:
    given = answers.given(["KARTEI=KARTEI X", "KARTEI.DELKZ.live=J,1"], ["PATIENT.P_NAME"])

    assert answers.given(given.texts()) == given


def test_the_command_gives_all_answers_as_a_shell_reads_them() -> None:
    given = answers.given(["KARTEI=KARTEI X"], ["PATIENT.P_NAME"])

    assert given.command("center_07", "Ada Lovelace") == (
        "chartfeed approve center_07 --reviewer 'Ada Lovelace' "
        "--set 'KARTEI=KARTEI X' --unset PATIENT.P_NAME"
    )


@pytest.mark.parametrize("point", ["KARTEI", "schema", "KARTEI.NOTIZ", "KARTEI.DELKZ.live"])
def test_only_columns_can_be_left_open(point: str) -> None:
    with pytest.raises(BadInput):
        answers.given([f"{point}="])


def test_a_point_that_does_not_exist_is_refused() -> None:
    with pytest.raises(BadInput, match="did you mean KARTEI"):
        answers.given(["KARTE=X"])


def test_what_is_left_open_was_one_of_the_rivals() -> None:
    before = a_mapping()
    name = before.column("PATIENT", "P_NAME")

    after = answers.unmapped(before, ["PATIENT.P_NAME"])

    column = after.tables["PATIENT"].columns["P_NAME"]
    assert column.name is None
    assert [rival.name for rival in column.rivals] == [name]
    assert "PATIENT.P_NAME" in after.open_points()
    assert after.missing() == before.missing()


def test_a_column_left_open_survives_the_file() -> None:
    left = answers.unmapped(a_mapping(), ["PATIENT.P_NAME"])

    text = mapping_file.render(left)

    assert mapping_file.parse(text, name="center_07.yml").tables == left.tables
