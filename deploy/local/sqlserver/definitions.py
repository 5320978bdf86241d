"""CREATE, ALTER and DROP of what a database holds; users and rights."""

from __future__ import annotations

import json
import secrets
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import apsw

from deploy.local.sqlserver import change_tracking, plans, storage
from deploy.local.sqlserver.conversions import Place
from deploy.local.sqlserver.errors import SqlError, Unsupported
from deploy.local.sqlserver.rendering.bound import CONVERSIONS, conversion
from deploy.local.sqlserver.rendering.scalars import collation_name
from deploy.local.sqlserver.results import Done, Event
from deploy.local.sqlserver.storage import Index, StoredColumn, Table
from deploy.local.sqlserver.translation import statements
from deploy.local.sqlserver.translation.precedence import EXACT, INTEGERS, TEXT
from deploy.local.sqlserver.translation.statements import ColumnDefinition, KeyDefinition

if TYPE_CHECKING:
    from deploy.local.sqlserver.engine_session import Session
    from deploy.local.sqlserver.executor import Executor


@contextmanager
def changing(session: Session, right: str = "ALTER") -> Iterator[set[int]]:
    """Change definitions in the open transaction or in one of its own.

    What it yields is the set that takes the ids of the tables that changed.
    """
    session.require_database_right(right)
    work = session.work
    work.resume(session.waited)
    explicit = session.trancount > 0
    changed: set[int] = set()
    try:
        work.write(session.waited)
        work.stays = True
        session.db.execute("SAVEPOINT definition")
        try:
            yield changed
            defined = storage.reload(session.db, session.definitions, changed)
        except BaseException:
            if session.db.in_transaction:
                session.db.execute("ROLLBACK TO definition; RELEASE definition")
            raise
        session.db.execute("RELEASE definition")
        session.uncommitted = defined
        work.wrote = True
        if not explicit:
            session.commit_work()
    except BaseException:
        if not explicit:
            session.undo()
        raise


def _take(db: apsw.Connection, counter: str) -> int:
    value = db.execute("SELECT value FROM meta_options WHERE name = ?", (counter,)).get
    db.execute("UPDATE meta_options SET value = value + 1 WHERE name = ?", (counter,))
    return int(str(value))


def _find(session: Session, parts: tuple[str, ...], number: int = 4902) -> Table:
    try:
        return plans.renderer(session.definitions, {}, session).find_table(parts)
    except SqlError as error:
        if error.number != 208:
            raise
    raise SqlError(
        number,
        f'Cannot find the object "{".".join(parts)}" because it does not exist or you do not have '
        "permissions.",
    )


def _stored(node: ColumnDefinition, column_id: int) -> StoredColumn:
    if node.identity is not None and node.type.name not in INTEGERS | EXACT:
        raise SqlError(
            2749,
            f"Identity column '{node.name}' must be of data type int, bigint, smallint, tinyint, "
            "or decimal or numeric with a scale of 0, unencrypted, and constrained to be "
            "nonnullable.",
        )
    if node.collation is not None:
        collation_name(node.collation)
        if node.type.name not in TEXT:
            raise SqlError(
                452, "COLLATE clause cannot be used on user-defined data types.", severity=16
            )
    return StoredColumn(
        column_id,
        node.name,
        node.type,
        node.nullable is not False,
        node.collation,
        node.identity,
        node.default_name,
        node.default_text,
    )


def _insert_column(db: apsw.Connection, object_id: int, ordinal: int, column: StoredColumn) -> None:
    seed, increment = column.identity or (None, None)
    type_ = column.type
    db.execute(
        "INSERT OR REPLACE INTO meta_columns VALUES (?,?,?,?,?,?,?,?,?,?,?,?,?,?)",
        (
            object_id,
            column.column_id,
            ordinal,
            column.name,
            type_.name,
            type_.length,
            type_.precision,
            type_.scale,
            int(column.nullable),
            column.collation,
            seed,
            increment,
            column.default_name,
            column.default_sql,
        ),
    )


def _insert_index(db: apsw.Connection, object_id: int, index: Index) -> None:
    db.execute(
        "INSERT INTO meta_indexes VALUES (?,?,?,?,?,?,?)",
        (
            object_id,
            index.index_id,
            index.name,
            int(index.primary),
            int(index.unique),
            int(index.clustered),
            json.dumps(index.columns),
        ),
    )


def _index(table: Table, node: KeyDefinition) -> Index:
    columns = []
    for name in node.columns:
        column = table.column(name)
        if column is None:
            raise SqlError(
                1911, f"Column name '{name}' does not exist in the target table or view."
            )
        columns.append(column.column_id)
    if node.primary and table.primary_key is not None:
        raise SqlError(1779, f"Table '{table.name}' already has a primary key defined on it.")
    suffix = secrets.token_hex(8).upper()
    prefix = "PK" if node.primary else "UQ"
    name = node.name or f"{prefix}__{table.name[:9]}__{suffix}"
    if any(index.name.lower() == name.lower() for index in table.indexes):
        raise SqlError(
            1913,
            "The operation failed because an index or statistics with name "
            f"'{name}' already exists on table '{table.schema}.{table.name}'.",
        )
    clustered = node.clustered and not any(index.clustered for index in table.indexes)
    used = {index.index_id for index in table.indexes}
    number = 1 if clustered else next(n for n in range(2, 1000) if n not in used)
    return Index(number, name, node.primary, node.unique, clustered, tuple(columns))


def _with_index(table: Table, node: KeyDefinition) -> tuple[Table, Index]:
    index = _index(table, node)
    columns = table.columns
    if node.primary:
        for column in columns:
            if column.column_id in index.columns and column.nullable:
                raise SqlError(
                    8111,
                    "Cannot define PRIMARY KEY constraint on nullable column in table "
                    f"'{table.name}'.",
                )
    return replace(table, indexes=(*table.indexes, index)), index


def _create_index(session: Session, table: Table, index: Index) -> None:
    try:
        session.db.execute(storage.index_sql(table, index))
    except apsw.ConstraintError:
        raise _duplicates(table, index) from None


def _duplicates(table: Table, index: Index) -> SqlError:
    return SqlError(
        1505,
        "The CREATE UNIQUE INDEX statement terminated because a duplicate key was found for the "
        f"object name '{table.schema}.{table.name}' and the index name '{index.name}'.",
    )


def _create_table(session: Session, node: statements.CreateTable) -> None:
    render = plans.renderer(session.definitions, {}, session)
    schema, name = render.qualified(node.table)
    found = session.definitions.schemas.get(schema.lower())
    if found is None:
        raise SqlError(
            2760,
            f'The specified schema name "{schema}" either does not exist or you do not have '
            "permission to use it.",
        )
    if session.definitions.find(schema, name) is not None:
        raise SqlError(2714, f"There is already an object named '{name}' in the database.", state=6)
    with changing(session, "CREATE TABLE") as changed:
        primary = {column.lower() for key in node.keys if key.primary for column in key.columns}
        columns: list[StoredColumn] = []
        for number, each in enumerate(node.columns, 1):
            if any(other.name.lower() == each.name.lower() for other in columns):
                raise SqlError(
                    2705,
                    f"Column names in each table must be unique. Column name '{each.name}' in "
                    f"table '{name}' is specified more than once.",
                )
            keyed = each.name.lower() in primary
            if keyed and each.nullable:
                raise SqlError(
                    8111,
                    f"Cannot define PRIMARY KEY constraint on nullable column in table '{name}'.",
                )
            columns.append(_stored(replace(each, nullable=False) if keyed else each, number))
        object_id = _take(session.db, "next_object_id")
        table = Table(object_id, found[0], found[1], name, tuple(columns), ())
        for key in sorted(node.keys, key=lambda key: not key.primary):
            table, _ = _with_index(table, key)
        _check_defaults(session, table)
        now = time.time()
        session.db.execute(
            "INSERT INTO meta_tables VALUES (?,?,?,?,?,?,NULL)",
            (object_id, table.schema_id, name, now, now, len(columns) + 1),
        )
        for number, column in enumerate(table.columns, 1):
            _insert_column(session.db, object_id, number, column)
        session.db.execute(storage.table_sql(table, table.sql))
        for index in table.indexes:
            _insert_index(session.db, object_id, index)
            if not index.primary:
                _create_index(session, table, index)
        changed.add(object_id)


def _check_defaults(session: Session, table: Table) -> None:
    """Refuse a default that can't be understood when it is defined, not when it is used."""
    for column in table.columns:
        if column.default_sql is not None:
            plans.renderer(session.definitions, {}, session).default_text(table, column)


def _rebuild(session: Session, old: Table, new: Table, values: dict[int, str]) -> None:
    """Give a table another form; `values` are the expressions of columns that change."""
    db = session.db
    name = f"{new.sql}_new"
    targets = list(new.columns)
    listed = ", ".join(column.sql for column in targets)
    selected = ", ".join(values.get(column.column_id, column.sql) for column in targets)
    with change_tracking.untriggered(db, old.object_id):
        db.execute(storage.table_sql(new, name))
        try:
            db.execute(f"INSERT INTO {name}({listed}) SELECT {selected} FROM {old.sql}")
        except apsw.ConstraintError as error:
            raise _rebuild_failure(error, session, new) from None
        db.execute(f"DROP TABLE {old.sql}")
        db.execute(f"ALTER TABLE {name} RENAME TO {new.sql}")
        for index in new.indexes:
            if not index.primary:
                _create_index(session, new, index)


def _rebuild_failure(error: apsw.ConstraintError, session: Session, table: Table) -> SqlError:
    text = str(error)
    if text.startswith("NOT NULL"):
        column = table.by_id(int(text.rpartition(".c")[2]))
        return SqlError(
            515,
            f"Cannot insert the value NULL into column '{column.name}', table "
            f"'{session.database}.{table.schema}.{table.name}'; column does not allow nulls. "
            "UPDATE fails.",
            state=2,
        )
    key = table.primary_key
    return _duplicates(table, key) if key is not None else SqlError(1505, text)


def _save_columns(db: apsw.Connection, table: Table) -> None:
    db.execute("DELETE FROM meta_columns WHERE object_id = ?", (table.object_id,))
    for number, column in enumerate(table.columns, 1):
        _insert_column(db, table.object_id, number, column)
    db.execute(
        "UPDATE meta_tables SET modified = ? WHERE object_id = ?", (time.time(), table.object_id)
    )


def _add(session: Session, node: statements.AddColumns) -> None:
    table = _find(session, node.table)
    with changing(session) as changed:
        changed.add(table.object_id)
        for each in node.columns:
            table = _add_column(session, table, each)
        for name, column_name, _, text in node.defaults:
            table = _add_default(session, table, name, column_name, text)
        for key in node.keys:
            new, index = _with_index(table, key)
            if key.primary:
                _rebuild(session, table, new, {})
            else:
                _create_index(session, new, index)
            _insert_index(session.db, table.object_id, index)
            table = new


def _add_default(
    session: Session, table: Table, name: str | None, column_name: str, text: str
) -> Table:
    column = table.column(column_name)
    if column is None:
        raise SqlError(
            1752,
            f"Column '{column_name}' in table '{table.name}' is invalid for "
            "creating a default constraint.",
        )
    if column.default_sql is not None:
        raise SqlError(1781, "Column already has a DEFAULT bound to it.")
    changed = replace(column, default_name=name, default_sql=text)
    columns = tuple(changed if each == column else each for each in table.columns)
    table = replace(table, columns=columns)
    _check_defaults(session, table)
    _save_columns(session.db, table)
    return table


def _add_column(session: Session, table: Table, node: ColumnDefinition) -> Table:
    if table.column(node.name) is not None:
        raise SqlError(
            2705,
            "Column names in each table must be unique. Column name "
            f"'{node.name}' in table '{table.schema}.{table.name}' is specified more than once.",
        )
    db = session.db
    (number,) = db.execute(
        "SELECT next_column_id FROM meta_tables WHERE object_id = ?", (table.object_id,)
    ).fetchall()[0]
    column = _stored(node, int(str(number)))
    new = replace(table, columns=(*table.columns, column))
    if column.nullable:
        with change_tracking.untriggered(db, table.object_id):
            db.execute(f"ALTER TABLE {table.sql} ADD COLUMN {storage.column_sql(column)}")
            _save_columns(db, new)
    else:
        value = "NULL"
        if column.default_sql is not None:
            value = plans.renderer(session.definitions, {}, session).default_text(new, column)
        elif column.identity is not None:
            seed, step = column.identity
            value = f"{seed} + {step} * (row_number() OVER (ORDER BY rowid) - 1)"
        elif db.execute(f"SELECT 1 FROM {table.sql} LIMIT 1").fetchone() is not None:
            raise SqlError(
                4901,
                "ALTER TABLE only allows columns to be added that can contain nulls, or have a "
                "DEFAULT definition specified, or the column being added is an identity or "
                "timestamp column, or alternatively if none of the previous conditions are "
                f"satisfied the table must be empty to allow addition of this column. Column "
                f"'{column.name}' cannot be added to non-empty table '{table.name}' because it "
                "does not satisfy these conditions.",
            )
        _save_columns(db, new)
        _rebuild(session, table, new, {column.column_id: value})
    db.execute(
        "UPDATE meta_tables SET next_column_id = ? WHERE object_id = ?",
        (column.column_id + 1, table.object_id),
    )
    return new


def _alter_column(session: Session, node: statements.AlterColumn) -> None:
    table = _find(session, node.table)
    column = table.column(node.column.name)
    if column is None:
        raise SqlError(
            4924,
            f"ALTER TABLE ALTER COLUMN failed because column '{node.column.name}' does not exist "
            f"in table '{table.name}'.",
        )
    key = table.primary_key
    keyed = key is not None and column.column_id in key.columns
    if keyed and (node.column.type != column.type or node.column.nullable is not False):
        raise _depends(table, column, "" if key is None else key.name)
    new_column = replace(
        column,
        type=node.column.type,
        nullable=node.column.nullable is not False,
        collation=node.column.collation,
    )
    columns = tuple(new_column if each == column else each for each in table.columns)
    with changing(session) as changed:
        new = replace(table, columns=columns)
        place = Place(f"{session.database}.{table.schema}.{table.name}", column.name)
        convert = conversion(column.type, new_column.type, place=place)
        values = {}
        if convert is not None:
            number = CONVERSIONS.number(convert)
            values[column.column_id] = f"cv({column.sql}, {number})"
        _save_columns(session.db, new)
        _rebuild(session, table, new, values)
        changed.add(table.object_id)


def _depends(table: Table, column: StoredColumn, name: str) -> SqlError:
    return SqlError(
        4922,
        f"ALTER TABLE ALTER COLUMN {column.name} failed because one or more objects access this "
        f"column: '{name}' on table '{table.name}'.",
    )


def _drop_columns(session: Session, node: statements.DropColumns) -> None:
    table = _find(session, node.table)
    with changing(session) as changed:
        changed.add(table.object_id)
        for name in node.columns:
            column = table.column(name)
            if column is None:
                if node.if_exists:
                    continue
                raise SqlError(
                    4924,
                    f"ALTER TABLE DROP COLUMN failed because column '{name}' does not exist in "
                    f"table '{table.name}'.",
                )
            for index in table.indexes:
                if column.column_id in index.columns:
                    raise _depends(table, column, index.name)
            if column.default_sql is not None:
                raise _depends(table, column, column.default_name or "its default")
            table = replace(table, columns=tuple(each for each in table.columns if each != column))
            with change_tracking.untriggered(session.db, table.object_id):
                session.db.execute(f"ALTER TABLE {table.sql} DROP COLUMN {column.sql}")
                _save_columns(session.db, table)


def _drop_constraint(session: Session, node: statements.DropConstraint) -> None:
    table = _find(session, node.table)
    with changing(session) as changed:
        changed.add(table.object_id)
        for name in node.names:
            table = _without_constraint(session, table, name, if_exists=node.if_exists)


def _without_constraint(session: Session, table: Table, name: str, *, if_exists: bool) -> Table:
    db = session.db
    for index in table.indexes:
        if index.name.lower() == name.lower():
            return _without_index(session, table, index)
    for column in table.columns:
        own = column.default_name or f"DF_{table.name}_{column.name}"
        if column.default_sql is not None and own.lower() == name.lower():
            changed = replace(column, default_sql=None, default_name=None)
            columns = tuple(changed if each == column else each for each in table.columns)
            table = replace(table, columns=columns)
            _save_columns(db, table)
            return table
    if if_exists:
        return table
    raise SqlError(3728, f"'{name}' is not a constraint.")


def _without_index(session: Session, table: Table, index: Index) -> Table:
    db = session.db
    if index.primary:
        change_tracking.check_key_drop(db, table.object_id)
    new = replace(table, indexes=tuple(each for each in table.indexes if each != index))
    db.execute(
        "DELETE FROM meta_indexes WHERE object_id = ? AND index_id = ?",
        (table.object_id, index.index_id),
    )
    if index.primary:
        _rebuild(session, table, new, {})
    else:
        db.execute(f"DROP INDEX i{table.object_id}_{index.index_id}")
    return new


def _drop_tables(session: Session, node: statements.DropTable) -> None:
    with changing(session) as changed:
        for parts in node.tables:
            schema, name = plans.renderer(session.definitions, {}, session).qualified(parts)
            table = session.definitions.find(schema, name)
            if table is None:
                if node.if_exists:
                    continue
                raise SqlError(
                    3701,
                    f"Cannot drop the table '{'.'.join(parts)}', because it does not exist or you "
                    "do not have permission.",
                    state=5,
                )
            db = session.db
            change_tracking.table_dropped(db, table.object_id)
            for meta in ("meta_tables", "meta_columns", "meta_indexes"):
                db.execute(f"DELETE FROM {meta} WHERE object_id = ?", (table.object_id,))
            db.execute(f"DROP TABLE {table.sql}")
            changed.add(table.object_id)


def _truncate(session: Session, node: statements.Truncate) -> None:
    table = _find(session, node.table, 4701)
    with changing(session):
        db = session.db
        with change_tracking.untriggered(db, table.object_id):
            db.execute(f"DELETE FROM {table.sql}")
        change_tracking.table_truncated(db, table.object_id)
        db.execute(
            "UPDATE meta_tables SET identity_last = NULL WHERE object_id = ?", (table.object_id,)
        )
        with session.place.turn:
            session.place.identities.pop(table.object_id, None)


def _track(session: Session, node: statements.TableTracking) -> None:
    table = _find(session, node.table)
    with changing(session):
        if node.enable:
            change_tracking.enable_table(
                session.db, table.object_id, node.columns, database=session.database
            )
        else:
            change_tracking.disable_table(session.db, table.object_id)


def _index_created(session: Session, node: statements.CreateIndex) -> None:
    table = _find(session, node.table)
    with changing(session) as changed:
        new, index = _with_index(table, node.index)
        _insert_index(session.db, table.object_id, index)
        _create_index(session, new, index)
        changed.add(table.object_id)


def _index_dropped(session: Session, node: statements.DropIndex) -> None:
    table = _find(session, node.table)
    index = next((each for each in table.indexes if each.name.lower() == node.name.lower()), None)
    if index is None:
        if node.if_exists:
            return
        raise SqlError(
            3701,
            f"Cannot drop the index '{table.schema}.{table.name}.{node.name}', because it does "
            "not exist or you do not have permission.",
        )
    if index.primary:
        raise SqlError(
            3723,
            f"An explicit DROP INDEX is not allowed on index '{index.name}'. It is being "
            "used for PRIMARY KEY constraint enforcement.",
        )
    with changing(session) as changed:
        _without_index(session, table, index)
        changed.add(table.object_id)


def _create_schema(session: Session, node: statements.CreateSchema) -> None:
    if node.name.lower() in session.definitions.schemas:
        raise SqlError(2714, f"There is already an object named '{node.name}' in the database.")
    with changing(session, "CREATE SCHEMA"):
        number = _take(session.db, "next_schema_id")
        session.db.execute("INSERT INTO meta_schemas VALUES (?, ?)", (number, node.name))


def _drop_schema(session: Session, node: statements.DropSchema) -> None:
    found = session.definitions.schemas.get(node.name.lower())
    if found is None:
        if node.if_exists:
            return
        raise SqlError(
            15151,
            f"Cannot drop the schema '{node.name}', because it does not exist or you do "
            "not have permission.",
        )
    if any(table.schema_id == found[0] for table in session.definitions.tables.values()):
        raise SqlError(
            3729, f"Cannot drop schema '{node.name}' because it is being referenced by object."
        )
    with changing(session):
        session.db.execute("DELETE FROM meta_schemas WHERE schema_id = ?", (found[0],))


def rename(session: Session, old: str, new: str, kind: str | None) -> None:
    """sp_rename of a table or a column: only its name changes."""
    from deploy.local.sqlserver.translation.cursor import Cursor  # noqa: PLC0415 - kept small

    parts = Cursor(old).parts()
    if (kind or "OBJECT").upper() == "COLUMN":
        _rename_column(session, parts, new)
    elif (kind or "OBJECT").upper() == "OBJECT":
        _rename_table(session, parts, old, new)
    else:
        raise Unsupported(f"sp_rename of {kind}")


def _rename_column(session: Session, parts: tuple[str, ...], new: str) -> None:
    error = SqlError(
        15248,
        "Either the parameter @objname is ambiguous or the claimed @objtype (COLUMN) is wrong.",
    )
    schema, name = plans.renderer(session.definitions, {}, session).qualified(parts[:-1] or ("",))
    table = session.definitions.find(schema, name)
    column = None if table is None else table.column(parts[-1])
    if table is None or column is None:
        raise error
    other = table.column(new)
    if other is not None and other != column:
        raise SqlError(
            15335,
            f"Error: The new name '{new}' is already in use as a COLUMN name and would cause a "
            "duplicate that is not permitted.",
            severity=11,
        )
    with changing(session) as changed:
        session.db.execute(
            "UPDATE meta_columns SET name = ? WHERE object_id = ? AND column_id = ?",
            (new, table.object_id, column.column_id),
        )
        changed.add(table.object_id)


def _rename_table(session: Session, parts: tuple[str, ...], old: str, new: str) -> None:
    schema, name = plans.renderer(session.definitions, {}, session).qualified(parts)
    table = session.definitions.find(schema, name)
    if table is None:
        raise SqlError(
            15225,
            f"No item by the name of '{old}' could be found in the current database "
            f"'{session.database}', given that @itemtype was input as '(null)'.",
            severity=11,
        )
    other = session.definitions.find(schema, new)
    if other is not None and other != table:
        raise SqlError(
            15335,
            f"Error: The new name '{new}' is already in use as a OBJECT name and would cause a "
            "duplicate that is not permitted.",
            severity=11,
        )
    with changing(session) as changed:
        session.db.execute(
            "UPDATE meta_tables SET name = ?, modified = ? WHERE object_id = ?",
            (new, time.time(), table.object_id),
        )
        changed.add(table.object_id)


# Users and rights.
def _create_user(session: Session, node: statements.CreateUser) -> None:
    if not session.instance.has_login(node.login):
        raise SqlError(15007, f"'{node.login}' is not a valid login or you do not have permission.")
    with changing(session):
        if session.db.execute("SELECT 1 FROM meta_users WHERE name = ?", (node.name,)).fetchone():
            raise SqlError(
                15023, f"User, group, or role '{node.name}' already exists in the current database."
            )
        session.db.execute("INSERT INTO meta_users VALUES (?, ?)", (node.name, node.login))
    session.instance.rights_changed()


def _drop_user(session: Session, node: statements.DropUser) -> None:
    with changing(session):
        db = session.db
        gone = db.execute("DELETE FROM meta_users WHERE name = ? RETURNING 1", (node.name,))
        if not gone.fetchall() and not node.if_exists:
            raise _no_principal(node.name)
        db.execute("DELETE FROM meta_rights WHERE user = ?", (node.name,))
        db.execute("DELETE FROM meta_roles WHERE member = ?", (node.name,))
    session.instance.rights_changed()


def _no_principal(name: str) -> SqlError:
    return SqlError(
        15151,
        f"Cannot find the user '{name}', because it does not exist or you do not have permission.",
    )


def _alter_role(session: Session, node: statements.AlterRole) -> None:
    if node.role.lower() == "sysadmin":
        session.require_sysadmin("ALTER SERVER ROLE")
        session.instance.set_sysadmin(node.member, sysadmin=node.add)
        return
    if not node.role.lower().startswith("db_"):
        raise Unsupported(f"the role {node.role}")
    with changing(session):
        if node.add:
            session.db.execute(
                "INSERT OR REPLACE INTO meta_roles VALUES (?, ?)", (node.role, node.member)
            )
        else:
            session.db.execute(
                "DELETE FROM meta_roles WHERE role = ? AND member = ?", (node.role, node.member)
            )
    session.instance.rights_changed()


_RIGHTS = frozenset(
    (
        "SELECT",
        "INSERT",
        "UPDATE",
        "DELETE",
        "VIEW CHANGE TRACKING",
        "VIEW DATABASE STATE",
        "VIEW DEFINITION",
        "CONNECT",
        "CONTROL",
        "ALTER",
        "CREATE TABLE",
        "CREATE SCHEMA",
        "EXECUTE",
        "REFERENCES",
        "VIEW ANY DATABASE",
        "VIEW ANY DEFINITION",
        "VIEW SERVER STATE",
        "ALTER ANY DATABASE",
        "VIEW DATABASE PERFORMANCE STATE",
        "BACKUP DATABASE",
    )
)


def _permission(session: Session, node: statements.Permission) -> None:
    unknown = [right for right in node.rights if right not in _RIGHTS]
    if unknown:
        raise Unsupported(f"the right {unknown[0]}")
    scope, target = node.scope, 0
    if scope == "OBJECT":
        target = plans.renderer(session.definitions, {}, session).find_table(node.target).object_id
    elif scope == "SCHEMA":
        found = session.definitions.schemas.get(node.target[-1].lower())
        if found is None:
            raise SqlError(15151, f"Cannot find the schema '{node.target[-1]}'.")
        target = found[0]
    with changing(session, "CONTROL"):
        for user in node.users:
            _give(session, user, node, scope, target)
    session.instance.rights_changed()


def _give(
    session: Session, user: str, node: statements.Permission, scope: str, target: int
) -> None:
    db = session.db
    known = db.execute("SELECT 1 FROM meta_users WHERE name = ?", (user,)).fetchone()
    if known is None and user.lower() not in ("public", "guest"):
        raise _no_principal(user)
    for right in node.rights:
        key = (user, right, scope, target)
        if node.action == "REVOKE":
            db.execute(
                "DELETE FROM meta_rights WHERE user = ? AND right = ? AND scope = ? AND target = ?",
                key,
            )
        else:
            db.execute(
                "INSERT OR REPLACE INTO meta_rights VALUES (?,?,?,?,?)",
                (*key, int(node.action == "DENY")),
            )


STATEMENTS: dict[type, Callable[[Session, Any], None]] = {
    statements.CreateTable: _create_table,
    statements.DropTable: _drop_tables,
    statements.AddColumns: _add,
    statements.AlterColumn: _alter_column,
    statements.DropColumns: _drop_columns,
    statements.DropConstraint: _drop_constraint,
    statements.TableTracking: _track,
    statements.Truncate: _truncate,
    statements.CreateIndex: _index_created,
    statements.DropIndex: _index_dropped,
    statements.CreateSchema: _create_schema,
    statements.DropSchema: _drop_schema,
    statements.CreateUser: _create_user,
    statements.DropUser: _drop_user,
    statements.AlterRole: _alter_role,
    statements.Permission: _permission,
}


def run(executor: Executor, node: Any) -> Iterator[Event]:
    STATEMENTS[type(node)](executor.session, node)
    yield Done()
