"""Which schema the tables are in is found, or left open."""

from dataclasses import replace

from tests.unit.discovery.in_memory import names
from tests.unit.discovery.schemas import Plan, center, five
from tests.unit.discovery.test_properties import nameless


def smaller(plans: list[Plan], part: int) -> list[Plan]:
    return [replace(plan, rows=plan.rows // part) for plan in plans]


def empty(plans: list[Plan]) -> list[Plan]:
    return [replace(plan, rows=0) for plan in plans]


def test_the_schema_is_found_beside_others() -> None:
    other = Plan("EINSTELLUNG", (("ID", "int", "number"),), 3, ("ID",), "dbo")
    mapping = center([*five(schema="praxis"), other]).propose()
    assert mapping.schema == "praxis"


def test_two_whole_sets_of_tables_leave_the_schema_open() -> None:
    mapping = center([*five(schema="ck"), *five(schema="archiv")]).propose()
    assert set(names(mapping).values()) == {None}
    assert mapping.schema_rivals == ("archiv", "ck")


def test_an_empty_copy_with_clean_names_is_not_the_schema() -> None:
    plans = [*five(nameless(1)), *empty(five(schema="backup"))]
    mapping = center(plans).propose()
    assert mapping.schema == "ck"
    assert mapping.tables["KARTEI"].name == nameless(1)["KARTEI"]


def test_a_small_copy_with_clean_names_leaves_the_schema_open() -> None:
    plans = [*five(nameless(1)), *smaller(five(schema="backup"), 10)]
    mapping = center(plans).propose()
    assert mapping.schema is None
    assert mapping.schema_rivals == ("backup", "ck")


def test_an_empty_copy_beside_full_tables_of_the_same_names_is_not_the_schema() -> None:
    mapping = center([*five(schema="ck"), *empty(five(schema="archiv"))]).propose()
    assert mapping.schema == "ck"


def test_other_tables_in_another_schema_leave_a_named_one_chosen() -> None:
    small = [replace(plan, schema="dbo", rows=1) for plan in five(nameless(2))]
    mapping = center([*five(schema="praxis"), *small]).propose()
    assert mapping.schema == "praxis"


def test_two_schemas_without_rows_are_told_apart_by_names() -> None:
    plans = [*empty(five(schema="praxis")), *empty(five(nameless(2), schema="dbo"))]
    assert center(plans).propose().schema == "praxis"


def test_a_chosen_schema_decides() -> None:
    plans = [*five(schema="ck"), *five(schema="archiv")]
    mapping = center(plans, chosen={"schema": "archiv"}).propose()
    assert mapping.schema == "archiv"
    assert mapping.table("KARTEI") == "KARTEI"


def test_a_chosen_table_brings_its_columns() -> None:
    plans = five({"KARTEI": "KARTEI_8Y", "KARTEI.DATUM": "DATUM_1Q", "PATIENT": "PATIENT_2"})
    mapping = center(plans, chosen={"KARTEI": "KARTEI_8Y"}).propose()
    assert mapping.column("KARTEI", "DATUM") == "DATUM_1Q"


def test_nothing_at_all_gives_nothing() -> None:
    mapping = center([]).propose()
    assert set(names(mapping).values()) == {None}


def test_a_chosen_table_that_is_not_there_leaves_its_role_open() -> None:
    mapping = center(five(), chosen={"KARTEI": "KARTEI_NO"}).propose()
    assert mapping.tables["KARTEI"].name is None
    assert mapping.tables["KARTEI"].evidence == ("KARTEI_NO is not there",)


def test_a_chosen_column_that_is_not_there_leaves_it_open() -> None:
    mapping = center(five(), chosen={"KARTEI.DATUM": "NO"}).propose()
    assert mapping.tables["KARTEI"].columns["DATUM"].name is None
