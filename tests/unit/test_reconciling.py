"""Files against the source: what is missing, surplus or different, and what changed since."""

from collections import Counter
from dataclasses import replace
from datetime import date
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stream_app.files.reading import FileRow
from stream_app.reconciling import Changed, Difference, Due, differences, standing
from tests.factories import A_DAY

CENTER = "center_01"


def a_row(**changes: Any) -> FileRow:
    row = FileRow(CENTER, "Praxis", A_DAY, "1", "GKV", "AOK Bayern", "Füllung 16", ("01",))
    return replace(row, **changes)


def due(*rows: FileRow) -> list[Due]:
    return [Due(number, row) for number, row in enumerate(rows, 1)]


def told(expected: list[Due], found: list[FileRow]) -> list[tuple[Any, ...]]:
    return [
        (one.kind, one.patient_id, one.entry_id, one.fields)
        for one in differences(CENTER, A_DAY, expected, found)
    ]


ROWS = st.builds(
    a_row,
    patient_id=st.sampled_from("123"),
    chart_entry=st.sampled_from(["", "a", "b"]),
    insurance_name=st.sampled_from([None, "AOK"]),
    service_codes=st.sampled_from([(), ("01",), ("01", "13b")]),
)


@given(st.lists(ROWS, max_size=8))
def test_the_same_rows_have_no_difference(rows: list[FileRow]) -> None:
    assert told(due(*rows), rows) == []


@given(st.lists(ROWS, max_size=8), st.lists(ROWS, max_size=8))
def test_differences_account_for_every_row(source: list[FileRow], files: list[FileRow]) -> None:
    """What is missing less what is surplus is by how much the counts differ, patient by patient."""
    found = differences(CENTER, A_DAY, due(*source), files)

    assert bool(found) == (source != files)
    per_patient: Counter[str | None] = Counter()
    for one in found:
        per_patient[one.patient_id] += {"missing": 1, "surplus": -1}.get(one.kind, 0)
    for patient in "123":
        there = sum(row.patient_id == patient for row in source)
        assert per_patient[patient] == there - sum(row.patient_id == patient for row in files)
    if Counter(source) == Counter(files):
        assert [one.kind for one in found] in ([], ["order"])
    else:
        assert "order" not in {one.kind for one in found}
    common = sum((Counter(source) & Counter(files)).values())
    kinds = Counter(one.kind for one in found)
    if kinds["order"] == 0:
        assert kinds["missing"] + kinds["different"] == len(source) - common
        assert kinds["surplus"] + kinds["different"] == len(files) - common


def test_two_identical_entries_are_two() -> None:
    assert told(due(a_row(), a_row()), [a_row()]) == [("missing", "1", 2, ())]


def test_a_row_too_much_is_surplus() -> None:
    assert told([], [a_row()]) == [("surplus", "1", None, ())]


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("center_name", "Andere"),
        ("insurance_status", "PKV"),
        ("insurance_name", None),
        ("chart_entry", "Füllung 17"),
        ("service_codes", ("01", "1040")),
    ],
)
def test_a_field_that_differs_is_named(field: str, value: Any) -> None:
    assert told(due(a_row()), [a_row(**{field: value})]) == [("different", "1", 1, (field,))]


def test_rows_of_the_same_text_are_the_same_entry() -> None:
    source = due(a_row(chart_entry="a"), a_row(chart_entry="b"))
    files = [a_row(chart_entry="b", service_codes=()), a_row(chart_entry="c")]

    assert sorted(told(source, files)) == [
        ("different", "1", 1, ("chart_entry",)),
        ("different", "1", 2, ("service_codes",)),
    ]


def test_rows_in_another_order_are_one_difference() -> None:
    first, second = a_row(chart_entry="a"), a_row(chart_entry="b")

    assert told(due(first, second), [second, first]) == [("order", None, None, ())]


def test_a_difference_holds_nothing_of_what_rows_say() -> None:
    (found,) = differences(CENTER, A_DAY, due(a_row()), [a_row(chart_entry="geheim")])

    assert "geheim" not in repr(found)
    assert "Füllung" not in repr(found)


def a_difference(kind: str = "missing", **changes: Any) -> Difference:
    return replace(Difference(kind, CENTER, A_DAY, "1"), **changes)


def left_out(*found: Difference, since: int | None = 10, **changed: Any) -> list[Difference]:
    days = dict.fromkeys((one.day for one in found), since)
    stands, out = standing(found, Changed(**changed), days)
    assert Counter(found) == Counter([*stands, *out])
    return out


def test_what_nobody_changed_stands() -> None:
    assert left_out(a_difference()) == []


def test_what_changed_after_the_files_were_complete_is_left_out() -> None:
    one = a_difference()

    assert left_out(one, places={("1", A_DAY): 11}) == [one]
    assert left_out(one, patients={"1": 11}) == [one]


def test_what_changed_before_stands() -> None:
    one = a_difference()

    assert left_out(one, places={("1", A_DAY): 10}) == []
    assert left_out(one, patients={"1": 10}) == []


def test_another_patients_change_and_another_days_explain_nothing() -> None:
    other = {("2", A_DAY): 11, ("1", date(2022, 1, 19)): 11}

    assert left_out(a_difference(), places=other, patients={"2": 11}) == []


def test_where_the_files_claim_nothing_nothing_is_left_out() -> None:
    assert left_out(a_difference(), since=None, patients={"1": 11}) == []


def test_an_entry_that_went_explains_one_row_too_much() -> None:
    found = [a_difference("surplus"), a_difference("surplus", patient_id="2")]

    assert left_out(*found, entries=[10]) == []
    assert left_out(*found, entries=[10, 11]) == found[:1]
    assert left_out(*found, entries=[11, 12]) == found


def test_an_entry_that_went_explains_no_missing_row() -> None:
    assert left_out(a_difference("missing"), entries=[11]) == []


def test_a_link_that_went_explains_all_of_its_patients_rows() -> None:
    fields = ("insurance_status", "insurance_name")
    mine = [
        a_difference("different", fields=fields, day=date(2022, 1, day), entry_id=day)
        for day in (1, 2)
    ]
    other = a_difference("different", fields=fields, patient_id="2")

    assert left_out(*mine, other, links=[11]) == mine


def test_a_service_that_went_explains_the_rows_of_its_day() -> None:
    day = [a_difference("different", fields=("service_codes",), entry_id=id_) for id_ in (1, 2)]
    next_ = a_difference("different", fields=("service_codes",), day=date(2022, 1, 19))

    assert left_out(*day, next_, services=[11]) == day


def test_a_text_that_differs_is_explained_by_no_row_that_went() -> None:
    one = a_difference("different", fields=("chart_entry", "service_codes"))

    assert left_out(one, entries=[11], services=[11], links=[11]) == []
