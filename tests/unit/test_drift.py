"""What moved in a live schema, in words."""

from dataclasses import replace

import pytest

from producers import canonical, drift
from producers.catalog import Catalog, Column, Table
from tests.factories import a_mapping
from tests.unit.discovery.in_memory import a_column


def live() -> dict[str, Table]:
    mapping = a_mapping()
    tables = {}
    for role in canonical.TABLES:
        columns = tuple(
            a_column(str(column.name), str(column.type))
            for column in mapping.tables[role].columns.values()
        )
        tables[role] = Table("ck", mapping.table(role), columns, ("ID",), 5)
    return tables


def differences(tables: dict[str, Table]) -> list[str]:
    return drift.differences(a_mapping(), Catalog(tuple(tables.values())))


def changed(role: str, *columns: Column) -> dict[str, Table]:
    """Give the tables with some columns of one replaced by name."""
    tables = live()
    by_name = {column.name: column for column in columns}
    new = tuple(by_name.get(column.name, column) for column in tables[role].columns)
    return tables | {role: replace(tables[role], columns=new)}


def test_what_did_not_move_fits() -> None:
    assert differences(live()) == []


def test_more_columns_tables_and_rows_are_no_drift() -> None:
    tables = live()
    kartei = tables["KARTEI"]
    tables["KARTEI"] = replace(kartei, columns=(*kartei.columns, a_column("X", "int")), rows=9)
    tables["OTHER"] = Table("ck", "OTHER", ())
    assert differences(tables) == []


def test_a_column_of_another_type_is_named() -> None:
    tables = changed("KARTEI", a_column("DATUM_7M", "varchar(8)"))
    assert differences(tables) == [
        "column KARTEI_8Y.DATUM_7M (KARTEI.DATUM) is varchar(8), was int"
    ]


@pytest.mark.parametrize("role", list(canonical.TABLES))
def test_a_table_that_is_gone_is_named(role: str) -> None:
    tables = live()
    del tables[role]
    assert differences(tables) == [f"table {role}_8Y ({role}) is gone"]


def test_a_column_that_is_gone_is_named() -> None:
    tables = live()
    tables["LEISTUNG"] = replace(tables["LEISTUNG"], columns=tables["LEISTUNG"].columns[1:])
    assert differences(tables) == ["column LEISTUNG_8Y.ID (LEISTUNG.ID) is gone"]


def test_another_primary_key_is_named() -> None:
    tables = live()
    tables["KASSEN"] = replace(tables["KASSEN"], primary_key=("ID", "NAME_7M"))
    assert differences(tables) == ["the primary key of KASSEN_8Y (KASSEN) is ID, NAME_7M, was ID"]


def test_a_table_in_another_schema_is_another_table() -> None:
    tables = live()
    tables["KARTEI"] = replace(tables["KARTEI"], schema="alt")
    assert differences(tables) == ["table KARTEI_8Y (KARTEI) is gone"]
