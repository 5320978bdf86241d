"""A day as CSV, JSON and Parquet: to the byte."""

import csv
import io
import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pyarrow import parquet

from schemas.records import UnifiedEntry
from schemas.unified import file_order
from stream_app.files.rendering import FORMATS, file_name, manifest_name, render
from tests.factories import A_DAY, a_unified_entry

GOLDEN = Path(__file__).parent.parent / "golden" / "files"
# nvarchar holds any text; surrogates come in pairs.
TEXTS = st.text(st.characters(codec="utf-8"), max_size=30)


def tricky_rows() -> list[UnifiedEntry]:
    """One row a trap."""
    return [
        a_unified_entry(),
        a_unified_entry(entry_id=2, chart_entry='Er sagte "aua", dann ja,'),
        a_unified_entry(entry_id=3, chart_entry="zwei\nZeilen", service_codes=("13b",)),
        a_unified_entry(entry_id=4, chart_entry="alte\rMac-Zeile", service_codes=()),
        a_unified_entry(entry_id=5, chart_entry="Windows\r\nZeile", service_codes=("Ä935",)),
        a_unified_entry(entry_id=6, patient_id=2, chart_entry="  Blanks bleiben  "),
        a_unified_entry(
            entry_id=7,
            patient_id=9_007_199_254_740_993,
            insurance_status="Selbstzahler",
            insurance_name=None,
            chart_entry="",
        ),
        a_unified_entry(
            entry_id="E 8", patient_id="67890/A22", insurance_status="PKV", insurance_name=""
        ),
        a_unified_entry(
            center_id="center_02",
            center_name='Praxis "Zahn, Gold & Söhne"',
            entry_id=9,
            patient_id=1,
            chart_entry="🦷 \ttab \u2028 \x00",
        ),
    ]


@pytest.mark.parametrize("extension", ["csv", "json"])
def test_every_trap_is_written_as_the_golden_file_says(extension: str) -> None:
    golden = GOLDEN / f"tricky.{extension}"

    assert render(extension, A_DAY, tricky_rows()) == golden.read_bytes()


@pytest.mark.parametrize("extension", ["csv", "json"])
def test_an_empty_day_has_a_header_and_no_rows(extension: str) -> None:
    assert render(extension, A_DAY, []) == (GOLDEN / f"empty.{extension}").read_bytes()


@pytest.mark.parametrize("extension", FORMATS)
def test_the_same_rows_give_the_same_bytes(extension: str) -> None:
    assert render(extension, A_DAY, tricky_rows()) == render(extension, A_DAY, tricky_rows())


def test_parquet_is_typed_and_holds_codes_as_a_list() -> None:
    table = parquet.read_table(io.BytesIO(render("parquet", A_DAY, tricky_rows())))

    assert [f"{field.name}: {field.type}" for field in table.schema] == [
        "center_id: string",
        "center_name: string",
        "date: date32[day]",
        "patient_id: string",
        "insurance_status: string",
        "insurance_name: string",
        "chart_entry: string",
        "service_codes: list<element: string not null>",
    ]
    expected = tricky_rows()
    assert table["chart_entry"].to_pylist() == [row.chart_entry for row in expected]
    assert table["service_codes"].to_pylist() == [list(row.service_codes) for row in expected]
    assert table["insurance_name"].to_pylist() == [row.insurance_name for row in expected]
    assert table["date"].to_pylist() == [A_DAY] * len(expected)


def test_an_empty_parquet_day_has_the_same_columns() -> None:
    empty, full = (
        parquet.read_schema(io.BytesIO(render("parquet", A_DAY, rows)))
        for rows in ([], tricky_rows())
    )

    assert empty == full


ROWS = st.lists(
    st.builds(
        a_unified_entry,
        patient_id=st.integers(-(2**63), 2**63 - 1) | TEXTS.filter(bool),
        insurance_name=st.none() | TEXTS,
        chart_entry=TEXTS,
        service_codes=st.lists(TEXTS, max_size=3).map(tuple),
    ),
    max_size=5,
)


@given(ROWS)
def test_any_csv_reader_gets_every_text_back(rows: list[UnifiedEntry]) -> None:
    text = render("csv", A_DAY, rows).decode()

    read = list(csv.DictReader(io.StringIO(text, newline="")))

    assert [line["chart_entry"] for line in read] == [row.chart_entry for row in rows]
    assert [line["insurance_name"] for line in read] == [row.insurance_name or "" for row in rows]
    assert [line["service_codes"] for line in read] == [",".join(row.service_codes) for row in rows]
    assert [line["patient_id"] for line in read] == [str(row.patient_id) for row in rows]


@given(ROWS)
def test_json_keeps_every_value_in_its_type(rows: list[UnifiedEntry]) -> None:
    read = json.loads(render("json", A_DAY, rows))

    assert read["target_date"] == "2022-01-18"
    assert read["record_count"] == len(rows)
    assert [entry["patient_id"] for entry in read["entries"]] == [row.patient_id for row in rows]
    assert [entry["service_codes"] for entry in read["entries"]] == [
        list(row.service_codes) for row in rows
    ]
    assert [entry["chart_entry"] for entry in read["entries"]] == [row.chart_entry for row in rows]


def test_rows_stand_by_center_then_patient_then_entry() -> None:
    rows = [
        a_unified_entry(center_id="center_10", patient_id=1),
        a_unified_entry(center_id="center_02", patient_id="a", entry_id=1),
        a_unified_entry(center_id="center_02", patient_id=10, entry_id=2),
        a_unified_entry(center_id="center_02", patient_id=9, entry_id="2"),
        a_unified_entry(center_id="center_02", patient_id=9, entry_id=11),
    ]

    assert sorted(rows, key=file_order) == [rows[4], rows[3], rows[2], rows[1], rows[0]]


def test_names_of_files() -> None:
    assert file_name(A_DAY, "csv") == "ivoris_chart_entries_2022-01-18.csv"
    assert manifest_name(A_DAY) == "ivoris_chart_entries_2022-01-18.manifest.json"
