"""One center as planned: its names, its schema, its traits; nothing of it has been made yet."""

from __future__ import annotations

import random
from collections.abc import Iterable
from dataclasses import dataclass, replace
from itertools import islice

from deploy.local.practice import decoys, layout
from deploy.local.practice.centers import place
from deploy.local.practice.dice import dice, pick
from deploy.local.practice.layout import Column, Store, Table, Traits
from deploy.local.practice.naming import ACTIVE, Namer, namer, suffix
from deploy.local.practice.request import Request


@dataclass(frozen=True, slots=True)
class Practice:
    """A center of the request with all names it will have; tables in order of creation.

    `rivals` names, by canonical name (`KARTEI`, `KARTEI.DATUM`), what could be mistaken for it.
    """

    number: int
    center_id: str
    name: str
    city: str
    database: str
    family: str
    schema: str
    traits: Traits
    tables: tuple[Table, ...]
    rivals: tuple[tuple[str, str], ...]
    request: Request

    def table(self, role: str) -> Table:
        """Give one of the five tables by its canonical name."""
        return next(table for table in self.tables if table.role == role)


def practice(request: Request, number: int) -> Practice:
    """Plan one center; the same request and number give the same plan everywhere."""
    center_id = f"center_{number:02d}"
    family = request.family(number)
    luck = dice(request.seed, center_id, "schema")
    traits = layout.traits(family, luck, foreign_ids=request.foreign_ids)
    names = namer(family, luck)
    tables = [_role_table(role, names, traits, luck) for role in layout.ROLES]
    wanted = request.tables - len(tables)
    rivals: tuple[tuple[str, str], ...] = ()
    if family == "ambiguous":
        rivals = _add_rival(tables, number - request.total, luck)
        wanted = request.tables - len(tables)
    tables.extend(
        _decoy(name, specs, names, traits, luck) for name, specs in islice(decoys.decoys(), wanted)
    )
    luck.shuffle(tables)
    name, city = place(number)
    return Practice(
        number=number,
        center_id=center_id,
        name=name,
        city=city,
        database=f"DentalDB_{number:02d}",
        family=family,
        schema=_schema(family, luck),
        traits=traits,
        tables=tuple(tables),
        rivals=rivals,
        request=request,
    )


def _schema(family: str, luck: random.Random) -> str:
    if family == "clean" or luck.random() < 0.8:
        return "ck"
    return pick(luck, ("dbo", "dental", "praxis"))


def _role_table(role: str, names: Namer, traits: Traits, luck: random.Random) -> Table:
    known = [layout.split(spec) for spec in layout.COLUMNS[role]]
    further = [layout.split(spec) for spec in layout.FURTHER[role]]
    columns = [
        _column(clean, actual, fill, role, traits)
        for (clean, fill), actual in zip(
            known + further, names.columns(name for name, _ in known + further), strict=True
        )
    ]
    columns = [
        replace(column, role=known[at][0]) if at < len(known) else column
        for at, column in enumerate(columns)
    ]
    luck.shuffle(columns)
    return Table(names.table(role), tuple(columns), role)


def _decoy(
    name: str, specs: Iterable[str], names: Namer, traits: Traits, luck: random.Random
) -> Table:
    parts = [layout.split(spec) for spec in specs]
    columns = [
        _column(clean, actual, fill, None, traits)
        for (clean, fill), actual in zip(
            parts, names.columns(clean for clean, _ in parts), strict=True
        )
    ]
    luck.shuffle(columns)
    return Table(names.table(name), tuple(columns))


def _column(clean: str, actual: str, fill: str, table: str | None, traits: Traits) -> Column:
    store = Store.PLAIN
    is_patient = fill == "patient" or (table == layout.PATIENT and fill == "id")
    kind = traits.type("patient" if is_patient else fill, table)
    if is_patient and traits.foreign_ids:
        store = Store.FOREIGN_ID
    if fill == "date" and kind == "varchar(8)":
        store = Store.DIGITS
    if fill == "flag" and traits.flag_store is not Store.PLAIN:
        store, actual = traits.flag_store, ACTIVE
    return Column(actual, kind, fill, store=store, nullable=clean != "ID")


def _add_rival(tables: list[Table], turn: int, luck: random.Random) -> tuple[tuple[str, str], ...]:
    """Put a second KARTEI beside the first, or a second DATUM into it; they take turns."""
    at = next(at for at, table in enumerate(tables) if table.role == layout.KARTEI)
    kartei = tables[at]
    if turn % 2 == 0:
        old = replace(
            kartei,
            name="KARTEI_ALT" if kartei.name != "KARTEI_ALT" else "KARTEI_HIST",
            columns=tuple(replace(column, role=None) for column in kartei.columns),
            role=None,
        )
        tables.append(old)
        return ((layout.KARTEI, old.name),)
    datum = kartei.column("DATUM")
    taken = {column.name for column in kartei.columns}
    name = datum.name
    while name in taken:
        name = f"DATUM_{suffix(luck)}"
    columns = [*kartei.columns, replace(datum, name=name, role=None, fill="rival-date")]
    luck.shuffle(columns)
    tables[at] = replace(kartei, columns=tuple(columns))
    return ((f"{layout.KARTEI}.DATUM", name),)
