"""Which schema the tables are in is found, or left open."""

from tests.unit.discovery.in_memory import names
from tests.unit.discovery.schemas import Plan, center, five


def test_the_schema_is_found_beside_others() -> None:
    other = Plan("EINSTELLUNG", (("ID", "int", "number"),), 3, ("ID",), "dbo")
    mapping = center([*five(schema="praxis"), other]).propose()
    assert mapping.schema == "praxis"


def test_two_whole_sets_of_tables_leave_the_schema_open() -> None:
    mapping = center([*five(schema="ck"), *five(schema="archiv")]).propose()
    assert set(names(mapping).values()) == {None}
    assert mapping.schema_rivals == ("archiv", "ck")


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
