"""The list of invariants names code that cites them, and tests that exist."""

import re
from pathlib import Path

import pytest

from tests.mutations import MISTAKES

ROOT = Path(__file__).resolve().parents[2]
ROWS = [
    [cell.strip() for cell in line.strip("|\n").split("|")]
    for line in (ROOT / "docs" / "invariants.md").read_text("utf-8").splitlines()
    if re.match(r"\| \d+ \|", line)
]


def paths(cell):
    return re.findall(r"`([^`]+\.py)`", cell)


def test_all_ten_are_listed():
    assert [str(number) for number in range(1, 11)] == [row[0] for row in ROWS]


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row[0])
def test_each_is_cited_where_it_is_enforced(row):
    number, _, enforced, _ = row

    assert paths(enforced)
    for path in paths(enforced):
        cited = re.search(
            rf"[Ii]nvariants? [\d, and]*\b{number}\b", (ROOT / path).read_text("utf-8")
        )
        assert cited, f"{path} does not cite invariant {number}"


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row[0])
def test_each_has_tests(row):
    assert paths(row[3])
    for path in paths(row[3]):
        assert (ROOT / path).is_file(), f"{path} is not there"


@pytest.mark.parametrize("mistake", MISTAKES, ids=lambda one: f"{one.invariant}-{one.path}")
def test_each_mistake_can_still_be_made(mistake):
    assert 1 == (ROOT / mistake.path).read_text("utf-8").count(mistake.right)
    assert mistake.right != mistake.wrong
    for test in mistake.tests:
        path, _, name = test.partition("::")
        assert f"def {name}" in (ROOT / path).read_text("utf-8")
