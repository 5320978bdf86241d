"""What discovery and validation ask a server, to the letter."""

from pathlib import Path

import pytest

from producers import survey_statements, validation_statements
from producers.catalog import Table
from producers.discovery.inclusion import Link
from tests.factories import a_mapping
from tests.unit.discovery.in_memory import a_column

GOLDEN = Path(__file__).parent.parent / "golden" / "sql"
KARTEI = Table(
    "ck",
    "KARTEI]; DROP TABLE x --",
    (
        a_column("ID", "int", nullable=False),
        a_column("PATNR 'ä'", "varchar(20)"),
        a_column("BEMERKUNG", "nvarchar(max)"),
        a_column("ERFASST", "datetime"),
    ),
    ("ID",),
)
PATIENT = Table("ck", "PATIENT", (a_column("ID", "int", nullable=False),), ("ID",))
LINK = Link("ck", KARTEI.name, "PATNR 'ä'", "PATIENT", "ID")
MAPPING = a_mapping()

CASES = {
    "survey_catalog": survey_statements.CATALOG,
    "survey_live": survey_statements.live(2),
    "survey_sample": survey_statements.sample(KARTEI, 500),
    "survey_examples": survey_statements.examples(KARTEI, "BEMERKUNG"),
    "survey_links": survey_statements.links([(LINK, KARTEI, PATIENT)] * 2, 500),
    "validate_rows": validation_statements.ROWS,
    "validate_joined": validation_statements.joined(MAPPING, "KARTEI", "PATNR", "PATIENT"),
    "validate_spread": validation_statements.spread(MAPPING, "KARTEI", "PATNR", "PATIENT"),
    "validate_codes": validation_statements.codes(MAPPING),
    "validate_days": validation_statements.days(MAPPING, "KARTEI"),
    "validate_arts": validation_statements.arts(MAPPING),
    "validate_deleted": validation_statements.deleted(MAPPING, "KARTEI"),
    "validate_latest_days": validation_statements.latest_days(MAPPING),
    "validate_not_whole": validation_statements.not_whole(MAPPING, "KARTEI", "PATNR"),
}


@pytest.mark.parametrize("name", CASES)
def test_a_statement_is_golden(name: str) -> None:
    golden = (GOLDEN / f"{name}.sql").read_text(encoding="utf-8")
    assert CASES[name].rstrip("\n") + "\n" == golden
