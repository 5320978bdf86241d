"""Small schemas for tests of discovery: the five tables, changed by what a trap says."""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from producers.catalog import Catalog, Table
from tests.unit.discovery.in_memory import Center, Row, a_column

TRAPS = Path(__file__).parent / "traps"
TABLES = {
    "PATIENT": {
        "ID": "int",
        "P_NAME": "nvarchar(100)",
        "P_VORNAME": "nvarchar(100)",
        "DELKZ": "bit",
    },
    "KASSEN": {"ID": "int", "NAME": "nvarchar(100)", "ART": "char(1)", "DELKZ": "bit"},
    "PATKASSE": {"ID": "int", "PATNR": "int", "KASSENID": "int", "DELKZ": "bit"},
    "KARTEI": {
        "ID": "int",
        "PATNR": "int",
        "DATUM": "int",
        "BEMERKUNG": "nvarchar(500)",
        "DELKZ": "bit",
    },
    "LEISTUNG": {
        "ID": "int",
        "PATIENTID": "int",
        "DATUM": "int",
        "LEISTUNG": "varchar(20)",
        "DELKZ": "bit",
    },
}
ROWS = {"PATIENT": 40, "KASSEN": 60, "PATKASSE": 50, "KARTEI": 200, "LEISTUNG": 160}
GIVEN = ("Anna", "Lukas", "Maria", "Jonas", "Sophie", "Peter")
FAMILY = ("Müller", "Schmidt", "Weber", "Fischer", "Wagner", "Huber")
TEXTS = ("Füllung 16 mod, Kofferdam", "Kontrolle, Zahnstein entfernt", "Lokalanästhesie, 36")
CODES = ("01", "1040", "13b", "Ä935", "2060")
Maker = Callable[[random.Random, int], object]

VALUES: Mapping[str, Maker] = {
    "number": lambda _, at: at + 1,
    "patient": lambda luck, _: luck.randint(1, 40),
    "insurer": lambda luck, _: luck.randint(1, 60),
    "given": lambda luck, _: luck.choice(GIVEN),
    "family": lambda luck, _: luck.choice(FAMILY),
    "insurer-name": lambda _, at: f"Krankenkasse Nr. {at}",
    "art": lambda luck, _: luck.choice("P123456789BCD"),
    "day": lambda luck, _: 20220000 + 100 * luck.randint(1, 12) + luck.randint(1, 28),
    "text": lambda luck, _: luck.choice(TEXTS),
    "code": lambda luck, _: luck.choice(CODES),
    "flag": lambda luck, _: int(luck.random() < 0.05),
    "active-letter": lambda luck, _: "N" if luck.random() < 0.05 else "J",
    "active": lambda luck, _: int(luck.random() > 0.05),
    "clock": lambda luck, _: f"{luck.randint(8, 18):02d}:15",
    "small": lambda luck, _: luck.randint(1, 9),
    "nothing": lambda _luck, _at: None,
    "blank": lambda _luck, _at: "",
    "rare-day": lambda _luck, at: None if at % 60 else 20220118,
}
MADE = {
    "ID": "number",
    "P_NAME": "family",
    "P_VORNAME": "given",
    "NAME": "insurer-name",
    "ART": "art",
    "PATNR": "patient",
    "PATIENTID": "patient",
    "KASSENID": "insurer",
    "DATUM": "day",
    "BEMERKUNG": "text",
    "LEISTUNG": "code",
    "DELKZ": "flag",
}


@dataclass(frozen=True)
class Plan:
    """A table to make: actual column names with types and what fills them."""

    name: str
    columns: tuple[tuple[str, str, str], ...]
    rows: int
    key: tuple[str, ...]
    schema: str = "ck"


def five(rename: Mapping[str, str] | None = None, schema: str = "ck") -> list[Plan]:
    """Plan the five tables; `rename` maps KARTEI and KARTEI.DATUM to other names."""
    rename = rename or {}
    return [
        Plan(
            name=rename.get(role, role),
            columns=tuple(
                (rename.get(f"{role}.{key}", key), declared, MADE[key])
                for key, declared in columns.items()
            ),
            rows=ROWS[role],
            key=(rename.get(f"{role}.ID", "ID"),),
            schema=schema,
        )
        for role, columns in TABLES.items()
    ]


def center(plans: list[Plan], seed: int = 1, **more: Any) -> Center:
    """Make a center of planned tables; the same seed gives the same values."""
    tables, rows = [], {}
    for plan in plans:
        luck = random.Random(f"{seed} {plan.schema} {plan.name}")
        columns = tuple(
            a_column(name, declared, nullable=name not in plan.key)
            for name, declared, _ in plan.columns
        )
        tables.append(Table(plan.schema, plan.name, columns, plan.key, plan.rows))
        makers = [VALUES[made] for _, _, made in plan.columns]
        made: list[Row] = [tuple(make(luck, at) for make in makers) for at in range(plan.rows)]
        rows[plan.schema, plan.name] = made
    return Center(Catalog(tuple(tables)), rows, **more)


@dataclass(frozen=True)
class Trap:
    """One thing that goes wrong easily, and what must come out."""

    name: str
    center: Center
    names: Mapping[str, str | None]
    rivals: Mapping[str, list[str]]
    live: Mapping[str, list[str | None]]
    below: Mapping[str, float]
    above: Mapping[str, float]


def trap(path: Path) -> Trap:
    """Read a trap file."""
    data = yaml.safe_load(path.read_text(encoding="utf-8"))
    plans = five(data.get("rename"))
    by_name = {plan.name: plan for plan in plans}
    for name, table in data.get("tables", {}).items():
        like = by_name.get(table.get("like", ""))
        columns = like.columns if like else ()
        given = tuple(
            (column, *text.split(maxsplit=1)) for column, text in table["columns"].items()
        )
        by_name[name] = Plan(
            name=name,
            columns=tuple(
                (column, declared, made) for column, declared, made in (*columns, *given)
            ),
            rows=table.get("rows", like.rows if like else 20),
            key=tuple(table.get("key", like.key if like else ("ID",))),
            schema=table.get("schema", "ck"),
        )
    for name in data.get("without", ()):
        del by_name[name]
    expected = data["expect"]
    return Trap(
        name=path.stem,
        center=center(list(by_name.values()), chosen=data.get("chosen", {})),
        names=expected.get("names", {}),
        rivals=expected.get("rivals", {}),
        live=expected.get("live", {}),
        below=expected.get("below", {}),
        above=expected.get("above", {}),
    )
