"""The seven checks find what they are for, and nothing in a day that is sound."""

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stream_app.closing import checks, readable, report
from stream_app.closing.content import Content, rows
from stream_app.closing.thresholds import Checks, References
from stream_app.closing.thresholds import Rows as RowsGiven
from stream_app.files.rendering import render
from stream_app.files.targets import Folder
from tests.closing import CENTERS, a_closer, put, some_rows
from tests.factories import A_DAY, a_unified_entry

Row = dict[str, Any]


def a_row(**changes: Any) -> Row:
    row: Row = {
        "center_id": "center_01",
        "center_name": "Praxis Süd",
        "date": "2022-01-18",
        "patient_id": 1,
        "insurance_status": "GKV",
        "insurance_name": "AOK Bayern",
        "chart_entry": "Füllung 16",
        "service_codes": ["01", "1040"],
    }
    return row | changes


def found(rows: list[Row], given: Checks | None = None) -> dict[str, list[str]]:
    """Give what each check found, by its name; those that found nothing are left out."""
    seen = checks.run(given or Checks(), A_DAY, rows, CENTERS, {})
    return {
        one.name: [finding.what for finding in one.findings]
        for one in seen.outcomes
        if one.findings
    }


def sound(count: int = 40) -> list[Row]:
    return [a_row(patient_id=number) for number in range(count)]


TEXTS = st.text(st.characters(categories=("L", "N", "P", "Z"), exclude_characters="\ufffd"))
SOUND = st.builds(
    a_row,
    center_id=st.just("center_01"),
    patient_id=st.integers(-(2**63), 2**63 - 1),
    insurance_status=st.sampled_from(["GKV", "PKV"]),
    insurance_name=TEXTS.filter(str.strip),
    chart_entry=TEXTS.filter(str.strip),
    service_codes=st.lists(
        st.from_regex(r"[0-9A-Za-zÄÖÜäöü]{1,6}", fullmatch=True), max_size=4, unique=True
    ),
)


@given(st.lists(SOUND, unique_by=lambda row: row["patient_id"], max_size=19))
def test_nothing_is_found_in_rows_that_are_sound(rows: list[Row]) -> None:
    assert {} == found(rows)


def test_a_self_payer_needs_no_insurer_and_a_note_no_service() -> None:
    assert {} == found(
        [a_row(insurance_status="Selbstzahler", insurance_name=None, service_codes=[])]
    )


@pytest.mark.parametrize(
    ("changes", "check", "what"),
    [
        ({"patient_id": None}, "nulls", "no patient_id"),
        ({"patient_id": " "}, "nulls", "no patient_id"),
        ({"center_name": ""}, "nulls", "no center_name"),
        ({"insurance_name": None}, "references", "an insurance without a name"),
        ({"chart_entry": None}, "nulls", "no chart_entry"),
        ({"service_codes": None}, "nulls", "no service_codes"),
        ({"date": "2022-01-19"}, "dates", "a row of another day"),
        ({"date": ["2022"]}, "dates", "a row of another day"),
        ({"service_codes": ["01", "01"]}, "duplicates", "a service code twice in a row"),
        ({"patient_id": "7"}, "types", "patient_id is of two types"),
        ({"patient_id": True}, "types", "patient_id is no number and no text"),
        ({"patient_id": 1.5}, "types", "patient_id is no number and no text"),
        ({"insurance_status": "privat"}, "types", "insurance_status is no status"),
        ({"insurance_status": ["GKV"]}, "types", "insurance_status is no status"),
        ({"insurance_name": 7}, "types", "insurance_name is no text"),
        ({"chart_entry": 7}, "types", "chart_entry is no text"),
        ({"service_codes": "01,1040"}, "types", "service_codes is no list of texts"),
        ({"service_codes": [1]}, "types", "service_codes is no list of texts"),
        ({"date": "20220118"}, "types", "date is no day"),
        ({"date": 20220118}, "types", "date is no day"),
        ({"center_id": "center_99"}, "values", "a center that is not configured"),
        ({"center_name": "Praxis Nord"}, "values", "another name than the configured one"),
        ({"service_codes": ["no code"]}, "values", "a service code that looks like none"),
        ({"chart_entry": "F\ufffdllung"}, "values", "unreadable characters in chart_entry"),
        ({"insurance_name": "AOK\x00"}, "values", "unreadable characters in insurance_name"),
        ({"patient_id": "7 "}, "values", "blanks around patient_id"),
    ],
)
@settings(max_examples=10)
@given(at=st.integers(0, 40))
def test_one_bad_row_is_found_wherever_it_stands(
    at: int, changes: Row, check: str, what: str
) -> None:
    rows = sound()
    rows.insert(at, a_row(patient_id=-1) | changes)
    # A row that is first decides what the center's type is: then another row is the odd one.
    assert what in found(rows)[check]


@given(st.integers(0, 40), st.integers(1, 40))
def test_empty_texts_count_from_a_share_on(empty: int, full: int) -> None:
    rows = [a_row(patient_id=number, chart_entry="") for number in range(empty)]
    rows += [a_row(patient_id=-1 - number) for number in range(full)]

    assert (empty > max(10, 0.5 * (empty + full))) == ("nulls" in found(rows))


@given(st.integers(0, 60), st.integers(0, 300))
def test_the_same_row_again_counts_from_a_share_and_a_number_on(again: int, others: int) -> None:
    rows = [a_row()] * (again + 1) + [a_row(patient_id=-1 - number) for number in range(others)]

    due = again > max(10, 0.1 * (again + 1 + others))
    assert due == ("duplicates" in found(rows))


@given(st.integers(0, 30), st.integers(0, 30))
def test_a_center_whose_rows_find_no_insurer_is_found(with_: int, without: int) -> None:
    rows = [a_row(patient_id=number) for number in range(with_)]
    rows += [
        a_row(patient_id=-1 - number, insurance_status="Selbstzahler", insurance_name=None)
        for number in range(without)
    ]
    total = with_ + without

    due = total >= 20 and with_ < 0.5 * total
    assert due == ("rows without an insurer" in found(rows).get("references", []))


def test_a_center_whose_services_are_not_joined_is_found() -> None:
    rows = [a_row(patient_id=number, service_codes=[]) for number in range(30)]

    assert {"references": ["rows without a service"]} == found(rows)
    assert {} == found(rows, Checks(references=References(services=0)))


@given(
    count=st.integers(0, 500),
    usual=st.lists(st.integers(0, 500), min_size=3, max_size=8),
)
def test_a_count_is_unusual_when_it_is_far_from_the_median_both_ways(
    count: int, usual: list[int]
) -> None:
    middle = sorted(usual)[len(usual) // 2 - (len(usual) % 2 == 0)]
    other = sorted(usual)[len(usual) // 2]
    median = (middle + other) / 2
    due = abs(count - median) > 10 and not 0.5 * median <= count <= 2 * median

    assert due == bool(checks.row_counts(RowsGiven(), {"c": count}, {"c": usual}))


def test_a_center_that_is_new_has_no_usual() -> None:
    assert [] == checks.row_counts(RowsGiven(), {"c": 0}, {"c": [100, 100]})


def test_a_center_without_a_row_is_told_of_where_it_usually_has_some() -> None:
    seen = checks.run(Checks(), A_DAY, [], CENTERS, {"center_02": [40, 50, 60]})
    (rows, *_) = seen.outcomes

    assert ("rows", "warn") == (rows.name, rows.result)
    assert ["center_02"] == [finding.center_id for finding in rows.findings]


def test_every_check_can_be_off_or_stop() -> None:
    bad = [a_row(patient_id=None, date="x", service_codes=["?"] * 2)]
    off = Checks(**{name: {"action": "off"} for name in checks.NAMES})  # type: ignore[arg-type]
    stop = Checks(**{name: {"action": "stop"} for name in checks.NAMES})  # type: ignore[arg-type]

    assert {"off"} == {one.result for one in checks.run(off, A_DAY, bad, CENTERS, {}).outcomes}
    results = {one.name: one.result for one in checks.run(stop, A_DAY, bad, CENTERS, {}).outcomes}
    assert {"nulls", "dates", "types", "duplicates", "values"} == {
        name for name, result in results.items() if result == "stop"
    }


@pytest.mark.parametrize("format_", ["csv", "json", "parquet"])
def test_a_sound_day_is_sound_in_every_format(tmp_path: Any, format_: str) -> None:
    target = Folder(tmp_path)
    put(target, some_rows(), formats=[format_])

    said = a_closer(target).close(A_DAY).said

    assert ("final", {"ok"}) == (said["state"], {one["result"] for one in said["checks"]})


def test_a_json_that_says_another_count_is_not_a_day(tmp_path: Any) -> None:
    target = Folder(tmp_path)
    manifest = put(target, some_rows(1))
    content = render("json", A_DAY, some_rows(1)).replace(b'"record_count":2', b'"record_count":3')

    with pytest.raises(Exception, match="says 3 rows and has 2"):
        list(rows(Content(manifest, (), "json", content)))


SECRETS = st.from_regex(r"[a-zß-ü]{6,12}", fullmatch=True)


@given(text=SECRETS, patient=st.integers(10**9, 10**10))
def test_nothing_that_a_row_says_is_in_a_report(text: str, patient: int) -> None:
    rows = [
        {
            **a_row(patient_id=f" {patient}", chart_entry=f"X{text}\ufffd", date="x"),
            "service_codes": [f"X{text}!", f"X{text}!"],
            "insurance_name": f"X{text}\x00",
        }
    ]
    seen = checks.run(Checks(), A_DAY, rows, CENTERS, {})
    said = report.Report(
        day=A_DAY,
        state="stopped",
        at=a_unified_entry().captured_at,
        output="here",
        revision=None,
        record_count=1,
        files={},
        missing=(),
        problems=(),
        outcomes=seen.outcomes,
        centers=(),
        usual={},
    )

    for written in (readable.text(said), report.render(said).decode()):
        assert f"X{text}" not in written
        assert str(patient) not in written
