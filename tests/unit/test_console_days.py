"""A day opened for reading: the rows as Arrow columns, pages of them, one version at a time."""

import threading
from dataclasses import replace
from datetime import UTC, date, datetime

import pytest

from chartfeed.console.days import download
from chartfeed.console.days.columns import open_columns
from chartfeed.console.days.opening import BeingWritten, Days, version_of
from chartfeed.console.days.view import PAGE_ROWS, Selections, Wanted, page
from schemas.unified import file_order
from stream_app.files import day as files
from stream_app.files.reading import Unreadable, flat, row_of
from stream_app.files.rendering import FORMATS, file_name, render
from stream_app.files.targets import Folder
from tests.unified import an_entry

DAY = date(2022, 1, 18)
NOW = datetime(2026, 1, 1, tzinfo=UTC)
EVERY_FORMAT = sorted(FORMATS)


def rows_of_a_day(count=120):
    """Rows of two centers with numbers and texts as patients, and every kind of insurance."""
    made = []
    for number in range(count):
        status = ("GKV", "PKV", "Selbstzahler")[number % 3]
        made.append(
            an_entry(
                center_id="center_01" if number % 2 else "center_02",
                center_name="Praxis Süd" if number % 2 else "Praxis, Nord",
                date=DAY,
                entry_id=number,
                patient_id=number // 4 if number % 2 else f"{number // 4}/A",
                insurance_status=status,
                insurance_name={"GKV": "AOK", "PKV": "Ärzteversicherung"}.get(status),
                chart_entry=f'Füllung {number}, "mod"\nKontrolle',
                service_codes=("01", "13b", "Ä935")[: number % 4],
            )
        )
    return sorted(made, key=file_order)


@pytest.fixture(params=EVERY_FORMAT)
def extension(request):
    return request.param


@pytest.fixture
def opened(extension):
    rows = rows_of_a_day()
    return open_columns(extension, render(extension, DAY, rows), len(rows))


def shown(columns, **wanted):
    return page(columns, Wanted(**wanted), Selections())


def test_the_first_page_is_the_beginning_of_the_file(opened):
    found = shown(opened)

    expected = [flat(row_of(row)) for row in rows_of_a_day()[:PAGE_ROWS]]
    assert expected == [flat(one) for one in found.rows]
    assert (120, 1, 3) == (found.total, found.number, found.pages)
    assert (1, 50) == (found.first, found.last)


def test_the_last_page_has_the_rest_and_no_page_comes_after_it(opened):
    last = shown(opened, number=3)

    assert 20 == len(last.rows)
    assert last == shown(opened, number=99)
    assert flat(row_of(rows_of_a_day()[-1])) == flat(last.rows[-1])


@pytest.mark.parametrize(
    ("wanted", "fits"),
    [
        ({"center": "center_01"}, lambda row: row.center_id == "center_01"),
        ({"status": "PKV"}, lambda row: row.insurance_status == "PKV"),
        ({"insurance": "AOK"}, lambda row: row.insurance_name == "AOK"),
        ({"code": "13b"}, lambda row: "13b" in row.service_codes),
        ({"code": "13B"}, lambda _row: False),
        ({"code": "1"}, lambda _row: False),
        ({"patient": "7"}, lambda row: str(row.patient_id) == "7"),
        ({"text": "FÜLLUNG 11"}, lambda row: "Füllung 11" in row.chart_entry),
        ({"text": '"MOD"\n'}, lambda _row: True),
        (
            {"center": "center_02", "status": "GKV", "code": "01"},
            lambda row: (
                row.center_id == "center_02"
                and row.insurance_status == "GKV"
                and "01" in row.service_codes
            ),
        ),
        ({"center": "elsewhere"}, lambda _row: False),
    ],
)
def test_rows_are_filtered_in_the_order_of_the_file(opened, wanted, fits):
    expected = [flat(row_of(row)) for row in rows_of_a_day() if fits(row)]

    found = shown(opened, **wanted)

    assert expected[:PAGE_ROWS] == [flat(one) for one in found.rows]
    assert len(expected) == found.total


def test_a_row_with_a_code_twice_is_shown_once(extension):
    rows = [an_entry(date=DAY, service_codes=("01", "01", "2")), an_entry(date=DAY, entry_id=2)]
    columns = open_columns(extension, render(extension, DAY, rows), 2)

    assert 1 == shown(columns, code="2").total
    assert all(0 < shown(columns, code="01", sort=sort).total <= 2 for sort in ("", "text"))


def test_patients_sort_as_numbers_and_before_texts(opened):
    ascending = [row.patient_id for at in (1, 2, 3) for row in shown_sorted(opened, at)]

    numbers = [int(id_) for id_ in ascending if id_.isdigit()]
    texts = [id_ for id_ in ascending if not id_.isdigit()]
    assert numbers == sorted(numbers)
    assert texts == sorted(texts)
    assert ascending == [*map(str, numbers), *texts]
    descending = shown(opened, sort="patient", descending=True)
    assert max(texts) == descending.rows[0].patient_id


def shown_sorted(columns, number):
    return shown(columns, sort="patient", number=number).rows


@pytest.mark.parametrize("sort", ["center", "patient", "status", "insurance", "text", "codes"])
def test_a_sorted_day_has_all_rows_and_each_once(opened, sort):
    found = [row for at in (1, 2, 3) for row in shown(opened, sort=sort, number=at).rows]

    texts = [row.chart_entry for row in found]
    assert sorted(row.chart_entry for row in rows_of_a_day()) == sorted(texts)


def test_names_sort_as_people_read_them(opened):
    names = [row.insurance_name for row in shown(opened, sort="insurance").rows]

    assert ["AOK", "Ärzteversicherung"] == list(dict.fromkeys(names))


def test_an_empty_day_has_one_empty_page(extension):
    columns = open_columns(extension, render(extension, DAY, []), 0)

    for wanted in ({}, {"center": "x"}, {"sort": "insurance"}, {"code": "01"}, {"text": "x"}):
        found = shown(columns, **wanted)
        assert ((), 0, 1) == (found.rows, found.total, found.pages)


def test_a_day_of_one_row_is_found(extension):
    row = an_entry(date=DAY, service_codes=(), insurance_name=None)
    columns = open_columns(extension, render(extension, DAY, [row]), 1)

    assert (flat(row_of(row)),) == tuple(flat(one) for one in shown(columns).rows)
    assert 1 == shown(columns, sort="codes").total


@pytest.mark.parametrize("content", [b"", b"nothing of the kind\n", b'{"a": 1}\n{}', b"PAR1"])
def test_a_file_of_another_kind_is_refused_without_a_word_of_it(extension, content):
    with pytest.raises(Unreadable) as refused:
        page(open_columns(extension, content, 1), Wanted(sort="text"), Selections())

    assert "nothing of the kind" not in str(refused.value)


def test_what_a_person_is_searched_by_does_not_show():
    assert "4711" not in repr(Wanted(patient="4711", text="4711"))


def written(folder, rows, formats=("csv", "json", "parquet"), **more):
    return files.write(
        Folder(folder), DAY, rows, formats=formats, centers=[], written_at=NOW, **more
    )


def now(days):
    found = days.manifest(DAY)
    assert found is not None
    return found


def test_a_day_stays_open_while_its_files_are_the_same(tmp_path):
    manifest = written(tmp_path, rows_of_a_day())
    days = Days(Folder(tmp_path))

    first = days.open(manifest)

    assert first is days.open(now(days))
    refreshed = files.refresh(
        Folder(tmp_path), manifest, centers=[], written_at=datetime(2026, 1, 2, tzinfo=UTC)
    )
    assert first is days.open(refreshed)
    assert "parquet" == first.extension


def test_a_day_that_was_rewritten_is_opened_anew(tmp_path):
    days = Days(Folder(tmp_path))
    first = days.open(written(tmp_path, rows_of_a_day(10)))

    second = days.open(written(tmp_path, rows_of_a_day(20)))

    assert first.version != second.version
    assert (10, 20) == (first.page(Wanted()).total, second.page(Wanted()).total)


def test_while_a_day_is_written_anew_the_format_that_fits_its_manifest_is_shown(tmp_path):
    manifest = written(tmp_path, rows_of_a_day(10))
    for extension in ("parquet", "csv"):
        name = file_name(DAY, extension)
        (tmp_path / name).write_bytes(render(extension, DAY, rows_of_a_day(20)))

    found = Days(Folder(tmp_path)).open(manifest)

    assert ("json", 10) == (found.extension, found.page(Wanted()).total)


def test_rows_that_no_manifest_speaks_of_are_not_shown(tmp_path):
    manifest = written(tmp_path, rows_of_a_day(10))
    for extension in EVERY_FORMAT:
        name = file_name(DAY, extension)
        (tmp_path / name).write_bytes(render(extension, DAY, rows_of_a_day(20)))

    with pytest.raises(BeingWritten):
        Days(Folder(tmp_path)).open(manifest)


def test_a_reader_with_an_old_manifest_gets_the_new_version(tmp_path):
    old = written(tmp_path, rows_of_a_day(10))
    new = written(tmp_path, rows_of_a_day(20))

    found = Days(Folder(tmp_path)).open(old)

    assert (version_of(new), 20) == (found.version, found.page(Wanted()).total)


def test_days_that_were_not_asked_for_lately_leave_memory(tmp_path):
    manifest = written(tmp_path, rows_of_a_day())
    days = Days(Folder(tmp_path), memory=1)

    first = days.open(manifest)
    other = days.open(written(tmp_path, rows_of_a_day(20)))

    assert other is days.open(now(days))
    assert days.size == other.size
    assert 120 == first.page(Wanted()).total


def test_many_threads_open_a_day_once(tmp_path):
    manifest = written(tmp_path, rows_of_a_day())
    days = Days(Folder(tmp_path))
    found = []
    threads = [threading.Thread(target=lambda: found.append(days.open(manifest))) for _ in range(8)]

    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(10)

    assert 8 == len(found)
    assert 1 == len({id(one) for one in found})


def test_shares_count_each_row_once(extension):
    rows = rows_of_a_day()
    columns = open_columns(extension, render(extension, DAY, rows), len(rows))
    from chartfeed.console.days.shares import shares_of

    found = shares_of(columns)

    assert (120, (40, 40, 40)) == (found.rows, found.by_status)
    assert ["center_01", "center_02"] == [one.center_id for one in found.centers]
    assert [60, 60] == [one.rows for one in found.centers]
    assert (("01", 90), ("13b", 60), ("Ä935", 30)) == found.codes
    assert {("AOK", 40), ("Ärzteversicherung", 40)} == set(found.insurers)
    patients = {(row.center_id, row.patient_id) for row in rows}
    assert len(patients) == found.patients


@pytest.mark.parametrize(
    ("written_as", "offered"),
    [
        (("csv",), {"csv": None}),
        (("json",), {"csv": "json", "json": None, "parquet": "json"}),
        (("parquet",), {"csv": "parquet", "parquet": None}),
        (("csv", "json", "parquet"), {"csv": None, "json": None, "parquet": None}),
    ],
)
def test_a_format_is_offered_where_its_bytes_can_be_the_workers(tmp_path, written_as, offered):
    rows = rows_of_a_day()
    manifest = written(tmp_path, rows, formats=written_as)

    found = download.offers(manifest)

    assert offered == {one.extension: one.made_of for one in found}
    for one in found:
        content = b"".join(download.pieces(Folder(tmp_path), manifest, one))
        assert render(one.extension, DAY, rows) == content


def test_nothing_is_made_of_a_file_that_is_not_the_manifests(tmp_path):
    manifest = written(tmp_path, rows_of_a_day(), formats=("json",))
    (tmp_path / file_name(DAY, "json")).write_bytes(render("json", DAY, rows_of_a_day(20)))
    parquet = download.offers(manifest)[2]

    with pytest.raises(BeingWritten):
        b"".join(download.pieces(Folder(tmp_path), manifest, parquet))


def test_an_empty_day_can_be_had_in_every_format(tmp_path):
    manifest = written(tmp_path, [], formats=("json",))

    for one in download.offers(replace(manifest)):
        content = b"".join(download.pieces(Folder(tmp_path), manifest, one))
        assert render(one.extension, DAY, []) == content
