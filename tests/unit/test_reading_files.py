"""Reading is the inverse of rendering, as far as a format keeps what it is given."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.records import UnifiedEntry
from stream_app.files.reading import FileRow, Unreadable, kept, read, row_of
from stream_app.files.rendering import FORMATS, render
from tests.factories import A_DAY, a_unified_entry

TEXTS = st.text(st.characters(codec="utf-8"), max_size=30)
ROWS = st.lists(
    st.builds(
        a_unified_entry,
        center_id=TEXTS,
        center_name=TEXTS,
        patient_id=st.integers(-(2**63), 2**63 - 1) | TEXTS.filter(bool),
        insurance_status=st.sampled_from(["GKV", "PKV", "Selbstzahler"]),
        insurance_name=st.none() | TEXTS,
        chart_entry=TEXTS,
        service_codes=st.lists(TEXTS.filter(bool), max_size=3).map(tuple),
    ),
    max_size=5,
)


def back(extension: str, content: bytes) -> list[FileRow]:
    return list(read(extension, content))


@pytest.mark.parametrize("extension", FORMATS)
@given(rows=ROWS)
def test_what_was_rendered_is_read_back(extension: str, rows: list[UnifiedEntry]) -> None:
    expected = [kept(extension, row_of(row)) for row in rows]

    assert expected == back(extension, render(extension, A_DAY, rows))


@pytest.mark.parametrize("extension", FORMATS)
def test_a_text_longer_than_a_reader_usually_takes_is_read_back(extension: str) -> None:
    rows = [a_unified_entry(chart_entry="a," * 200_000)]

    assert [row_of(rows[0]).chart_entry] == [
        row.chart_entry for row in back(extension, render(extension, A_DAY, rows))
    ]


def cut(content: bytes) -> bytes:
    return content[:-20]


def without_a_line(content: bytes) -> bytes:
    lines = content.splitlines(keepends=True)
    return b"".join(lines[:1] + lines[2:])


def twice(content: bytes) -> bytes:
    return content + content


@pytest.mark.parametrize("damage", [cut, without_a_line, twice])
def test_a_json_file_that_is_damaged_is_said_to_be(damage: Any) -> None:
    content = render("json", A_DAY, [a_unified_entry(entry_id=number) for number in range(3)])

    with pytest.raises(Unreadable):
        back("json", damage(content))


@pytest.mark.parametrize(
    ("extension", "content"),
    [
        ("csv", b""),
        ("csv", b"center_id,date\n"),
        ("csv", b"\xff\xfe"),
        ("json", b""),
        ("json", b"[]"),
        ("json", b'{"record_count":1,"entries":[\n{"a":1}\n]}\n'),
        ("parquet", b"PAR1"),
    ],
)
def test_what_is_no_file_of_a_day_is_not_read(extension: str, content: bytes) -> None:
    with pytest.raises(Unreadable):
        back(extension, content)


def test_no_error_quotes_a_file() -> None:
    content = render("csv", A_DAY, [a_unified_entry(chart_entry='Kühn "Anna"')])

    with pytest.raises(Unreadable) as raised:
        back("csv", content.replace(b'""', b'"', 1))

    assert "Anna" not in str(raised.value)
    assert raised.value.__cause__ is None
