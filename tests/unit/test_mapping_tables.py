"""What a terminal shows of mappings, findings and days."""

from collections import Counter
from dataclasses import replace

import pytest

from chartfeed import mapping_tables
from producers.catalog import Catalog, Column, Table
from producers.extract import CenterDay
from producers.mapping import Rival
from producers.validation import Finding, Level
from tests.factories import A_MOMENT, a_mapping, a_unified_entry

CLEAR = "\x1b[2J"


def test_a_day_is_shown_without_a_word_that_may_be_a_name() -> None:
    row = a_unified_entry(
        chart_entry="Ute Müller, Tel. 0170 1234567",
        insurance_name="Ute Müller privat",
        service_codes=("01", "Ute"),
        patient_id="Ute",
    )
    day = CenterDay("center_01", (row,), A_MOMENT, 1, Counter(), Counter())

    shown = "\n".join(mapping_tables.day(day))

    assert "Ute" not in shown
    assert "Müller" not in shown
    assert "1234567" not in shown
    assert "Aaa Aaaaaa, Aaa. 9999 9999999" in shown
    assert "01,Aaa" in shown


def test_a_day_shows_of_an_insurer_the_words_that_only_insurers_have() -> None:
    row = a_unified_entry(insurance_name="AOK Bayern, Herr Ute Müller")
    day = CenterDay("center_01", (row,), A_MOMENT, 1, Counter(), Counter())

    assert "AOK Aaaaaa, Aaaa Aaa Aaaaaa" in "\n".join(mapping_tables.day(day))


def test_no_name_of_a_mapping_moves_the_cursor() -> None:
    named = a_mapping(
        center=CLEAR,
        names={"KARTEI": CLEAR, "KARTEI.DATUM": CLEAR},
        types={("KARTEI", "ID"): CLEAR},
    )
    rival = replace(named.tables["PATIENT"], rivals=(Rival(CLEAR, 0.5, (CLEAR,)),))
    odd = replace(
        named,
        database=CLEAR,
        schema=CLEAR,
        schema_rivals=(CLEAR,),
        tables={**named.tables, "PATIENT": rival},
    )

    shown = "\n".join([*mapping_tables.mapping(odd, CLEAR), *mapping_tables.names(odd)])
    approved = "\n".join(mapping_tables.mapping(odd.approved_as(CLEAR, A_MOMENT), None))

    assert "\x1b" not in shown + approved


ROWS = (("", "is", "because"), ("KARTEI", "KARTEI_8Y", "a reason of some length, and another one"))


def test_reasons_are_broken_to_the_terminal_beside_the_names() -> None:
    assert list(mapping_tables.wrapped(ROWS, 56)) == [
        "        is         because",
        "KARTEI  KARTEI_8Y  a reason of some length, and another",
        "                   one",
    ]


def test_reasons_go_below_the_names_where_the_terminal_is_narrow() -> None:
    assert list(mapping_tables.wrapped(ROWS, 40)) == [
        "        is",
        "          because",
        "KARTEI  KARTEI_8Y",
        "          a reason of some length, and",
        "          another one",
    ]


def test_reasons_are_whole_lines_where_there_is_no_terminal() -> None:
    assert list(mapping_tables.wrapped(ROWS, 0))[1].endswith(
        "a reason of some length, and another one"
    )


def test_an_open_table_is_one_decision_however_many_columns_wait_for_it() -> None:
    one = a_mapping().unapproved()
    kartei = one.tables["KARTEI"]
    nothing = dict.fromkeys(kartei.columns, replace(kartei.columns["ID"], name=None))
    without = replace(kartei, name=None, columns=nothing)
    waiting = replace(one, tables={**one.tables, "KARTEI": without})

    lines = list(mapping_tables.mapping(waiting, waiting.approval_problem()))

    assert lines[1] == "NOT approved; open: KARTEI"
    assert waiting.approval_problem() == "the mapping is not approved; open: KARTEI"
    assert replace(waiting, schema=None).decisions() == ["schema"]


def test_names_that_are_not_sure_are_counted_and_open_ones_are_not() -> None:
    one = a_mapping()
    kartei = one.tables["KARTEI"]
    columns = {
        **kartei.columns,
        "DATUM": replace(kartei.columns["DATUM"], confidence=0.89),
        "DELKZ": replace(kartei.columns["DELKZ"], confidence=0.0, name=None),
    }
    doubtful = replace(one, tables={**one.tables, "KARTEI": replace(kartei, columns=columns)})

    assert one.unsure(0.9) == []
    assert doubtful.unsure(0.9) == ["KARTEI.DATUM"]


def test_a_file_that_claims_an_approval_is_told_why_it_has_none() -> None:
    claims = a_mapping().approved_as("Ada", A_MOMENT)
    assert (
        list(mapping_tables.mapping(claims, "it was revoked"))[1] == "NOT approved: it was revoked"
    )


def test_no_name_of_a_catalog_moves_the_cursor() -> None:
    table = Table(CLEAR, CLEAR, (Column(CLEAR, CLEAR),), (CLEAR,))
    assert "\x1b" not in "\n".join(mapping_tables.catalog(Catalog((table,))))


@pytest.mark.parametrize("level", Level)
def test_a_finding_is_safe_wherever_it_is_told(level: Level) -> None:
    assert Finding(level, "KARTEI", f"{CLEAR} is already PATIENT").text == (
        "\\x1b[2J is already PATIENT"
    )
