"""Two folders of daily files, held against each other."""

from dataclasses import replace
from datetime import date

from schemas.unified import file_order
from stream_app.files import day as files
from stream_app.files.manifest import CenterLine
from stream_app.files.targets import Folder
from stream_app.replay.comparing import compare
from tests.factories import A_DAY, A_MOMENT, a_unified_entry

OTHER = date(2022, 1, 19)
ROWS = [a_unified_entry(entry_id=number, patient_id=number) for number in range(1, 5)]


def write(folder, rows, day=A_DAY):
    centers = {row.center_id for row in rows}
    target = Folder(folder)
    files.write(
        target,
        day,
        sorted(rows, key=file_order),
        formats=("csv", "json"),
        centers=[
            CenterLine(one, one, sum(row.center_id == one for row in rows), 0, None, None)
            for one in sorted(centers)
        ],
        written_at=A_MOMENT,
    )
    return target


def compared(here, there, centers=()):
    return compare(here, there, lambda _: True, centers)


def test_the_same_rows_are_identical(tmp_path):
    found = compared(write(tmp_path / "a", ROWS), write(tmp_path / "b", ROWS))
    assert (True, 2) == (found.identical, found.files)


def test_rows_are_missing_surplus_or_different(tmp_path):
    here = write(tmp_path / "a", [*ROWS[1:], a_unified_entry(entry_id=9, patient_id=9)])
    there = write(tmp_path / "b", [*ROWS[:3], replace(ROWS[3], chart_entry="other")])
    found = compared(here, there)
    assert not found.identical
    assert [("csv", 1, 1, 1), ("json", 1, 1, 1)] == sorted(
        (one.extension, one.missing, one.surplus, one.different) for one in found.differences
    )


def test_days_that_only_one_has_are_named_and_those_without_a_row_are_the_same(tmp_path):
    here, there = write(tmp_path / "a", ROWS), write(tmp_path / "b", ROWS)
    write(tmp_path / "a", [], OTHER)
    found = compared(here, there)
    assert (True, (OTHER,)) == (found.identical, found.empty)
    write(tmp_path / "a", [a_unified_entry(date=OTHER)], OTHER)
    assert ((OTHER,), ()) == (compared(here, there).only_here, compared(here, there).only_there)
    assert (OTHER,) == compared(there, here).only_there


def test_a_damaged_file_and_one_that_is_missing_differ(tmp_path):
    here, there = write(tmp_path / "a", ROWS), write(tmp_path / "b", ROWS)
    there.replace(f"ivoris_chart_entries_{A_DAY}.csv", [b"x"])
    (tmp_path / "b" / f"ivoris_chart_entries_{A_DAY}.json").unlink()
    assert {"has no header of a day's CSV", "is missing there"} == {
        one.problem for one in compared(here, there).differences
    }


def test_of_some_centers_only_their_rows_count(tmp_path):
    other = a_unified_entry(center_id="center_02", center_name="Praxis Nord")
    here, there = write(tmp_path / "a", ROWS), write(tmp_path / "b", [*ROWS, other])
    assert not compared(here, there).identical
    assert compared(here, there, {"center_01"}).identical
