"""The statements, to the letter."""

from datetime import date
from pathlib import Path

import pytest

from producers import statements
from producers.mapping import Mapping
from schemas.errors import BadInput
from schemas.ids import IdType, Role
from tests.factories import A_DAY, a_mapping

GOLDEN = Path(__file__).parent.parent / "golden" / "sql"


def text_ids() -> Mapping:
    """Patients' ids are texts, though two tables keep them as numbers; dates are texts too."""
    return a_mapping(
        ids={Role.PATIENT: IdType.TEXT},
        types={
            ("KARTEI", "PATNR"): "varchar(20)",
            ("KARTEI", "DATUM"): "varchar(8)",
        },
    )


def numbers_in_texts() -> Mapping:
    """Patients' ids are numbers, though one table keeps them as text."""
    return a_mapping(types={("PATKASSE", "PATNR"): "VARCHAR (20)"})


def odd_names() -> Mapping:
    return a_mapping(names={"KARTEI": "x]; DROP TABLE y --", "KARTEI.BEMERKUNG": "Größe 🦷 'q'"})


CASES = {
    "day": statements.day(a_mapping(), A_DAY),
    "day_without_snapshot": statements.day(a_mapping(), A_DAY, snapshot=False),
    "day_text_ids": statements.day(text_ids(), A_DAY),
    "day_numbers_in_texts": statements.day(numbers_in_texts(), A_DAY),
    "span_all": statements.span(a_mapping(), "KARTEI"),
    "span_days": statements.span(a_mapping(), "LEISTUNG", A_DAY, date(2022, 2, 1)),
    "span_without_days": statements.span(a_mapping(), "KASSEN", A_DAY, A_DAY),
    "day_odd_names": statements.day(odd_names(), A_DAY),
}


@pytest.mark.parametrize("case", CASES)
def test_a_statement_is_its_golden_text(case: str) -> None:
    assert CASES[case].text == (GOLDEN / f"{case}.sql").read_text(encoding="utf-8")


def test_a_date_is_bound_as_its_column_keeps_it() -> None:
    assert CASES["day"].parameters == (20220118, 20220118)
    assert CASES["day_text_ids"].parameters == ("20220118", 20220118)


def test_days_are_bound_as_their_column_keeps_them() -> None:
    assert CASES["span_days"].parameters == (20220118, 20220201)
    assert statements.span(text_ids(), "KARTEI", A_DAY, A_DAY).parameters == ("20220118",) * 2


def test_ids_of_another_kind_are_compared_as_they_are() -> None:
    guid = "uniqueidentifier"
    mapping = a_mapping(
        ids={Role.PATIENT: IdType.TEXT},
        types={
            ("KARTEI", "PATNR"): guid,
            ("PATKASSE", "PATNR"): guid,
            ("LEISTUNG", "PATIENTID"): guid,
        },
    )

    assert "ON p.[PATNR_7M] = k.[PATNR_7M]\n" in statements.day(mapping, A_DAY).text


def test_a_date_column_of_another_type_is_refused() -> None:
    mapping = a_mapping(types={("KARTEI", "DATUM"): "datetime"})

    with pytest.raises(BadInput, match=r"KARTEI\.DATUM has the type 'datetime'"):
        statements.day(mapping, A_DAY)
