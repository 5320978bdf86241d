"""The statements that make and fill a practice, to the letter."""

from pathlib import Path

import pytest

from deploy.local import practices
from deploy.local.practice import layout, statements
from deploy.local.practices import Request

GOLDEN = Path(__file__).parent.parent / "golden" / "sql"

(PRACTICE,) = practices.plan(Request(count=1, families=("suffixed",)))
LINKS = PRACTICE.table(layout.PATKASSE)
NAMES = [column.name for column in LINKS.columns]

CASES = {
    "practice_create_table": statements.create_table(PRACTICE, LINKS),
    "practice_insert": statements.insert(PRACTICE, LINKS, NAMES),
    "practice_insert_json": statements.insert_json(PRACTICE, LINKS),
    "practice_update": statements.update(PRACTICE, LINKS, NAMES[:2]),
    "practice_delete": statements.delete(PRACTICE, LINKS),
    "practice_recent": statements.recent(PRACTICE, LINKS, 2000),
    "practice_patients": statements.patients(PRACTICE, 2000),
    "practice_one": statements.one(PRACTICE, LINKS),
    "practice_version": statements.version_of(PRACTICE, LINKS),
    "practice_track": ";\n".join(statements.track(PRACTICE)),
    "practice_grant": ";\n".join(statements.grant(PRACTICE, "chartfeed")),
}


@pytest.mark.parametrize("name", CASES)
def test_the_statement_is_the_golden_one(name):
    assert (GOLDEN / f"{name}.sql").read_text(encoding="utf-8") == CASES[name] + "\n"


def test_the_password_is_a_literal_that_nothing_can_leave():
    assert statements.create_login("chart]feed", "a'; DROP LOGIN sa --") == (
        "CREATE LOGIN [chart]]feed] WITH PASSWORD = N'a''; DROP LOGIN sa --'"
    )
