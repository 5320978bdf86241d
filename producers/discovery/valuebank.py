"""What approved centers taught: names that no rule knows, in a file people can read and edit."""

from __future__ import annotations

from collections.abc import Mapping as Dict
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated

import yaml
from pydantic import Field
from pydantic.dataclasses import dataclass as checked

from producers import canonical
from producers.discovery import names
from producers.discovery.names import Match
from producers.errors import MappingDamaged
from producers.mapping import Mapping
from schemas import document
from schemas.errors import BadInput

__all__ = ["NAME", "ValueBank", "learn", "load", "render"]

NAME = "value-bank.yml"
FORMAT = 1
HEADER = (
    "# Names that reviewers approved and no rule knows: hints for the next center, not proofs.\n"
    "# Each with the centers that have it. Lines can be removed or added by hand.\n"
)


@dataclass(frozen=True, slots=True)
class ValueBank:
    """Learned names by TABLE or TABLE.COLUMN, each with the centers that taught it."""

    names: Dict[str, Dict[str, tuple[str, ...]]] = field(default_factory=dict)

    def learned(self, table: str, column: str | None) -> frozenset[str]:
        """Give the names learned for a table or column."""
        point = table if column is None else f"{table}.{column}"
        return frozenset(self.names.get(point, ()))


@checked(frozen=True, slots=True, config={"extra": "forbid"})
class _File:
    format: Annotated[int, Field(ge=1)]
    names: dict[str, dict[str, list[str]]]


def load(path: Path) -> ValueBank:
    """Give the bank that the file holds; an empty one where there is no file."""
    try:
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError:
        return ValueBank()
    except (OSError, UnicodeDecodeError) as error:
        raise MappingDamaged(f"{path}: can't be read: {error}", hint=f"look at {path}") from error
    try:
        file = document.parse(text, _File, name=str(path))
    except BadInput as error:
        raise MappingDamaged(error.message, hint=f"{error.hint}, or delete {path}") from error
    if file.format > FORMAT:
        raise MappingDamaged(
            f"{path}: format {file.format} is newer than this chartfeed knows ({FORMAT})",
            hint=f"update chartfeed, or delete {path}: approvals teach it anew",
        )
    known = {*canonical.TABLES, *(f"{table}.{column}" for table, column in canonical.columns())}
    for point in file.names:
        if point not in known:
            raise MappingDamaged(
                f"{path}: there is no {point} in the domain", hint=f"remove {point} from {path}"
            )
    return ValueBank(
        {
            point: {name: tuple(centers) for name, centers in learned.items()}
            for point, learned in file.names.items()
        }
    )


def learn(bank: ValueBank, mapping: Mapping) -> ValueBank:
    """Give the bank with what an approved mapping teaches and no rule knows."""
    taught = {
        point: {name: set(centers) for name, centers in learned.items()}
        for point, learned in bank.names.items()
    }
    for role, table in mapping.tables.items():
        if table.name and names.table_matches(table.name, role) >= Match.LEARNED:
            _teach(taught, role, table.name, mapping.center)
        for key, column in table.columns.items():
            if column.name and names.column_matches(column.name, role, key) >= Match.LEARNED:
                _teach(taught, f"{role}.{key}", column.name, mapping.center)
    return ValueBank(
        {
            point: {name: tuple(sorted(centers)) for name, centers in sorted(learned.items())}
            for point, learned in sorted(taught.items())
        }
    )


def _teach(taught: dict[str, dict[str, set[str]]], point: str, name: str, center: str) -> None:
    base = names.stripped(name)
    word = base if base is not None and names.tells(base) else name
    if names.tells(word):
        taught.setdefault(point, {}).setdefault(word, set()).add(center)


def render(bank: ValueBank) -> str:
    """Give the file's text."""
    data = {
        "format": FORMAT,
        "names": {
            point: {name: list(centers) for name, centers in learned.items()}
            for point, learned in bank.names.items()
        },
    }
    return HEADER + yaml.safe_dump(data, sort_keys=False, allow_unicode=True, width=10_000)
