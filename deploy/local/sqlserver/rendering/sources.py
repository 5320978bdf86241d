"""FROM rendered: any source, derived tables, rows of values, joins and APPLY."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, ClassVar

from deploy.local.sqlserver.errors import SqlError, Unsupported
from deploy.local.sqlserver.rendering.bound import Bound
from deploy.local.sqlserver.rendering.generated import GeneratedRenderer
from deploy.local.sqlserver.rendering.named import moved
from deploy.local.sqlserver.rendering.scope import BoundSource, Scope
from deploy.local.sqlserver.translation import syntax
from deploy.local.sqlserver.translation.precedence import BYTES
from deploy.local.sqlserver.translation.syntax import Source


class SourceRenderer(GeneratedRenderer):
    def source(self, node: Source) -> str:
        """Return the SQLite text of a source; its columns join the scope."""
        render = self._SOURCES[type(node)]
        return render(self, node)

    def _derived(self, node: syntax.Derived) -> str:
        outer = self.scope
        # A derived table sees what is around the query, not its neighbours in FROM.
        self.scope = Scope(outer.parent, common=outer.common)
        sql, outputs = self.query(node.query, names=node.columns)
        self.scope = outer
        sqlite = self.alias()
        columns: dict[str, tuple[str, Bound]] = {}
        for number, (name, bound) in enumerate(outputs, 1):
            require_name(name, number, node.alias)
            if name.lower() in columns:
                raise SqlError(
                    8156,
                    f"The column '{name}' was specified multiple times for '{node.alias}'.",
                )
            columns[name.lower()] = (name, moved(bound, f"{sqlite}.x{number}"))
        return self._added(
            BoundSource((node.alias.lower(),), columns, f"({sql}) AS {sqlite}", sqlite)
        )

    def _values(self, node: syntax.RowValues) -> str:
        rows = [[self.scalar(value) for value in row] for row in node.rows]
        if any(len(row) != len(node.columns) for row in rows):
            raise SqlError(
                8159, f"'{node.alias}' has more columns than were specified in the column list."
            )
        sqlite = self.alias()
        columns: dict[str, tuple[str, Bound]] = {}
        unified = []
        for number, name in enumerate(node.columns):
            type_, values = self.unified([row[number] for row in rows])
            unified.append([self.text(value) for value in values])
            nullable = any(value.nullable for value in values)
            columns[name.lower()] = (
                name,
                Bound(f"{sqlite}.column{number + 1}", type_, nullable),
            )
        texts = ", ".join(f"({', '.join(row)})" for row in zip(*unified, strict=True))
        return self._added(
            BoundSource((node.alias.lower(),), columns, f"(VALUES {texts}) AS {sqlite}", sqlite)
        )

    def _applied(self, node: syntax.Join) -> str:
        """APPLY: the right side is asked again for each row of the left."""
        left = self.source(node.left)
        between = len(self.scope.sources)
        outer = node.kind == "OUTER APPLY"
        word = "LEFT JOIN" if outer else "JOIN"
        right = node.right
        if isinstance(right, syntax.ChangeTable) and right.keys:
            text = self._joined_versions(right, left, word)
        elif isinstance(right, syntax.Derived):
            text = f"{left} {word} {self._correlated(right)} ON true"
        elif isinstance(right, (syntax.OpenJson, syntax.TableFunction)):
            text = f"{left} {word} {self.source(right)} ON true"
        else:
            raise Unsupported(f"{node.kind} of this source")
        if outer:
            for source in self.scope.sources[between:]:
                source.weaken()
        return text

    def _correlated(self, node: syntax.Derived) -> str:
        """Render a query that names columns of its neighbours, as rows of one JSON text."""
        kept = self.scope
        self.scope = Scope(kept)
        sql, outputs = self.query(node.query, names=node.columns)
        self.scope = kept
        sqlite = self.alias()
        columns: dict[str, tuple[str, Bound]] = {}
        packed = []
        for number, (name, bound) in enumerate(outputs, 1):
            require_name(name, number, node.alias)
            value = f"json_extract({sqlite}.value, '$[{number - 1}]')"
            if bound.kind.name in BYTES:
                packed.append(f"hex(x{number})")
                value = f"unhex({value})"
            else:
                packed.append(f"x{number}")
            columns[name.lower()] = (name, moved(bound, value))
        text = (
            f"json_each((SELECT json_group_array(json_array({', '.join(packed)})) FROM ({sql})))"
            f" AS {sqlite}"
        )
        return self._added(BoundSource((node.alias.lower(),), columns, text, sqlite))

    def _join(self, node: syntax.Join) -> str:
        if node.kind.endswith("APPLY"):
            return self._applied(node)
        before = len(self.scope.sources)
        left = self.source(node.left)
        between = len(self.scope.sources)
        right = self.source(node.right)
        if isinstance(node.right, syntax.Join):
            right = f"({right})"
        condition = "" if node.on is None else f" ON {self.predicate(node.on)}"
        if node.kind in ("LEFT", "FULL"):
            for source in self.scope.sources[between:]:
                source.weaken()
        if node.kind in ("RIGHT", "FULL"):
            for source in self.scope.sources[before:between]:
                source.weaken()
        words = {"INNER": "JOIN", "CROSS": "JOIN"}.get(node.kind, f"{node.kind} JOIN")
        return f"{left} {words} {right}{condition}"

    _SOURCES: ClassVar[dict[type, Callable[[SourceRenderer, Any], str]]] = {
        syntax.TableName: GeneratedRenderer.named,
        syntax.Derived: _derived,
        syntax.RowValues: _values,
        syntax.ChangeTable: GeneratedRenderer.changes,
        syntax.OpenJson: GeneratedRenderer.open_json,
        syntax.TableFunction: GeneratedRenderer.table_function,
        syntax.Join: _join,
    }


def require_name(name: str, number: int, alias: str) -> None:
    if not name:
        raise SqlError(8155, f"No column name was specified for column {number} of '{alias}'.")
