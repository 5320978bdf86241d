"""What preflight finds in facts, and its scripts to the letter."""

from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from producers import canonical, preflight_script
from producers.catalog import Catalog, Column, Table
from producers.preflight import Level, findings
from producers.preflight_facts import DATABASE, TABLE, DatabaseFacts, Facts, TableFacts
from producers.preflight_script import Place
from schemas.errors import BadInput
from tests.factories import a_mapping

GOLDEN = Path(__file__).parent.parent / "golden" / "sql"
PLACE = Place("127.0.0.1,1433", "chartfeed")
ODD = a_mapping(names={"KARTEI": "x]; DROP TABLE y --", "LEISTUNG": "it's [Größe]"})
TEXTS = {
    "preflight_prepare": preflight_script.prepare(a_mapping(), PLACE),
    "preflight_prepare_odd_names": preflight_script.prepare(ODD, replace(PLACE, login="o'neil]")),
    "preflight_undo": preflight_script.undo(a_mapping(), PLACE),
    "preflight_database": DATABASE,
    "preflight_table": TABLE,
}


@pytest.mark.parametrize("case", TEXTS)
def test_a_script_is_its_golden_text(case: str) -> None:
    assert TEXTS[case] == (GOLDEN / f"{case}.sql").read_text(encoding="utf-8")


@pytest.mark.parametrize("name", ["$(HOME)", "a\nGO\n!!ls", "a\r:r x"])
def test_a_name_that_sqlcmd_would_act_upon_is_in_no_script(name: str) -> None:
    for mapping, login in (
        (a_mapping(names={"KASSEN": name}), "chartfeed"),
        (a_mapping(center=name), "chartfeed"),
        (replace(a_mapping(), database=name), "chartfeed"),
        (a_mapping(), name),
    ):
        for script in (preflight_script.prepare, preflight_script.undo):
            with pytest.raises(BadInput, match="can't stand in a script"):
                script(mapping, Place("127.0.0.1", login))


def test_long_names_of_the_same_beginning_have_notes_of_their_own() -> None:
    long = "KARTEI_" + "x" * 120
    mapping = a_mapping(names={"KARTEI": long + "1", "LEISTUNG": long + "2"})

    script = preflight_script.prepare(mapping, PLACE)

    notes = [line.split("@name = ")[1] for line in script.splitlines() if "@name = " in line]
    assert len(notes) == len(set(notes)) == 10
    assert all(len(note) <= 128 for note in notes)


def ready(**changes: Any) -> Facts:
    """Give what a look at a prepared center finds, but for what the caller asks."""
    mapping = a_mapping()
    tables = tuple(
        Table(
            "ck",
            mapping.table(role),
            tuple(
                Column(column.name or "", "int", None, 10, 0, nullable=False)
                if column.type == "int"
                else Column(column.name or "", "nvarchar", 100, 0, 0, nullable=True)
                for column in mapping.tables[role].columns.values()
            ),
            ("ID",),
        )
        for role in canonical.TABLES
    )
    facts = Facts(
        DatabaseFacts(
            snapshots=True,
            sees_identity=True,
            retention=timedelta(days=2),
            auto_cleanup=True,
            skew=timedelta(milliseconds=20),
        ),
        {
            table: TableFacts(
                is_seen=True,
                may_select=True,
                may_view_changes=True,
                is_tracked=table in canonical.TRACKED,
            )
            for table in canonical.TABLES
        },
        Catalog(tables),
    )
    database = {key: changes.pop(key) for key in list(changes) if hasattr(facts.database, key)}
    return replace(facts, database=replace(facts.database, **database), **changes)


def told(facts: Facts) -> dict[str, tuple[str, str | None]]:
    """Give what is not ok."""
    found = findings("DentalDB_07", "chartfeed", facts, a_mapping())
    return {
        finding.check: (str(finding.level), finding.todo)
        for finding in found
        if finding.level is not Level.OK
    }


def test_a_center_that_is_ready_is_all_ok() -> None:
    assert told(ready()) == {}


@pytest.mark.parametrize(
    ("change", "check", "level", "todo"),
    [
        ({"snapshots": False}, "snapshots", "to do", "SET ALLOW_SNAPSHOT_ISOLATION ON;"),
        ({"retention": None}, "tracking", "to do", "SET CHANGE_TRACKING = ON"),
        ({"retention": timedelta(hours=47)}, "retention", "warning", "CHANGE_RETENTION = 2 DAYS"),
        ({"auto_cleanup": False}, "cleanup", "warning", "AUTO_CLEANUP = ON"),
        ({"sees_identity": False}, "identity", "warning", "GRANT VIEW ANY DATABASE"),
        ({"skew": timedelta(seconds=-3)}, "clock", "warning", "w32tm"),
        ({"reads_whole_schema": True}, "rights", "warning", "REVOKE SELECT ON SCHEMA::[ck]"),
    ],
)
def test_what_is_amiss_comes_with_what_mends_it(
    change: dict[str, Any], check: str, level: str, todo: str
) -> None:
    found = told(ready(**change))

    assert list(found) == [check]
    assert found[check][0] == level
    assert todo in (found[check][1] or "")


def tables(**changes: TableFacts) -> dict[str, TableFacts]:
    return (ready().tables or {}) | changes


def test_each_right_that_is_missing_is_named_with_its_grant() -> None:
    blind = TableFacts(is_seen=True, may_select=True, may_view_changes=False, is_tracked=True)

    assert told(ready(tables=tables(KARTEI=blind))) == {
        "rights": (
            "to do",
            "GRANT VIEW CHANGE TRACKING ON OBJECT::[ck].[KARTEI_8Y] TO [chartfeed];",
        )
    }


def test_a_table_that_is_not_tracked_is_named_with_its_statement() -> None:
    untracked = TableFacts(is_seen=True, may_select=True, may_view_changes=True, is_tracked=False)

    assert told(ready(tables=tables(KASSEN=untracked))) == {
        "tracking": ("to do", "ALTER TABLE [ck].[KASSEN_8Y] ENABLE CHANGE_TRACKING;")
    }


def test_of_a_table_that_is_not_seen_only_the_right_is_said() -> None:
    unseen = TableFacts(is_seen=False, may_select=False, may_view_changes=False, is_tracked=False)

    assert set(told(ready(tables=tables(PATIENT=unseen)))) == {"rights"}


def test_a_key_of_two_columns_and_a_schema_that_moved_are_named() -> None:
    facts = ready()
    assert facts.catalog is not None
    moved = tuple(
        replace(table, primary_key=("ID", "DELKZ")) if table.name == "KARTEI_8Y" else table
        for table in facts.catalog.tables
    )

    found = told(replace(facts, catalog=Catalog(moved)))

    assert set(found) == {"keys", "schema"}
    assert found["schema"] == ("to do", "chartfeed mapping diff center_07")


def test_a_clock_that_is_right_is_not_behind_by_nothing() -> None:
    found = findings("ck", "chartfeed", ready(skew=timedelta(milliseconds=-20)), None)

    (clock,) = (one for one in found if one.check == "clock")
    assert clock.text == "the source's clock differs by +0.0 s"
