"""What the validation says of a practice whose mapping is wrong in one place."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

import pytest

from producers import canonical, validation
from producers.mapping import Mapping
from producers.validation import Level, Report
from schemas.insurance import DEFAULT
from tests.contract.sqlserver import Database
from tests.factories import a_mapping

DAY = 20220118
PATIENTS = 40
CODES = ("01", "13b", "Ä935", "1040")
TYPES = {("KASSEN", "ART"): "varchar(10)", ("LEISTUNG", "LEISTUNG"): "nvarchar(20)"}


@dataclass
class Practice:
    """Rows in the domain's order of columns; a test replaces what it is about."""

    types: dict[tuple[str, str], str] = field(default_factory=dict)
    live: dict[str, tuple[str | None, ...]] = field(default_factory=dict)
    patients: Sequence[Sequence[Any]] = field(
        default_factory=lambda: [(id_, "n", "v", 0) for id_ in range(1, PATIENTS + 1)]
    )
    insurers: Sequence[Sequence[Any]] = ((1, "AOK", "1", 0), (2, "Allianz", "P", 0))
    links: Sequence[Sequence[Any]] = field(
        default_factory=lambda: [(id_, id_, 1, 0) for id_ in range(1, PATIENTS + 1)]
    )
    entries: Sequence[Sequence[Any]] = field(
        default_factory=lambda: [(id_, 1 + id_ % PATIENTS, DAY, "x", 0) for id_ in range(200)]
    )
    services: Sequence[Sequence[Any]] = field(
        default_factory=lambda: [
            (id_, 1 + id_ % PATIENTS, DAY, CODES[id_ % 4], 0) for id_ in range(400)
        ]
    )

    @property
    def mapping(self) -> Mapping:
        return a_mapping(types=TYPES | self.types, live=self.live)

    def validated(self, database: Database) -> Report:
        database.run("CREATE SCHEMA ck")
        rows = (self.patients, self.insurers, self.links, self.entries, self.services)
        for table, given in zip(canonical.TABLES, rows, strict=True):
            self._create(database, table, given)
        session = database.session()
        try:
            return validation.validate(
                session.connection, self.mapping, center_name="A", table=DEFAULT
            )
        finally:
            session.close()

    def _create(self, database: Database, table: str, rows: Sequence[Sequence[Any]]) -> None:
        mapped = self.mapping.tables[table]
        columns = ", ".join(
            f"{column.name} {column.type}" + (" PRIMARY KEY" if column.name == "ID" else "")
            for column in mapped.columns.values()
        )
        database.run(f"CREATE TABLE ck.{mapped.name} ({columns})")
        for start in range(0, len(rows), 500):
            values = ", ".join(f"({_literals(row)})" for row in rows[start : start + 500])
            database.run(f"INSERT ck.{mapped.name} VALUES {values}")


def _literals(row: Iterable[Any]) -> str:
    return ", ".join(
        "NULL" if value is None else str(value) if isinstance(value, int) else f"N'{value}'"
        for value in row
    )


def said(report: Report, point: str) -> list[tuple[Level, str]]:
    return [(found.level, found.text) for found in report.findings if found.point == point]


def level(report: Report, point: str) -> Level:
    ranked = [found.level for found in report.findings if found.point == point]
    return next(one for one in (Level.ERROR, Level.WARNING, Level.INFO) if one in ranked)


def test_a_practice_that_is_right_has_no_warning_about_its_data(database: Database) -> None:
    report = Practice().validated(database)

    warned = [found for found in report.findings if found.level is not Level.INFO]
    assert warned == []
    assert report.day is not None
    assert len(report.day.rows) == 200


@pytest.mark.parametrize(
    ("declared", "value", "valid"),
    [
        ("int", 20220118, True),
        ("int", 2022, False),
        ("int", 220118, False),
        ("bigint", 20220118120000, False),
        ("varchar(20)", "20220118", True),
        ("varchar(20)", "20220118  ", True),
        ("char(12)", "20220118", True),
        ("varchar(20)", "20220118120000", False),
        ("varchar(20)", "2022", False),
        ("varchar(20)", "18.01.22", False),
        ("varchar(20)", "20220230", False),
        ("decimal(10,0)", 20220118, True),
        ("nvarchar(40)", "20220118                            x", False),
    ],
)
def test_only_eight_digits_of_the_calendar_are_a_date(
    database: Database, declared: str, value: Any, *, valid: bool
) -> None:
    entries = [(id_, 1 + id_ % PATIENTS, value, "x", 0) for id_ in range(200)]
    report = Practice(types={("KARTEI", "DATUM"): declared}, entries=entries).validated(database)

    expected = (
        (Level.INFO, "100.0 % of 200 dates are valid")
        if valid
        else (Level.ERROR, "0.0 % of 200 dates are valid")
    )
    assert said(report, "KARTEI.DATUM") == [expected]


@pytest.mark.parametrize(
    ("hits", "expected"),
    [
        (0, Level.ERROR),
        (1, Level.ERROR),
        (9, Level.ERROR),
        (10, Level.WARNING),
        (179, Level.WARNING),
        (180, Level.INFO),
    ],
)
def test_a_join_is_as_good_as_the_share_of_its_hits(
    database: Database, hits: int, expected: Level
) -> None:
    entries = [
        (id_, 1 + id_ % PATIENTS if id_ < hits else 1000 + id_, DAY, "x", 0) for id_ in range(200)
    ]
    report = Practice(entries=entries).validated(database)

    assert level(report, "KARTEI.PATNR") is expected


def test_one_hit_is_not_told_as_none(database: Database) -> None:
    entries = [(id_, 1 + id_ * 1000, DAY, "x", 0) for id_ in range(500)]
    report = Practice(entries=entries).validated(database)

    (level_, text), *_ = said(report, "KARTEI.PATNR")
    assert level_ is Level.ERROR
    assert text.startswith("0.2 % of 500 newest values found in PATIENT")


def test_a_quantity_for_a_patient_warns(database: Database) -> None:
    services = [(id_, 1 + id_ % 9, DAY, CODES[id_ % 4], 0) for id_ in range(400)]
    report = Practice(services=services).validated(database)

    assert (Level.WARNING, "9 different values for 40 rows of PATIENT: too few for its ids") in (
        said(report, "LEISTUNG.PATIENTID")
    )
    assert report.errors == ()


def test_a_link_for_each_patient_names_them_all(database: Database) -> None:
    links = [(id_, 1 + id_ % 2, 1, 0) for id_ in range(PATIENTS)]
    report = Practice(links=links).validated(database)

    assert level(report, "PATKASSE.PATNR") is Level.WARNING


@pytest.mark.parametrize("values", [("11", "12", "48"), ("Müller", "Meier", "Schulz"), ("01",)])
def test_services_that_do_not_look_like_codes_warn(
    database: Database, values: Sequence[str]
) -> None:
    services = [(id_, 1 + id_ % PATIENTS, DAY, values[id_ % len(values)], 0) for id_ in range(400)]
    report = Practice(services=services).validated(database)

    assert level(report, "LEISTUNG.LEISTUNG") is Level.WARNING
    assert not any("ller" in found.text for found in report.findings)


def test_a_live_value_that_never_occurs_is_an_error(database: Database) -> None:
    services = [(id_, 1 + id_ % PATIENTS, DAY, CODES[id_ % 4], "N") for id_ in range(400)]
    report = Practice(
        types={("LEISTUNG", "DELKZ"): "varchar(5)"},
        live={"LEISTUNG": ("J", "N", None)},
        services=services,
    ).validated(database)

    errors = [found for found in report.errors if found.point == "LEISTUNG.DELKZ"]
    assert [found.text for found in errors] == ["its live value J is in none of 400 rows"]


def test_live_values_of_a_column_without_any_are_no_error(database: Database) -> None:
    entries = [(id_, 1 + id_ % PATIENTS, DAY, "x", None) for id_ in range(200)]
    report = Practice(live={"KARTEI": ("1", None)}, entries=entries).validated(database)

    assert report.errors == ()


def test_a_practice_without_any_live_entry_is_an_error(database: Database) -> None:
    entries = [(id_, 1 + id_ % PATIENTS, DAY, "x", 1) for id_ in range(200)]
    report = Practice(entries=entries).validated(database)

    assert said(report, "KARTEI.DELKZ") == [
        (Level.ERROR, "100.0 % of 200 rows count as deleted: none would be left")
    ]
