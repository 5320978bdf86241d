"""The truth about names, canonical to actual. Tests and benchmarks read it, the product never."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from deploy.local.practice import layout
from deploy.local.practice.blueprint import Practice


@dataclass(frozen=True, slots=True)
class Truth:
    """What a center's names really mean: `names` maps KARTEI and KARTEI.DATUM to the actual ones.

    `live` has the values that mean not deleted, by KARTEI.DELKZ, where the flag is an unusual
    one; `rivals` what could be mistaken for a canonical name.
    """

    center: str
    database: str
    schema: str
    family: str
    names: Mapping[str, str]
    types: Mapping[str, str]
    live: Mapping[str, tuple[str, ...]]
    rivals: Mapping[str, str]


def of(practice: Practice) -> Truth:
    """Tell the truth about a practice."""
    names: dict[str, str] = {}
    types: dict[str, str] = {}
    live: dict[str, tuple[str, ...]] = {}
    for role in layout.ROLES:
        table = practice.table(role)
        names[role] = table.name
        for spec in layout.COLUMNS[role]:
            canonical = layout.split(spec)[0]
            column = table.column(canonical)
            names[f"{role}.{canonical}"] = column.name
            types[f"{role}.{canonical}"] = column.type
            if column.store.live:
                live[f"{role}.{canonical}"] = column.store.live
    return Truth(
        center=practice.center_id,
        database=practice.database,
        schema=practice.schema,
        family=practice.family,
        names=names,
        types=types,
        live=live,
        rivals=dict(practice.rivals),
    )


def write(path: Path, practices: Iterable[Practice]) -> None:
    """Write the truth about all practices as JSON."""
    centers = {}
    for practice in practices:
        truth = of(practice)
        centers[truth.center] = {
            "database": truth.database,
            "schema": truth.schema,
            "family": truth.family,
            "names": dict(truth.names),
            "types": dict(truth.types),
            "live": {name: list(values) for name, values in truth.live.items()},
            "rivals": dict(truth.rivals),
        }
    path.write_text(
        json.dumps({"format": 1, "centers": centers}, ensure_ascii=False, indent=1) + "\n",
        encoding="utf-8",
    )


def read(path: Path) -> Mapping[str, Truth]:
    """Give the truth by center id."""
    read = json.loads(path.read_text(encoding="utf-8"))
    return {
        center: Truth(
            center=center,
            database=entry["database"],
            schema=entry["schema"],
            family=entry["family"],
            names=entry["names"],
            types=entry["types"],
            live={name: tuple(values) for name, values in entry["live"].items()},
            rivals=entry["rivals"],
        )
        for center, entry in read["centers"].items()
    }
