"""What chartfeed needs of every installation: the tables and columns in the domain's words."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from schemas.ids import Role

__all__ = ["TABLES", "TRACKED", "Column", "Key", "Kind", "columns", "id_columns"]

Key = tuple[str, str]


class Kind(StrEnum):
    """What a column holds."""

    ID = "id"
    DATE = "date"
    TEXT = "text"
    CODE = "code"
    ART = "art"
    NAME = "name"
    PERSON = "person"
    FLAG = "flag"


@dataclass(frozen=True, slots=True)
class Column:
    """A column that is wanted; one that is not `required` may stay open in an approval."""

    kind: Kind
    role: Role | None = None
    refers_to: str | None = None
    required: bool = True


TABLES: dict[str, dict[str, Column]] = {
    "PATIENT": {
        "ID": Column(Kind.ID, Role.PATIENT),
        "P_NAME": Column(Kind.PERSON, required=False),
        "P_VORNAME": Column(Kind.PERSON, required=False),
        "DELKZ": Column(Kind.FLAG, required=False),
    },
    "KASSEN": {
        "ID": Column(Kind.ID, Role.INSURER),
        "NAME": Column(Kind.NAME),
        "ART": Column(Kind.ART),
        "DELKZ": Column(Kind.FLAG, required=False),
    },
    "PATKASSE": {
        "ID": Column(Kind.ID, Role.LINK),
        "PATNR": Column(Kind.ID, Role.PATIENT, refers_to="PATIENT"),
        "KASSENID": Column(Kind.ID, Role.INSURER, refers_to="KASSEN"),
        "DELKZ": Column(Kind.FLAG),
    },
    "KARTEI": {
        "ID": Column(Kind.ID, Role.ENTRY),
        "PATNR": Column(Kind.ID, Role.PATIENT, refers_to="PATIENT"),
        "DATUM": Column(Kind.DATE),
        "BEMERKUNG": Column(Kind.TEXT),
        "DELKZ": Column(Kind.FLAG),
    },
    "LEISTUNG": {
        "ID": Column(Kind.ID, Role.SERVICE),
        "PATIENTID": Column(Kind.ID, Role.PATIENT, refers_to="PATIENT"),
        "DATUM": Column(Kind.DATE),
        "LEISTUNG": Column(Kind.CODE),
        "DELKZ": Column(Kind.FLAG),
    },
}
TRACKED = ("KASSEN", "PATKASSE", "KARTEI", "LEISTUNG")


def columns() -> list[Key]:
    """Give every (table, column) in the domain's order."""
    return [(table, column) for table, wanted in TABLES.items() for column in wanted]


def id_columns(role: Role) -> list[Key]:
    """Give every column that holds ids of that role."""
    return [(table, column) for table, column in columns() if TABLES[table][column].role is role]
