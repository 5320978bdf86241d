"""What lies in the generated tables; nothing here touches a server."""

from __future__ import annotations

import datetime as dt
import hashlib

import pytest

from deploy.local import practices
from deploy.local.practice import baseline, content, fillers, layout
from deploy.local.practices import Request


def a_practice(**asked):
    return practices.plan(Request(**{"count": 1, "families": ("suffixed",), **asked}))[0]


def canonical(practice):
    return {
        role: [
            dict(zip([layout.split(spec)[0] for spec in layout.COLUMNS[role]], row, strict=True))
            for row in rows
        ]
        for role, rows in content.of(practice).items()
    }


def digest(practice):
    found = hashlib.sha256()
    for table, rows in fillers.rows(practice):
        found.update(repr((table.name, list(rows))).encode())
    return found.hexdigest()


@pytest.mark.parametrize("day", baseline.DAYS)
@pytest.mark.parametrize("number", [1, 17, 31])
def test_a_baseline_day_holds_the_rows_of_the_example_and_no_others(day, number):
    tables = canonical(practices.plan(Request())[number - 1])
    insurers = {row["ID"]: row for row in tables["KASSEN"]}

    def insurer(patient):
        links = [r for r in tables["PATKASSE"] if r["PATNR"] == patient and not r["DELKZ"]]
        return insurers[max(links, key=lambda row: row["ID"])["KASSENID"]]

    def codes(patient):
        return [
            row["LEISTUNG"]
            for row in tables["LEISTUNG"]
            if (row["PATIENTID"], row["DATUM"]) == (patient, day)
        ]

    entries = [row for row in tables["KARTEI"] if row["DATUM"] == day]

    assert [
        (row["PATNR"], insurer(row["PATNR"])["NAME"], insurer(row["PATNR"])["ART"] == "P")
        for row in entries
    ] == [
        (1, "AOK Bayern", False),
        (1, "AOK Bayern", False),
        (2, "DAK Gesundheit", False),
        (3, "Techniker Krankenkasse", False),
        (4, "PRIVAT", True),
        (5, "Barmer", False),
    ]
    assert len({row["BEMERKUNG"] for row in entries}) == 6
    assert not any(row["DELKZ"] for row in entries)
    assert [codes(patient) for patient in baseline.PATIENTS] == [
        ["01", "1040"],
        ["13b"],
        ["Ä935"],
        [],
        [],
    ]


def test_the_baseline_is_there_though_the_years_end_before_it():
    tables = canonical(a_practice(end=dt.date(2020, 5, 1), years=1))

    assert sum(row["DATUM"] == 20220118 for row in tables["KARTEI"]) == 6


def test_the_same_seed_gives_the_same_rows_and_another_seed_others():
    assert digest(a_practice()) == digest(a_practice())
    assert digest(a_practice()) != digest(a_practice(seed=2))


def test_ids_are_unique_and_rise():
    for rows in content.of(a_practice()).values():
        keys = [int(str(row[0])) for row in rows]
        assert keys == sorted(set(keys))


def test_dates_exist_unless_flaws_are_asked_for():
    def impossible(practice):
        found = 0
        for row in canonical(practice)["KARTEI"]:
            try:
                dt.datetime.strptime(str(row["DATUM"]), "%Y%m%d")  # noqa: DTZ007 - a day
            except ValueError:
                found += 1
        return found

    assert impossible(a_practice()) == 0
    assert impossible(a_practice(flaws=7)) == 7


def test_content_has_what_a_practice_has():
    tables = canonical(a_practice(patients=400))
    kinds = {str(row["ART"]).strip().upper() for row in tables["KASSEN"]}
    links = [row["PATNR"] for row in tables["PATKASSE"]]
    texts = [row["BEMERKUNG"] for row in tables["KARTEI"]]

    assert {"P", "1", "B", "C", "D", "NONE"} <= kinds
    assert len(links) > len(set(links))
    assert {row["ID"] for row in tables["PATIENT"]} - set(links)
    assert any(row["DELKZ"] == 1 for row in tables["KARTEI"])
    assert None in texts
    assert any(text and text.endswith(",") for text in texts)
    assert any(text and "ü" in text for text in texts)
    assert len(tables["KASSEN"]) == 300


def test_a_center_without_unicode_holds_only_what_windows_1252_has():
    old = [p for p in practices.plan(Request()) if not p.traits.unicode]

    assert old
    for practice in old[:3]:
        for _, rows in fillers.rows(practice):
            for row in rows:
                for value in row:
                    if isinstance(value, str):
                        value.encode("cp1252")


def test_text_fits_its_column():
    for practice in practices.plan(Request(count=8)):
        for table, rows in fillers.rows(practice):
            widths = [
                int(found) if (found := column.type.partition("(")[2].rstrip(")")).isdigit() else 0
                for column in table.columns
            ]
            for row in rows:
                for value, width in zip(row, widths, strict=True):
                    if isinstance(value, str) and width:
                        assert len(value.encode("utf-16-le")) // 2 <= width


def test_names_of_people_lie_in_patient_and_nowhere_else():
    practice = a_practice()
    patients = canonical(practice)["PATIENT"]
    people = {(row["P_NAME"], row["P_VORNAME"]) for row in patients}
    names = {name for person in people for name in person} - {"Weiß", "Groß", "Mia", "Tim"}

    for table, rows in fillers.rows(practice):
        if table.role != layout.PATIENT:
            words = {value for row in rows for value in row if isinstance(value, str)}
            assert not words & names


def test_flags_that_are_turned_around_are_stored_that_way():
    for practice in practices.plan(Request(count=20, families=("synonyms",))):
        column = practice.table("KARTEI").column("DELKZ")
        live, dead = column.store.stored(0), column.store.stored(1)
        assert (column.store.canonical(live), column.store.canonical(dead)) == (0, 1)
        if column.store.live:
            assert str(live) in column.store.live


def test_most_rows_of_a_large_catalogue_have_names_of_their_own():
    names = [row["NAME"] for row in canonical(a_practice(insurers=5000))["KASSEN"]]

    assert len(names) == 5000
    assert len(set(names)) > 4900


def test_patients_may_have_numbers_of_another_system():
    practice = a_practice(foreign_ids=True)
    stored = {
        table.role: [dict(zip([c.name for c in table.columns], row, strict=True)) for row in rows]
        for table, rows in fillers.rows(practice)
        if table.role
    }

    def patients(role, canonical_name):
        column = practice.table(role).column(canonical_name)
        assert column.type == "varchar(20)"
        return {row[column.name] for row in stored[role]}

    everybody = patients("PATIENT", "ID")
    assert {"1", "2", "3", "4", "5", "6/A52"} <= everybody
    assert patients("PATKASSE", "PATNR") <= everybody
    assert patients("KARTEI", "PATNR") & everybody
    assert patients("LEISTUNG", "PATIENTID") & everybody
    store = practice.table("KARTEI").column("PATNR").store
    assert [store.canonical(store.stored(number)) for number in (1, 5, 6, 77)] == [1, 5, 6, 77]
