"""The capture's statements, to the letter."""

from pathlib import Path
from typing import Any

import pytest

from producers.capture import statements
from tests.factories import a_mapping

GOLDEN = Path(__file__).parent.parent / "golden" / "sql"

CASES = {
    "capture_clock": statements.clock(a_mapping()).text,
    "capture_read": statements.read(a_mapping()).text,
    "capture_changes": statements.changes(a_mapping()).text,
    "capture_first_chunk": statements.chunk(a_mapping(), "KARTEI", 5000, first=True).text,
    "capture_next_chunk": statements.chunk(a_mapping(), "KARTEI", 5000, first=False).text,
    "capture_ids": statements.ids(a_mapping(), "KARTEI").text,
    "capture_ids_insurers": statements.ids(a_mapping(), "KASSEN").text,
    "capture_rows_there": statements.rows_there(a_mapping()).text,
    "capture_begin": statements.BEGIN + "\n",
    "capture_end": statements.END + "\n",
    "capture_identity": statements.IDENTITY,
    "capture_retention": statements.RETENTION,
}


@pytest.mark.parametrize("case", CASES)
def test_a_statement_is_its_golden_text(case: Any) -> None:
    assert CASES[case] == (GOLDEN / f"{case}.sql").read_text(encoding="utf-8")


def test_a_table_is_told_to_the_clock_as_it_is_quoted_and_as_a_text() -> None:
    clock = statements.clock(a_mapping(names={"KARTEI": "x]y'z"}))

    assert "OBJECT_ID(N'[ck].[x]]y''z]')" in clock.text
    assert clock.parameters == ()
