"""A name is found however it is written down, so that finding none means something."""

import json

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from tests.names import artefacts, leaks

NAME = "Günther"


def test_a_word_is_found_in_every_spelling_that_a_process_may_leave():
    said = {
        "text": f"a line of {NAME}'s".encode(),
        "windows": NAME.encode("cp1252"),
        "wire": NAME.encode("utf-16-le"),
        "json": json.dumps({"who": NAME}).encode(),
        "json in json": json.dumps(json.dumps({"who": NAME})).encode(),
        "bytes": repr(NAME.encode()).encode(),
        "ascii": ascii(NAME).encode(),
    }

    assert (len(said), list(said)) == leaks([NAME], said.items())


def test_what_is_not_there_is_not_found():
    assert (2, []) == leaks([NAME], [("a", b"G\\u00fcnter"), ("b", b"")])


@pytest.mark.parametrize("compression", ["zstd", "snappy"])
def test_a_parquet_file_is_searched_as_what_it_holds(tmp_path, compression):
    rows = {"chart_entry": [f"{NAME} {number}" for number in range(2000)]}
    path = tmp_path / "day.parquet"
    pq.write_table(pa.table(rows), path, compression=compression, use_dictionary=False)

    assert (1, ["day.parquet"]) == leaks([f"{NAME} 1234"], artefacts(tmp_path))
    assert (1, []) == leaks([f"{NAME} 2001"], artefacts(tmp_path))
