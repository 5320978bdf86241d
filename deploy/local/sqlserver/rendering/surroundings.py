"""What rendering asks of the session and its database."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from deploy.local.sqlserver.results import Column


class TableSource(Protocol):
    """A SELECT that stands for a table, with the names of its outputs there."""

    @property
    def columns(self) -> tuple[Column, ...]: ...

    @property
    def sql(self) -> str: ...


class Surroundings(Protocol):
    """What rendering needs to know of the session and its database."""

    database: str
    default_schema: str

    def view(self, schema: str, name: str) -> TableSource | None: ...

    def changes(self, object_id: int, baseline: str) -> tuple[TableSource, Sequence[str]]: ...

    def version(self, object_id: int, keys: Sequence[str]) -> tuple[TableSource, Sequence[str]]: ...

    def databases(self) -> frozenset[str]: ...
