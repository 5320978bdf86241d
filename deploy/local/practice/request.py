"""What somebody asks the generator for."""

from __future__ import annotations

import datetime as dt
import json
from dataclasses import asdict, dataclass
from pathlib import Path

from deploy.local.practice.naming import FAMILIES
from schemas.errors import BadInput

FEWEST_TABLES = 10
MOST_TABLES = 650


@dataclass(frozen=True, slots=True)
class Request:
    """How many practices, of which families, how much in them, and up to which day.

    Without `families` the first center has clean names, the others suffixed ones, and one more
    with an ambiguous schema comes on top of `count`. With `families` there are exactly `count`
    centers, which take the families in turn. `tables` counts all tables of a center, `flaws`
    the entries with a date that does not exist. With `foreign_ids` patients have numbers of
    another system, like `67890/A22`.
    """

    count: int = 30
    families: tuple[str, ...] = ()
    patients: int = 120
    years: int = 2
    end: dt.date = dt.date(2022, 12, 31)
    tables: int = 45
    insurers: int = 300
    flaws: int = 0
    foreign_ids: bool = False
    seed: int = 1

    def __post_init__(self) -> None:
        for family in self.families:
            if family not in FAMILIES:
                raise BadInput(
                    f"there is no family of names called {family!r}",
                    hint=f"choose among {', '.join(FAMILIES)}",
                )
        for name, low, high in (
            ("count", 1, 999),
            ("patients", 5, 1_000_000),
            ("years", 1, 50),
            ("tables", FEWEST_TABLES, MOST_TABLES),
            ("insurers", 20, 30_000),
            ("flaws", 0, 1000),
        ):
            value = getattr(self, name)
            if not low <= value <= high:
                raise BadInput(f"{name} can't be {value}", hint=f"give {low} to {high}")

    def family(self, number: int) -> str:
        """Tell the family of the center with this number, which begins at 1."""
        if self.families:
            return self.families[(number - 1) % len(self.families)]
        if number == 1:
            return "clean"
        return "suffixed" if number <= self.count else "ambiguous"

    @property
    def total(self) -> int:
        return self.count if self.families else self.count + 1

    def to_json(self) -> str:
        return json.dumps({**asdict(self), "end": self.end.isoformat()}, indent=2) + "\n"

    @classmethod
    def from_json(cls, text: str) -> Request:
        read = json.loads(text)
        read["families"] = tuple(read["families"])
        read["end"] = dt.date.fromisoformat(read["end"])
        return cls(**read)

    def save(self, path: Path) -> None:
        path.write_text(self.to_json(), encoding="utf-8")

    @classmethod
    def load(cls, path: Path) -> Request:
        """Give the request that a stack was made by; with it, `plan` gives the same practices."""
        try:
            return cls.from_json(path.read_text(encoding="utf-8"))
        except (ValueError, KeyError, TypeError) as error:
            raise BadInput(
                f"{path} is damaged: {error!r}", hint="chartfeed local reset sqlserver"
            ) from error
