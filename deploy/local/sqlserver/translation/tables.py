"""Parsing of CREATE TABLE, ALTER TABLE, indexes and their DROP forms."""

from __future__ import annotations

from dataclasses import replace

from deploy.local.sqlserver.errors import Unsupported
from deploy.local.sqlserver.translation import statements
from deploy.local.sqlserver.translation.dml import WriteParser
from deploy.local.sqlserver.translation.statements import ColumnDefinition, KeyDefinition, Statement


class TableParser(WriteParser):
    def create_table(self) -> Statement:
        self.expect("TABLE")
        table = self.parts()
        if table[-1].startswith("#"):
            raise Unsupported("temporary tables")
        self.expect("(")
        columns: list[ColumnDefinition] = []
        keys: list[KeyDefinition] = []
        while True:
            if self.at_any("CONSTRAINT", "PRIMARY", "UNIQUE", "FOREIGN", "CHECK"):
                keys.append(self._table_constraint())
            elif self.at("INDEX"):
                raise Unsupported("INDEX inside CREATE TABLE")
            else:
                column, own = self._column()
                columns.append(column)
                keys.extend(own)
            if not self.accept(",") or self.at(")"):
                break
        self.expect(")")
        self._storage()
        return statements.CreateTable(table, tuple(columns), tuple(keys))

    def _storage(self) -> None:
        """Where and how densely rows are kept changes nothing that is seen."""
        if self.accept("ON"):
            self.name() if self.at_name() else self.expect("PRIMARY")
        if self.accept("TEXTIMAGE_ON"):
            self.name()
        if self.at("WITH", "("):
            self._with_options()

    def _with_options(self) -> None:
        self.expect("WITH", "(")
        while not self.accept(")"):
            word = self.word()
            if word in ("SYSTEM_VERSIONING", "MEMORY_OPTIMIZED", "IGNORE_DUP_KEY"):
                raise Unsupported(f"the option {word}")
            self.accept("=")
            self.advance()
            self.accept(",")

    def _column(self) -> tuple[ColumnDefinition, list[KeyDefinition]]:
        name = self.name()
        if self.at("AS"):
            raise Unsupported("computed columns")
        column = ColumnDefinition(name, self.type())
        keys: list[KeyDefinition] = []
        while not (self.at(",") or self.at(")") or self.at(";")):
            constraint = self.name() if self.accept("CONSTRAINT") else None
            if self.at_any("PRIMARY", "UNIQUE"):
                keys.append(replace(self._key(), name=constraint, columns=(name,)))
                continue
            if constraint is None and not self._at_column_option():
                break
            column = self._column_option(column, constraint)
        return column, keys

    def _at_column_option(self) -> bool:
        return self.at_any(
            *("NOT", "NULL", "IDENTITY", "COLLATE", "DEFAULT", "REFERENCES", "CHECK"),
            *("FOREIGN", "ROWGUIDCOL", "SPARSE", "GENERATED", "MASKED", "ENCRYPTED"),
        )

    def _column_option(self, column: ColumnDefinition, constraint: str | None) -> ColumnDefinition:
        if self.accept("NOT", "NULL"):
            return replace(column, nullable=False)
        if self.accept("NULL"):
            return replace(column, nullable=True)
        if self.accept("COLLATE"):
            return replace(column, collation=self.name())
        if self.accept("IDENTITY"):
            seed, increment = 1, 1
            if self.accept("("):
                seed = self.number()
                self.expect(",")
                increment = self.number()
                self.expect(")")
            return replace(column, identity=(seed, increment), nullable=False)
        if self.accept("DEFAULT"):
            start = self.token.start
            default = self.sum()
            text = self.sql[start : self.tokens[self.position - 1].stop]
            return replace(column, default=default, default_text=text, default_name=constraint)
        raise Unsupported(f"the column option {self.token.text}")

    def _key(self) -> KeyDefinition:
        primary = self.accept("PRIMARY", "KEY")
        if not primary:
            self.expect("UNIQUE")
        clustered = primary
        if self.accept("NONCLUSTERED"):
            clustered = False
        elif self.accept("CLUSTERED"):
            clustered = True
        key = KeyDefinition((), primary=primary, clustered=clustered)
        if self.at("("):
            key = replace(key, columns=self._key_columns())
        if self.at("WITH", "("):
            self._with_options()
        if self.accept("ON"):
            self.name() if self.at_name() else self.expect("PRIMARY")
        return key

    def _key_columns(self) -> tuple[str, ...]:
        self.expect("(")
        found = []
        while True:
            found.append(self.name())
            if not self.accept("ASC"):
                self.accept("DESC")
            if not self.accept(","):
                break
        self.expect(")")
        return tuple(found)

    def _table_constraint(self) -> KeyDefinition:
        name = self.name() if self.accept("CONSTRAINT") else None
        if self.at_any("FOREIGN", "CHECK"):
            raise Unsupported(f"{self.token.word} constraints")
        return replace(self._key(), name=name)

    def create_index(self) -> Statement:
        unique = self.accept("UNIQUE")
        clustered = self.accept("CLUSTERED")
        if not clustered:
            self.accept("NONCLUSTERED")
        self.expect("INDEX")
        name = self.name()
        self.expect("ON")
        table = self.parts()
        columns = self._key_columns()
        if self.accept("INCLUDE"):
            self.names_in_brackets()
        if self.at("WHERE"):
            raise Unsupported("filtered indexes")
        self._storage()
        index = KeyDefinition(columns, name, unique=unique, clustered=clustered)
        return statements.CreateIndex(table, index)

    def drop_table(self) -> Statement:
        self.expect("TABLE")
        if_exists = self.accept("IF", "EXISTS")
        tables = [self.parts()]
        while self.accept(","):
            tables.append(self.parts())
        return statements.DropTable(tuple(tables), if_exists)

    def drop_index(self) -> Statement:
        self.expect("INDEX")
        if_exists = self.accept("IF", "EXISTS")
        parts = self.parts()
        if self.accept("ON"):
            return statements.DropIndex(self.parts(), parts[-1], if_exists)
        return statements.DropIndex(parts[:-1], parts[-1], if_exists)

    def alter_table(self) -> Statement:
        self.expect("TABLE")
        table = self.parts()
        if self.at("WITH") and self.ahead().word in ("CHECK", "NOCHECK"):
            self.position += 2
        if self.accept("ENABLE", "CHANGE_TRACKING"):
            return statements.TableTracking(table, enable=True, columns=self._tracked_columns())
        if self.accept("DISABLE", "CHANGE_TRACKING"):
            return statements.TableTracking(table, enable=False)
        if self.accept("ADD"):
            return self._add(table)
        if self.accept("ALTER", "COLUMN"):
            column, keys = self._column()
            if keys or column.default is not None or column.identity is not None:
                self.fail()
            return statements.AlterColumn(table, column)
        if self.accept("DROP"):
            return self._drop_part(table)
        raise Unsupported(f"ALTER TABLE … {self.token.text}")

    def _tracked_columns(self) -> bool:
        if not (self.at("WITH", "(")):
            return False
        self.expect("WITH", "(", "TRACK_COLUMNS_UPDATED", "=")
        on = self.accept("ON")
        if not on:
            self.expect("OFF")
        self.expect(")")
        return on

    def _add(self, table: tuple[str, ...]) -> Statement:
        columns: list[ColumnDefinition] = []
        keys: list[KeyDefinition] = []
        defaults = []
        self.accept("COLUMN")
        while True:
            named = self.at("CONSTRAINT")
            word = self.ahead(2).word if named else self.token.word
            if word == "DEFAULT":
                name = self.name() if self.accept("CONSTRAINT") else None
                self.expect("DEFAULT")
                start = self.token.start
                value = self.sum()
                text = self.sql[start : self.tokens[self.position - 1].stop]
                self.expect("FOR")
                defaults.append((name, self.name(), value, text))
            elif named or word in ("PRIMARY", "UNIQUE", "FOREIGN", "CHECK"):
                keys.append(self._table_constraint())
            else:
                column, own = self._column()
                columns.append(column)
                keys.extend(own)
            if not self.accept(","):
                return statements.AddColumns(table, tuple(columns), tuple(keys), tuple(defaults))

    def _drop_part(self, table: tuple[str, ...]) -> Statement:
        if self.accept("COLUMN"):
            if_exists = self.accept("IF", "EXISTS")
            columns = [self.name()]
            while self.accept(","):
                self.accept("COLUMN")
                columns.append(self.name())
            return statements.DropColumns(table, tuple(columns), if_exists)
        self.accept("CONSTRAINT")
        if_exists = self.accept("IF", "EXISTS")
        names = [self.name()]
        while self.accept(","):
            self.accept("CONSTRAINT")
            names.append(self.name())
        return statements.DropConstraint(table, tuple(names), if_exists)
