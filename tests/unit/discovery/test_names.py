"""What names say, and in which order that counts."""

import pytest

from producers.discovery import names
from producers.discovery.names import Match


@pytest.mark.parametrize(
    ("name", "table", "column", "expected"),
    [
        ("P_NAME", "PATIENT", "P_NAME", Match.EXACT),
        ("p_name", "PATIENT", "P_NAME", Match.EXACT),
        ("P_NAME_7M", "PATIENT", "P_NAME", Match.SUFFIX),
        ("NAME_ART", "KASSEN", "NAME", Match.SUFFIX),
        ("ART_NAME", "KASSEN", "ART", Match.SUFFIX),
        ("ART_42", "KASSEN", "ART", Match.SUFFIX),
        ("PAT_NR", "KARTEI", "PATNR", Match.SYNONYM),
        ("PAT_NR_X9", "KARTEI", "PATNR", Match.SYNONYM_SUFFIX),
        ("Gelöscht", "KARTEI", "DELKZ", Match.SYNONYM),
        ("NOTIZ", "KARTEI", "BEMERKUNG", Match.AMBIGUOUS),
        ("DATUM_12345", "KARTEI", "DATUM", Match.NONE),
        ("DATUM_7", "KARTEI", "DATUM", Match.NONE),
        ("DATUM_Ä1", "KARTEI", "DATUM", Match.NONE),
        ("KARTEIID", "KARTEI", "ID", Match.NONE),
        ("C17", "KARTEI", "DATUM", Match.NONE),
    ],
)
def test_a_column_matches(name: str, table: str, column: str, expected: Match) -> None:
    assert names.column_matches(name, table, column) is expected


@pytest.mark.parametrize(
    "name",
    ["KARTEIABRECHNUNG", "KARTEIABTEILUNG_X1", "KARTEI_ARCHIV", "XKARTEI", "KARTEI8Y", "T_0K3"],
)
def test_a_neighbour_is_no_match(name: str) -> None:
    assert names.table_matches(name, "KARTEI") is Match.NONE


def test_a_learned_name_matches_with_and_without_suffix() -> None:
    learned = frozenset({"Verlaufstext"})
    for name in ("VERLAUFSTEXT", "Verlaufstext_8Y"):
        assert names.column_matches(name, "KARTEI", "BEMERKUNG", learned) is Match.LEARNED


@pytest.mark.parametrize(
    ("name", "expected"), [("AKTIV", True), ("AKTIV_Q4", True), ("DELKZ", False)]
)
def test_a_flag_is_inverted_by_its_name(name: str, expected: bool) -> None:  # noqa: FBT001 - a case
    assert names.inverted(name) is expected
