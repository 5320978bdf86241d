"""A day is closed once, and what happens to it later is told, whatever broke off on the way."""

from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from stream_app.closing import marker
from stream_app.closing.checks import CenterRows
from stream_app.closing.closer import REPORTS
from stream_app.closing.thresholds import Checks, Nulls
from stream_app.files.manifest import Damaged, DataFile, Manifest
from stream_app.files.rendering import file_name
from stream_app.files.targets import CannotWrite, Folder, open_target
from tests.closing import CENTERS, MORNING, a_closer, a_line, put, some_rows
from tests.factories import A_DAY

LATER = timedelta(days=31)
GOLDEN = Path(__file__).parents[1] / "golden" / "formats" / "final-marker"


@pytest.fixture(params=["folder", "memory"])
def target(request, tmp_path):
    return open_target(
        f"memory://{tmp_path.name}/c" if request.param == "memory" else str(tmp_path / "out")
    )


def final(target, day=A_DAY):
    return marker.read(target, day)


def test_a_day_that_is_whole_and_sound_gets_its_marker(target):
    manifest = put(target, some_rows())

    closed = a_closer(target).close(A_DAY)

    assert (True, True, True) == (closed.is_final, closed.is_new, closed.is_quiet)
    written = final(target)
    assert ("final", 1, 50) == (written.state, written.revision, written.record_count)
    assert manifest.files == written.files
    assert {"center_01": 25, "center_02": 25} == {
        one.center_id: one.record_count for one in written.centers
    }


def test_the_marker_and_the_reports_are_all_that_is_written(tmp_path):
    target = Folder(tmp_path)
    put(target, some_rows())
    before = {path.name: path.read_bytes() for path in tmp_path.iterdir()}

    a_closer(target).close(A_DAY)

    after = {path.name: path for path in tmp_path.iterdir()}
    assert {marker.name(A_DAY), REPORTS} == after.keys() - before.keys()
    assert before == {name: after[name].read_bytes() for name in before}
    assert ["close_2022-01-18.json", "close_2022-01-18.txt"] == sorted(
        path.name for path in after[REPORTS].iterdir()
    )


def test_closing_again_changes_nothing(target):
    put(target, some_rows())
    closed = a_closer(target).close(A_DAY)
    before = target.read(marker.name(A_DAY))

    again = a_closer(target, now=lambda: MORNING + LATER).close(A_DAY)

    assert (closed.identity, False) == (again.identity, again.is_new)
    assert before == target.read(marker.name(A_DAY))


def test_a_day_that_lacks_a_center_gets_no_marker_and_names_it(target):
    put(target, some_rows(), lines=[a_line(), a_line("center_02", complete_through=None)])

    closed = a_closer(target).close(A_DAY)

    assert final(target) is None
    assert "2022-01-18 is not complete: center_02" == closed.headline
    assert ["center_02"] == [one["center_id"] for one in closed.said["missing"]]


def test_a_day_without_files_lacks_every_center(target):
    closed = a_closer(target).close(A_DAY)

    assert (None, set(CENTERS)) == (
        final(target),
        {one["center_id"] for one in closed.said["missing"]},
    )


def test_a_check_that_stops_keeps_a_day_open_and_one_that_warns_does_not(target):
    put(target, some_rows(chart_entry=""))

    assert "2022-01-18 is not closed: nulls" == a_closer(target).close(A_DAY).headline
    assert final(target) is None

    warning = replace(Checks(), nulls=Nulls(action="warn"))
    closed = a_closer(target, thresholds=warning).close(A_DAY)
    assert (True, False, 1) == (closed.is_final, closed.is_quiet, final(target).revision)


def test_a_file_that_stays_other_than_the_manifest_says_keeps_the_day_open(target):
    put(target, some_rows())
    target.replace(file_name(A_DAY, "csv"), [b"something else"])

    closed = a_closer(target).close(A_DAY)

    assert (False, None) == (closed.is_final, final(target))
    assert ["csv"] == [one["file"] for one in closed.said["problems"]]


def test_a_file_that_is_being_written_is_waited_for(target):
    put(target, some_rows(20))
    written: list[Manifest] = []

    def write():
        if not written:
            written.append(put(target, some_rows()))

    target.replace(file_name(A_DAY, "csv"), [b"half of it is new"])

    assert a_closer(target, pause=write).close(A_DAY).is_final
    assert written[0].files == final(target).files


def test_a_day_that_changes_gets_a_new_revision_that_says_what_changed(target):
    put(target, some_rows())
    a_closer(target).close(A_DAY)
    rows = some_rows()
    put(target, [*rows[:-1], replace(rows[-1], chart_entry="Nachtrag")])

    closed = a_closer(target).close(A_DAY)

    assert (True, False, 2) == (closed.is_new, closed.is_quiet, final(target).revision)
    assert (1, 50, ["center_02"]) == tuple(
        closed.said["changed_since"][key] for key in ("revision", "record_count", "centers")
    )
    assert "changed since revision 1" in closed.headline


def test_a_day_that_is_no_longer_sound_has_its_marker_withdrawn_and_comes_back(target):
    put(target, some_rows())
    a_closer(target).close(A_DAY)
    put(target, some_rows(chart_entry=""))
    assert not a_closer(target).close(A_DAY).is_final
    assert ("withdrawn", 2) == (final(target).state, final(target).revision)
    assert not a_closer(target).close(A_DAY).is_new

    put(target, some_rows())
    closed = a_closer(target).close(A_DAY)

    assert (True, True, False) == (closed.is_final, closed.is_new, closed.is_quiet)
    assert ("final", 3) == (final(target).state, final(target).revision)


def test_what_is_final_and_unchanged_stays_final_though_a_center_is_new_or_rules_are_stricter(
    target,
):
    put(target, some_rows(chart_entry=""))
    lenient = replace(Checks(), nulls=Nulls(texts=1.0))
    a_closer(target, thresholds=lenient).close(A_DAY)

    closer = a_closer(target, lines=lambda _manifest: ())
    assert closer.close(A_DAY).is_final
    target.inside(REPORTS).replace("close_2022-01-18.json", [b"{"])
    assert closer.close(A_DAY).is_final
    assert 1 == final(target).revision


def test_files_that_are_gone_withdraw_the_marker(tmp_path):
    target = Folder(tmp_path)
    put(target, some_rows())
    a_closer(target).close(A_DAY)
    for path in tmp_path.glob("*.manifest.json"):
        path.unlink()

    assert not a_closer(target).close(A_DAY).is_final
    assert "withdrawn" == final(target).state


class Full(Folder):
    """A folder whose disk is full after so many files."""

    left = 0

    def replace(self, name, content, check=lambda: None):
        if Full.left == 0:
            raise CannotWrite("no room")
        Full.left -= 1
        super().replace(name, content, check)

    def inside(self, folder):
        return Full(self.path / folder)


@pytest.mark.parametrize("files", [0, 1, 2])
@pytest.mark.parametrize("revision", [1, 2])
def test_a_run_that_dies_anywhere_is_made_good_by_the_next(tmp_path, files, revision):
    target = Folder(tmp_path)
    put(target, some_rows())
    if revision == 2:
        a_closer(target).close(A_DAY)
        put(target, some_rows(30))
    Full.left = files
    with pytest.raises(CannotWrite):
        a_closer(Full(tmp_path)).close(A_DAY)

    closed = a_closer(target).close(A_DAY)

    assert (True, revision) == (closed.is_new, final(target).revision)
    assert revision == closed.said["revision"]
    assert (revision == 2) == (closed.said["changed_since"] is not None)
    assert not a_closer(target).close(A_DAY).is_new


def test_a_night_in_which_nothing_ran_is_made_up_for(target):
    days = [A_DAY - timedelta(days=back) for back in range(5)]
    for day in days:
        put(target, some_rows(day=day), day=day)
    a_closer(target).close(days[3])

    closer = a_closer(target)
    found = [closer.close(day) for day in closer.earlier(A_DAY, LATER)]

    assert [(days[1], True), (days[2], True), (days[3], True)] == [
        (one.day, one.is_final) for one in found
    ]


def test_earlier_days_are_looked_at_again_only_where_somebody_closed_or_tried(target):
    days = [A_DAY - timedelta(days=back) for back in range(4)]
    for day in days:
        put(target, some_rows(day=day), day=day)
    a_closer(target).close(days[1])
    put(target, some_rows(day=days[2]), day=days[2], lines=[a_line()])
    a_closer(target).close(days[2])
    put(target, some_rows(30, day=days[1]), day=days[1])

    closer = a_closer(target)
    found = [closer.close(day) for day in closer.earlier(A_DAY, LATER)]

    assert [(days[1], True, True), (days[2], False, False)] == [
        (one.day, one.is_new, one.is_final) for one in found
    ]
    assert 2 == final(target, days[1]).revision


def test_a_center_is_held_against_the_same_weekday_of_the_weeks_before(target):
    for week in range(1, 6):
        day = A_DAY - timedelta(weeks=week)
        put(target, some_rows(40, day=day), day=day)
    put(target, [row for row in some_rows(40) if row.center_id == "center_01"])

    said = a_closer(target).close(A_DAY).said

    (rows, *_) = said["checks"]
    assert [("center_02", 0, 40)] == [
        (one["center_id"], one["count"], one["of"]) for one in rows["findings"]
    ]
    assert [40, 40] == [one["usual"] for one in said["centers"]]


def test_days_that_were_not_complete_say_nothing_about_the_usual(target):
    for week in range(1, 6):
        day = A_DAY - timedelta(weeks=week)
        put(target, some_rows(1, day=day), day=day, lines=[a_line(complete_through=None)])
    put(target, some_rows())

    assert [None, None] == [one["usual"] for one in a_closer(target).close(A_DAY).said["centers"]]


def a_marker():
    return marker.Marker(
        target_date=A_DAY,
        state="final",
        revision=2,
        closed_at=MORNING,
        record_count=3,
        files={"csv": DataFile("ivoris_chart_entries_2022-01-18.csv", 9, "a" * 64)},
        centers=(CenterRows("center_01", 3, "b" * 64),),
        read_from="csv",
    )


def test_a_marker_is_read_back_as_it_was_written():
    assert a_marker() == marker.parse(marker.render(a_marker()), "x")


def test_a_marker_of_the_first_format_is_read():
    content = (GOLDEN / "1" / marker.name(A_DAY)).read_bytes()

    assert a_marker() == marker.parse(content, "x")


def test_every_format_of_the_marker_is_kept():
    kept = {path.name for path in GOLDEN.iterdir()}

    assert {str(number) for number in range(1, marker.FORMAT + 1)} == kept


def test_a_newer_marker_is_refused():
    newer = marker.render(a_marker()).replace(b'"format": 1', b'"format": 2')

    with pytest.raises(Damaged, match=r"format 2 is newer(.|\n)*update chartfeed"):
        marker.parse(newer, "x")


@pytest.mark.parametrize("content", [b"", b"[]", b"{}", b'{"format": 1}', b'{"format": "x"}'])
def test_a_damaged_marker_is_said_to_be(content):
    with pytest.raises(Damaged, match="remove x and close the day again"):
        marker.parse(content, "x")
