"""What the sink reads from a value is what the codec reads, and what the files show."""

from datetime import date
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from schemas import topics
from schemas.codec import Decoder
from schemas.errors import SkipRecord
from schemas.records import UnifiedEntry
from stream_app.files.rendering import entry
from stream_app.sink.rows import RowReader
from tests.unified import ENCODE, SCHEMA_ID, Record, an_entry, key_of, schema_of

DECODER = Decoder(UnifiedEntry)
DECODER.learn(SCHEMA_ID, schema_of(SCHEMA_ID))
READER = RowReader(schema_of)

ids = st.one_of(st.integers(-(2**63), 2**63 - 1), st.text("aÄ/1 ", min_size=1, max_size=200))
entries = st.builds(
    an_entry,
    center_id=st.sampled_from(["c", "center_01", "c" * 63, "c" * 64, "c" * 100]),
    center_name=st.text(max_size=80),
    date=st.dates(),
    entry_id=ids,
    patient_id=ids,
    insurance_name=st.none() | st.text(max_size=5),
    chart_entry=st.text(max_size=200),
    service_codes=st.lists(st.text(max_size=3), max_size=4).map(tuple),
)


def read(value: bytes, key: bytes) -> Any:
    return READER.changes(0, [Record(0, key, value)])


@given(entries)
def test_a_row_is_read_as_the_codec_and_the_files_have_it(row: UnifiedEntry) -> None:
    for _ in range(2):  # The second time its head is known.
        found = read(ENCODE(row), key_of(row))

        assert [] == found.unusable
        number = row.entry_id if isinstance(row.entry_id, int) else None
        place = (row.date.toordinal(), row.center_id, str(row.entry_id))
        assert [(*place, number, row.patient_id, entry(row))] == found.rows


@given(
    st.binary(max_size=60)
    | entries.flatmap(
        lambda row: st.tuples(st.integers(5, 60), st.integers(0, 255)).map(
            lambda at: ENCODE(row)[: at[0]] + bytes([at[1]]) + ENCODE(row)[at[0] + 1 :]
        )
    )
)
def test_what_the_codec_refuses_is_refused(damaged: bytes) -> None:
    value = b"\0\0\0\0\7" + damaged[5:]
    try:
        expected = DECODER.decode(value)
        key = topics.unified_key(expected.date, expected.center_id, expected.entry_id)
    except SkipRecord:
        expected, key = None, b"2022-01-18/center_01/1"

    found = read(value, key)

    assert (expected is None) == bool(found.unusable)
    if expected is not None:
        assert entry(expected) == found.rows[0][-1]
        assert isinstance(expected.date, date)
