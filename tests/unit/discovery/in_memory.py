"""A center that is nothing but values: what discovery would read of it, without a server."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from producers import mapping as mappings
from producers.catalog import Catalog, Column, Table
from producers.discovery import profiles, proposal, sampling
from producers.discovery.inclusion import Found, Link
from producers.discovery.question import Question, nothing_learned
from producers.discovery.shape import Learned

SAMPLE = 500
Row = Sequence[object]


def a_column(name: str, declared: str, *, nullable: bool = True) -> Column:
    """Read a column's type as a table's definition has it."""
    found = re.fullmatch(r"(\w+)(?:\((\w+)(?:,\s*(\d+))?\))?", declared)
    assert found, declared
    kind, first, second = found.groups()
    if kind in {"decimal", "numeric"}:
        return Column(name, kind, None, int(first), int(second or 0), nullable)
    length = int(first) if first and first != "max" else None
    return Column(name, kind, length, nullable=nullable)


@dataclass
class Center:
    """Tables with rows; `propose` gives what discovery says of them."""

    catalog: Catalog
    rows: Mapping[tuple[str, str], Sequence[Row]]
    learned: Learned = nothing_learned
    chosen: Mapping[str, str] = field(default_factory=dict)

    def propose(self) -> mappings.Mapping:
        question = Question(self.catalog, self.learned, dict(self.chosen))
        seen = {
            (table.schema, table.name): {
                column.name: profiles.of([row[at] for row in self._rows(table)[:SAMPLE]])
                for at, column in enumerate(table.columns)
            }
            for table in sampling.tables_to_sample(question)
        }
        links = {link: self._found(link) for link in sampling.links_to_test(question, seen)}
        return proposal.propose(question, seen, links, center="center_07", database="DentalDB_07")

    def _rows(self, table: Table) -> Sequence[Row]:
        return self.rows.get((table.schema, table.name), ())

    def _found(self, link: Link) -> Found:
        asked = [text for text in self._texts(link.schema, link.child, link.column) if text]
        there = set(self._texts(link.schema, link.parent, link.key))
        return Found(len(asked[:SAMPLE]), sum(text in there for text in asked[:SAMPLE]))

    def _texts(self, schema: str, table_name: str, column: str) -> list[str]:
        table = self.catalog.table(schema, table_name)
        assert table is not None
        at = [one.name for one in table.columns].index(column)
        return ["" if row[at] is None else str(row[at]).strip() for row in self._rows(table)]


def names(mapping: mappings.Mapping) -> dict[str, str | None]:
    """Give what a mapping says, by TABLE and TABLE.COLUMN."""
    said: dict[str, str | None] = {"schema": mapping.schema}
    for role, table in mapping.tables.items():
        said[role] = table.name
        said |= {f"{role}.{key}": column.name for key, column in table.columns.items()}
    return said


def confidences(mapping: mappings.Mapping) -> dict[str, float]:
    """Give how sure a mapping is of each name."""
    sure: dict[str, float] = {}
    for role, table in mapping.tables.items():
        sure[role] = table.confidence
        sure |= {f"{role}.{key}": column.confidence for key, column in table.columns.items()}
    return sure
