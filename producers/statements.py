"""Every statement that reads a center's rows, built from its mapping.

Identifiers come through `quoting` and nothing else; values are parameters. No statement here names
a column of PATIENT, so no patient's name leaves the source (invariant 10). The texts for an example
mapping are kept under tests/golden/sql.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from producers import canonical, quoting
from producers.rows import COLUMNS
from schemas import dates
from schemas.errors import BadInput
from schemas.ids import IdType, Role

if TYPE_CHECKING:
    from datetime import date

    from producers.mapping import Mapping

__all__ = ["Statement", "column", "day", "select_list", "span", "table"]

INTEGERS: Final = frozenset({"tinyint", "smallint", "int", "bigint", "decimal", "numeric"})
TEXTS: Final = frozenset({"char", "varchar", "nchar", "nvarchar"})


@dataclass(frozen=True, slots=True)
class Statement:
    """A text and what is bound to it; a text's values carry their column's own type."""

    text: str
    parameters: tuple[int | str, ...] = ()


def table(mapping: Mapping, name: str) -> str:
    """Give a table of the domain as the center calls it, quoted."""
    return quoting.qualified(mapping.schema_name(), mapping.table(name))


def column(mapping: Mapping, table_name: str, name: str) -> str:
    """Give a column of the domain as the center calls it, quoted."""
    return quoting.name(mapping.column(table_name, name))


def select_list(mapping: Mapping, table_name: str, alias: str) -> str:
    """Give a table's columns in the order in which `rows` reads them."""
    return ", ".join(f"{alias}.{column(mapping, table_name, name)}" for name in COLUMNS[table_name])


def day(mapping: Mapping, wanted: date, *, snapshot: bool = True) -> Statement:
    """Give the one batch that reads a day: clock, version, entries with insurance, services.

    The clock comes first, so nothing committed before it can be missing. An entry comes once
    for each link of its patient, and ids are compared as loosely as the server likes: which of
    the rows belong together is decided where ids have one type.
    """
    entry_patient = _comparable(mapping, "k", "KARTEI", "PATNR")
    link_patient = _comparable(mapping, "p", "PATKASSE", "PATNR")
    link_insurer = _comparable(mapping, "p", "PATKASSE", "KASSENID")
    insurer = _comparable(mapping, "s", "KASSEN", "ID")
    lines = [
        "SELECT SYSUTCDATETIME();",
        f"SELECT {'CHANGE_TRACKING_CURRENT_VERSION()' if snapshot else 'NULL'};",
        f"SELECT {select_list(mapping, 'KARTEI', 'k')},",
        f"  {select_list(mapping, 'PATKASSE', 'p')},",
        f"  {select_list(mapping, 'KASSEN', 's')}",
        f"FROM {table(mapping, 'KARTEI')} AS k",
        f"LEFT JOIN {table(mapping, 'PATKASSE')} AS p ON {link_patient} = {entry_patient}",
        f"LEFT JOIN {table(mapping, 'KASSEN')} AS s ON {insurer} = {link_insurer}",
        f"WHERE k.{column(mapping, 'KARTEI', 'DATUM')} = ?;",
        f"SELECT {select_list(mapping, 'LEISTUNG', 'l')}",
        f"FROM {table(mapping, 'LEISTUNG')} AS l",
        f"WHERE l.{column(mapping, 'LEISTUNG', 'DATUM')} = ?;",
    ]
    if snapshot:
        lines = ["BEGIN TRANSACTION;", *lines, "COMMIT TRANSACTION;"]
    level = "SNAPSHOT" if snapshot else "READ COMMITTED"
    return Statement(
        "\n".join(["SET NOCOUNT ON;", f"SET TRANSACTION ISOLATION LEVEL {level};", *lines, ""]),
        (_date_value(mapping, "KARTEI", wanted), _date_value(mapping, "LEISTUNG", wanted)),
    )


def span(
    mapping: Mapping, table_name: str, first: date | None = None, last: date | None = None
) -> Statement:
    """Give the statement that reads a table's rows, all of them or those of some days."""
    lines = [
        f"SELECT {select_list(mapping, table_name, 't')}",
        f"FROM {table(mapping, table_name)} AS t",
    ]
    parameters: tuple[int | str, ...] = ()
    if first is not None and last is not None and "DATUM" in COLUMNS[table_name]:
        lines.append(f"WHERE t.{column(mapping, table_name, 'DATUM')} BETWEEN ? AND ?")
        parameters = (
            _date_value(mapping, table_name, first),
            _date_value(mapping, table_name, last),
        )
    return Statement("\n".join(lines) + ";\n", parameters)


def _date_value(mapping: Mapping, table_name: str, wanted: date) -> int | str:
    value = dates.yyyymmdd(wanted)
    return value if _family(mapping, table_name, "DATUM") is IdType.INTEGER else str(value)


def _family(mapping: Mapping, table_name: str, name: str) -> IdType | None:
    """Tell whether a column holds numbers or texts, None for anything else."""
    type_ = mapping.tables[table_name].columns[name].type or ""
    word = type_.partition("(")[0].strip().lower()
    if word in INTEGERS:
        return IdType.INTEGER
    if word in TEXTS:
        return IdType.TEXT
    if name == "DATUM":
        raise BadInput(
            f"{mapping.center}: {table_name}.DATUM has the type {type_!r}, not int or varchar",
            hint=f"chartfeed mapping diff {mapping.center}",
        )
    return None


def _comparable(mapping: Mapping, alias: str, table_name: str, name: str) -> str:
    """Give an id column so that it compares with the role's other columns without an error."""
    plain = f"{alias}.{column(mapping, table_name, name)}"
    role = canonical.TABLES[table_name][name].role or Role.PATIENT
    family = _family(mapping, table_name, name)
    if mapping.id_type(role) is IdType.INTEGER:
        return plain if family is IdType.INTEGER else f"TRY_CONVERT(bigint, {plain})"
    columns = [key for key in canonical.id_columns(role) if key[0] in COLUMNS]
    if family is IdType.TEXT or len({_family(mapping, *key) for key in columns}) == 1:
        return plain
    return f"CONVERT(nvarchar(100), {plain})"
