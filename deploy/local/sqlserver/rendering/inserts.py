"""INSERT rendered."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from deploy.local.sqlserver.errors import SqlError
from deploy.local.sqlserver.rendering.assignments import AssignmentRenderer, Write
from deploy.local.sqlserver.storage import StoredColumn, Table
from deploy.local.sqlserver.translation import statements, syntax


@dataclass(frozen=True, slots=True)
class InsertParts:
    """The columns that get values: from the statement, by default, generated, given by hand."""

    columns: list[StoredColumn]
    missing: list[StoredColumn]
    generated: list[str]
    given: StoredColumn | None


class InsertRenderer(AssignmentRenderer):
    identity_insert: int | None = None
    """The table whose identity column takes given values."""

    def insert(self, node: statements.Insert) -> Write:
        table = self.find_table(node.table)
        self.needed.add((table.object_id, "INSERT"))
        prefix = self.common_tables(node.common)
        columns = self._insert_columns(table, node)
        automatic = self._automatic(table, columns)
        missing = [
            column
            for column in table.columns
            if column not in columns
            and (column.default_sql is not None or column == table.rowid_key)
            and column != automatic
        ]
        generated = [] if automatic is None else [f"next_identity({table.object_id})"]
        given = table.identity if automatic is None else None
        targets = [*columns, *missing, *([automatic] if automatic else [])]
        listed = f"({', '.join(column.sql for column in targets)})" if targets else ""
        parts = InsertParts(columns, missing, generated, given)
        if node.query is not None:
            body = self._inserted_query(table, node, node.query, parts)
        else:
            body = self._inserted_rows(table, node, parts)
        if not targets:
            body = "DEFAULT VALUES"
        sql = f"{prefix}INSERT INTO {table.sql}{listed} {body}"
        outputs, returning = self._returning(table, node.output, "inserted")
        return Write(
            table,
            (sql + returning,),
            outputs=tuple(outputs),
            context=self._context(node.context),
            identity=table.identity is not None,
        )

    def _insert_columns(self, table: Table, node: statements.Insert) -> list[StoredColumn]:
        if not node.columns:
            if node.rows == ((),):
                return []
            given = table.identity if self.identity_insert != table.object_id else None
            return [column for column in table.columns if column != given]
        found = [self._column(table, name) for name in node.columns]
        if len(set(found)) != len(found):
            raise SqlError(
                264,
                "A column name is specified more than once in the SET clause or column list of an "
                "INSERT.",
            )
        return found

    def _automatic(self, table: Table, columns: Sequence[StoredColumn]) -> StoredColumn | None:
        """Return the identity column where the server numbers it; 544, 545 where it may not."""
        identity = table.identity
        if identity is None:
            return None
        allowed = self.identity_insert == table.object_id
        if identity in columns and not allowed:
            raise SqlError(
                544,
                f"Cannot insert explicit value for identity column in table '{table.name}' when "
                "IDENTITY_INSERT is set to OFF.",
            )
        if identity not in columns and allowed:
            raise SqlError(
                545,
                f"Explicit value must be specified for identity column in table '{table.name}' "
                "either when IDENTITY_INSERT is set to ON or when a replication user is inserting "
                "into a NOT FOR REPLICATION identity column.",
            )
        return None if allowed else identity

    def _inserted_rows(
        self,
        table: Table,
        node: statements.Insert,
        parts: InsertParts,
    ) -> str:
        if len(node.rows) > 1000:
            raise SqlError(
                10738,
                "The number of row value expressions in the INSERT statement exceeds the maximum "
                "allowed number of 1000 row values.",
                severity=15,
            )
        rest = [
            self.text(self._fallback(table, column)) for column in parts.missing
        ] + parts.generated
        rows = []
        for row in node.rows:
            self._check_count(node, len(parts.columns), len(row))
            texts = []
            for column, value in zip(parts.columns, row, strict=True):
                bound = (
                    self._default(table, column)
                    if value is None
                    else self._assigned(table, column, self.scalar(value))
                )
                text = self.text(bound)
                if column == parts.given:
                    text = f"given_identity({table.object_id}, {text})"
                texts.append(text)
            rows.append(f"({', '.join([*texts, *rest])})")
        return f"VALUES {', '.join(rows)}"

    @staticmethod
    def _check_count(node: statements.Insert, columns: int, values: int) -> None:
        if values == columns:
            return
        if not node.columns:
            raise SqlError(
                213, "Column name or number of supplied values does not match table definition."
            )
        fewer = columns < values
        clause = "SELECT list" if node.query is not None else "VALUES clause"
        number = (121 if fewer else 120) if node.query is not None else (110 if fewer else 109)
        raise SqlError(
            number,
            f"There are {'fewer' if fewer else 'more'} columns in the INSERT statement than "
            f"values specified in the {clause}. The number of values in the {clause} must match "
            "the number of columns specified in the INSERT statement.",
            severity=15,
        )

    def _inserted_query(
        self,
        table: Table,
        node: statements.Insert,
        query: syntax.Query,
        parts: InsertParts,
    ) -> str:
        sql, outputs = self.query(query)
        self._check_count(node, len(parts.columns), len(outputs))
        texts = []
        for column, (_, bound) in zip(parts.columns, outputs, strict=True):
            text = self._assigned(table, column, bound).sql
            if column == parts.given:
                text = f"given_identity({table.object_id}, {text})"
            texts.append(text)
        texts += [
            self.text(self._fallback(table, column)) for column in parts.missing
        ] + parts.generated
        return f"SELECT {', '.join(texts)} FROM ({sql}) WHERE true"
