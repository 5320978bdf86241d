"""A batch run statement by statement, with the events each one gives."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from itertools import islice
from typing import TYPE_CHECKING, Any, ClassVar

import apsw

from deploy.local.sqlserver import definitions, failures, hooks, plans, undeclared, writing
from deploy.local.sqlserver.errors import Cancelled, SqlError, Unsupported
from deploy.local.sqlserver.frame import Frame
from deploy.local.sqlserver.plans import Plan
from deploy.local.sqlserver.rendering.scalars import keep
from deploy.local.sqlserver.results import (
    Columns,
    Done,
    Event,
    Failure,
    Info,
    Parameter,
    Returned,
    Rows,
    SqlType,
)
from deploy.local.sqlserver.translation import batch, statements, syntax
from deploy.local.sqlserver.translation.statements import Statement

if TYPE_CHECKING:
    from deploy.local.sqlserver.engine_session import Session

CHUNK = 1000
# Longer texts are full of values and hardly ever come again.
_LONGEST_KEPT = 20_000


class BatchOver(Exception):
    """No further statement of this batch runs."""


class LoopLeft(BatchOver):
    """BREAK, or CONTINUE where `again`."""

    def __init__(self, *, again: bool) -> None:
        super().__init__()
        self.again = again


class Executor:
    def __init__(self, session: Session, frame: Frame) -> None:
        self.session = session
        self.frame = frame
        self.signature = frame.signature()
        self.cached = True

    def run(self, sql: str, parameters: Sequence[Parameter]) -> Iterator[Event]:
        session = self.session
        self.cached = len(sql) <= _LONGEST_KEPT
        try:
            parsed = batch.parse(sql) if self.cached else batch.parsed(sql)
            for statement in parsed:
                yield from self.statement(statement)
        except BatchOver:
            pass
        except SqlError as error:
            session.error = error.number
            yield Failure(error)
        except (Cancelled, GeneratorExit):
            self._interrupted()
            raise
        finally:
            session.work.rest()
        outputs = [parameter for parameter in parameters if parameter.output]
        if outputs:
            yield Returned(0, tuple(self._output(parameter) for parameter in outputs))

    def _output(self, parameter: Parameter) -> Parameter:
        value = self.frame.shown(parameter.name.lower())
        return Parameter(parameter.name, parameter.type, value, output=True)

    def _interrupted(self) -> None:
        """Undo a cancelled statement; its transaction stays, unless XACT_ABORT is on."""
        session = self.session
        # SQLite takes the whole transaction back with a write that is interrupted in it.
        lost = session.work.writing and not session.db.in_transaction
        if not session.trancount:
            session.undo()
        elif session.xact_abort or lost:
            session.rollback()

    def statement(self, node: Statement) -> Iterator[Event]:
        """Run one statement; its failure is an event, and may end the batch."""
        handler = self._HANDLERS.get(type(node))
        if handler is None:
            raise Unsupported(f"the statement {type(node).__name__}")
        session = self.session
        self.frame.moment = None
        try:
            yield from handler(self, node)
            if type(node) not in _KEEPS_ERROR:
                session.error = 0
        except SqlError as error:
            yield from self._failed(error)
        except apsw.InterruptError:
            session.check()
            raise

    def _failed(self, error: SqlError) -> Iterator[Event]:
        session = self.session
        session.error = error.number
        if self.frame.catching and failures.can_be_caught(error):
            if session.trancount and failures.dooms(error, xact_abort=session.xact_abort):
                session.doomed = True
            raise error
        if session.trancount and failures.ends_transaction(error, xact_abort=session.xact_abort):
            session.rollback()
        elif not session.trancount and session.work.active:
            session.undo()
        yield Failure(error)
        if failures.ends_batch(error, xact_abort=session.xact_abort):
            raise BatchOver

    # Plans.
    def planned(self, node: Any, make: Callable[[Any], Plan], *more: object) -> Plan:
        """Return the plan of a statement as the database is defined now."""
        session = self.session
        known = session.definitions
        types = self.frame.types

        def build() -> tuple[Any, Plan]:
            return node, make(plans.renderer(known, types, session))

        if session.uncommitted is not None or not self.cached:
            return build()[1]
        key = (id(node), known.serial, self.signature, *more)
        found: Plan = session.place.plan(key, build)[1]
        return found

    def before_reading(self, plan: Plan) -> None:
        """See to what a statement needs before it reads: rights, its transaction, its snapshot."""
        session = self.session
        session.require(plan.needed)
        session.work.resume(session.waited)
        if plan.read_data and session.isolation == "SNAPSHOT":
            self.require_snapshots()
            if session.trancount:
                session.work.read()

    def require_snapshots(self) -> None:
        session = self.session
        if not session.place.snapshot_isolation and session.place is not (
            session.instance.master_database
        ):
            raise SqlError(
                3952,
                "Snapshot isolation transaction failed accessing database "
                f"'{session.database}' because snapshot isolation is not allowed in this "
                "database. Use ALTER DATABASE to allow snapshot isolation.",
            )

    def one_row(self, plan: Plan) -> tuple[Any, ...]:
        self.before_reading(plan)
        row = self.session.db.execute(plan.sql, plan.values(self.frame)).fetchone()
        return row if row is not None else (None,)

    def value(self, node: syntax.Expression, type_: SqlType | None = None) -> Any:
        """Return the value of an expression as it is kept."""
        plan = self.planned(node, lambda render: plans.of_value(render, node, type_), type_)
        return self.one_row(plan)[0]

    def condition(self, node: syntax.Expression) -> bool:
        plan = self.planned(node, lambda render: plans.of_condition(render, node), "condition")
        return bool(self.one_row(plan)[0])

    def text_value(self, node: syntax.Expression) -> str:
        value = self.value(node, SqlType("nvarchar", length=-1))
        return "" if value is None else str(value)

    # Queries.
    def _select(self, node: statements.SelectStatement) -> Iterator[Event]:
        plans.unsupported_into(node.query)
        session = self.session
        plan = self.planned(node, lambda render: plans.of_query(render, node.query))
        hooks.before_statement(session)
        self.before_reading(plan)
        try:
            cursor = session.db.execute(plan.sql, plan.values(self.frame))
        except apsw.SQLError as error:
            raise failures.of_sqlite(error, session.definitions, session.database) from None
        if plan.targets:
            self._assign(plan, cursor)
            return
        yield Columns(plan.columns)
        count = 0
        while rows := list(islice(cursor, CHUNK)):
            count += len(rows)
            yield Rows(rows if plan.show is None else plan.show(rows))
            hooks.on_rows(session, len(rows))
            if len(rows) < CHUNK:
                break
            session.check()
        session.rowcount = count
        yield Done(None if session.nocount else count, is_select=True)

    def _assign(self, plan: Plan, cursor: apsw.Cursor) -> None:
        """SELECT @v = …: the last row counts, no row leaves the variables as they are."""
        last: tuple[Any, ...] | None = None
        count = 0
        for row in cursor:
            last = row
            count += 1
        if last is not None:
            self.frame.variables.update(zip(plan.targets, last, strict=True))
        self.session.rowcount = count

    def _write(self, node: Any) -> Iterator[Event]:
        session = self.session
        plan = self.planned(
            node,
            lambda render: plans.of_write(render, node, session.identity_insert),
            session.identity_insert,
        )
        hooks.before_statement(session)
        session.require(plan.needed)
        rows = writing.run(self, plan)
        if plan.columns:
            yield Columns(plan.columns)
            if rows:
                yield Rows(rows if plan.show is None else plan.show(rows))
        yield Done(None if session.nocount else session.rowcount)

    # Variables and control.
    def _declare(self, node: statements.Declare) -> Iterator[Event]:
        for variable in node.variables:
            self.frame.declare(variable.name, variable.type)
        self.signature = self.frame.signature()
        for variable in node.variables:
            if variable.value is not None:
                value = self.value(variable.value, variable.type)
                self.frame.variables[variable.name] = value
        yield from ()

    def _set_variable(self, node: statements.SetVariable) -> Iterator[Event]:
        type_ = self.frame.types.get(node.name)
        if type_ is None:
            raise SqlError(137, f'Must declare the scalar variable "{node.name}".', severity=15)
        value = node.value
        if node.operator != "=":
            value = syntax.Binary(node.operator[0], syntax.Variable(node.name), value)
            plan = plans.of_value(
                plans.renderer(self.session.definitions, self.frame.types, self.session),
                value,
                type_,
            )
            self.frame.variables[node.name] = self.one_row(plan)[0]
        else:
            self.frame.variables[node.name] = self.value(value, type_)
        yield from ()

    def _block(self, node: statements.Block) -> Iterator[Event]:
        for statement in node.statements:
            yield from self.statement(statement)

    def _if(self, node: statements.If) -> Iterator[Event]:
        if self.condition(node.condition):
            yield from self.statement(node.then)
        elif node.otherwise is not None:
            yield from self.statement(node.otherwise)

    def _while(self, node: statements.While) -> Iterator[Event]:
        while self.condition(node.condition):
            self.session.check()
            try:
                yield from self.statement(node.body)
            except LoopLeft as left:
                if not left.again:
                    break

    def _break(self, _: statements.Break) -> Iterator[Event]:
        raise LoopLeft(again=False)

    def _continue(self, _: statements.Continue) -> Iterator[Event]:
        raise LoopLeft(again=True)

    def _return(self, _: statements.Return) -> Iterator[Event]:
        raise BatchOver

    def _try(self, node: statements.TryCatch) -> Iterator[Event]:
        frame = self.frame
        frame.catching += 1
        try:
            yield from self._block(node.body)
        except SqlError as error:
            frame.catching -= 1
            outer, frame.caught = frame.caught, error
            try:
                yield from self._block(node.handler)
            finally:
                frame.caught = outer
            return
        except BaseException:
            frame.catching -= 1
            raise
        frame.catching -= 1

    def _print(self, node: statements.Print) -> Iterator[Event]:
        yield Info(0, self.text_value(node.value))

    def _raise_error(self, node: statements.RaiseError) -> Iterator[Event]:
        severity = int(self.value(node.severity, SqlType("int")) or 0)
        state = int(self.value(node.state, SqlType("int")) or 0)
        values = [self.value(argument) for argument in node.arguments]
        message = failures.formatted(self.text_value(node.message), values)
        if severity <= 10:
            yield Info(50000, message)
            return
        raise failures.Raised(50000, message, severity=severity, state=max(state, 1))

    def _throw(self, node: statements.Throw) -> Iterator[Event]:
        if node.number is None or node.message is None or node.state is None:
            if self.frame.caught is None:
                raise SqlError(
                    10704,
                    "To rethrow an error, a THROW statement must be used inside a CATCH block.",
                    severity=15,
                )
            caught = self.frame.caught
            raise failures.Thrown(
                caught.number, caught.message, severity=caught.severity, state=caught.state
            )
        number = int(self.value(node.number, SqlType("int")))
        state = int(self.value(node.state, SqlType("int")))
        raise failures.Thrown(number, self.text_value(node.message), state=state)

    def _wait(self, node: statements.WaitFor) -> Iterator[Event]:
        delay = self.text_value(node.delay)
        hours, minutes, seconds = (float(part) for part in delay.split(":"))
        until = time.monotonic() + hours * 3600 + minutes * 60 + seconds
        self.session.work.rest()
        while (rest := until - time.monotonic()) > 0:
            self.session.check()
            self.session.instance.closing.wait(min(rest, 0.05))
        yield from ()

    def _use(self, node: statements.Use) -> Iterator[Event]:
        yield from self.session.change_database(node.database)

    # Transactions.
    def _begin(self, _: statements.BeginTransaction) -> Iterator[Event]:
        self.session.begin()
        yield from ()

    def _commit(self, _: statements.CommitTransaction) -> Iterator[Event]:
        self.session.commit()
        yield from ()

    def _rollback(self, node: statements.RollbackTransaction) -> Iterator[Event]:
        if node.name is not None and node.name.lower() in self.session.savepoints:
            self.session.rollback_to(node.name)
        else:
            self.session.rollback()
        yield from ()

    def _save(self, node: statements.SaveTransaction) -> Iterator[Event]:
        self.session.save(node.name)
        yield from ()

    # Settings.
    def _set_option(self, node: statements.SetOption) -> Iterator[Event]:
        session = self.session
        on = node.value == "ON"
        for name in node.name.split(","):
            if name == "NOCOUNT":
                session.nocount = on
            elif name == "XACT_ABORT":
                session.xact_abort = on
            elif name == "LOCK_TIMEOUT":
                session.lock_timeout = int(node.value)
            elif name in _REFUSED_WHEN_ON and on:
                raise Unsupported(f"SET {name} ON")
            elif name in _REFUSED_WHEN_OFF and not on:
                raise Unsupported(f"SET {name} OFF")
            elif name == "ROWCOUNT" and node.value != "0":
                raise Unsupported("SET ROWCOUNT")
        yield from ()

    def _set_isolation(self, node: statements.SetIsolation) -> Iterator[Event]:
        session = self.session
        if node.level == "SNAPSHOT" and session.isolation != "SNAPSHOT" and session.work.active:
            raise SqlError(
                3951,
                f"Transaction failed in database '{session.database}' because the statement was "
                "run under snapshot isolation but the transaction did not start in snapshot "
                "isolation.",
            )
        session.isolation = node.level
        yield from ()

    def _set_identity_insert(self, node: statements.SetIdentityInsert) -> Iterator[Event]:
        session = self.session
        render = plans.renderer(session.definitions, {}, session)
        table = render.find_table(node.table)
        if table.identity is None:
            raise SqlError(
                8106,
                f"Table '{table.name}' does not have the identity property. Cannot perform SET "
                "operation.",
            )
        if node.on and session.identity_insert not in (None, table.object_id):
            raise SqlError(
                8107, "IDENTITY_INSERT is already ON for a table. Cannot perform SET operation."
            )
        session.identity_insert = table.object_id if node.on else None
        yield from ()

    # Procedures.
    def _execute(self, node: statements.Execute) -> Iterator[Event]:
        name = ".".join(node.procedure).lower()
        given = []
        for argument in node.arguments:
            plan = self._argument(argument.value)
            value = self.one_row(plan)[0]
            type_ = plan.columns[0].type
            given.append(Parameter(argument.name or "", type_, value, output=argument.output))
        if name.removeprefix("sys.") == "sp_executesql":
            yield from self._execute_sql(node, given)
        else:
            yield from self.session.instance.procedure(self.session, name, given)

    def _argument(self, node: syntax.Expression) -> Plan:
        return self.planned(node, lambda render: plans.of_value(render, node, None), "argument")

    def _execute_sql(self, node: statements.Execute, given: Sequence[Parameter]) -> Iterator[Event]:
        inner = Frame(self.session)
        names: dict[str, str] = {}
        if len(given) > 1:
            for place, (name, type_) in enumerate(declared(str(given[1].value))):
                inner.declare(name, type_)
                sent = next(
                    (each for each in given[2:] if each.name.lower() == name),
                    given[2 + place] if len(given) > 2 + place else None,
                )
                if sent is None:
                    raise SqlError(
                        8178,
                        f"The parameterized query expects the parameter '{name}', which was not "
                        "supplied.",
                    )
                convert = plans.conversion_of(sent.type, type_)
                value = sent.value
                inner.variables[name] = (
                    value if value is None or convert is None else convert(value)
                )
                argument = node.arguments[2 + place] if len(node.arguments) > 2 + place else None
                if (
                    argument is not None
                    and argument.output
                    and isinstance(argument.value, syntax.Variable)
                ):
                    names[name] = argument.value.name
        executor = Executor(self.session, inner)
        yield from executor.nested(str(given[0].value))
        for name, target in names.items():
            self.frame.variables[target] = inner.variables[name]

    def nested(self, sql: str) -> Iterator[Event]:
        """Run a batch within a batch: its end is not the outer one's."""
        try:
            for statement in batch.parse(sql):
                yield from self.statement(statement)
        except BatchOver:
            pass

    def _execute_text(self, node: statements.ExecuteText) -> Iterator[Event]:
        yield from Executor(self.session, Frame(self.session)).nested(self.text_value(node.text))

    def call(self, procedure: str, parameters: Sequence[Parameter]) -> Iterator[Event]:
        """Run a procedure that came by its name; values are kept as a batch would keep them."""
        session = self.session
        kept = [
            Parameter(each.name, each.type, keep(each.value, each.type), each.output)
            for each in parameters
        ]
        try:
            yield from session.instance.procedure(session, procedure.lower(), kept)
        except SqlError as error:
            session.error = error.number
            yield Failure(error)
        finally:
            session.work.rest()

    def _definition(self, node: Any) -> Iterator[Event]:
        yield from definitions.run(self, node)

    def _instance(self, node: Any) -> Iterator[Event]:
        yield from self.session.instance.administer(self, node)

    def undeclared(self, sql: str) -> tuple[Parameter, ...]:
        """Return the types that the driver asks for."""
        session = self.session
        return undeclared.of(
            sql, self.frame.types, session.definitions, session, session.identity_insert
        )

    _HANDLERS: ClassVar[dict[type, Callable[[Executor, Any], Iterator[Event]]]] = {
        statements.SelectStatement: _select,
        statements.Insert: _write,
        statements.Update: _write,
        statements.Delete: _write,
        statements.Declare: _declare,
        statements.SetVariable: _set_variable,
        statements.Block: _block,
        statements.If: _if,
        statements.While: _while,
        statements.Break: _break,
        statements.Continue: _continue,
        statements.Return: _return,
        statements.TryCatch: _try,
        statements.Print: _print,
        statements.RaiseError: _raise_error,
        statements.Throw: _throw,
        statements.WaitFor: _wait,
        statements.Use: _use,
        statements.BeginTransaction: _begin,
        statements.CommitTransaction: _commit,
        statements.RollbackTransaction: _rollback,
        statements.SaveTransaction: _save,
        statements.SetOption: _set_option,
        statements.SetIsolation: _set_isolation,
        statements.SetIdentityInsert: _set_identity_insert,
        statements.Execute: _execute,
        statements.ExecuteText: _execute_text,
        **dict.fromkeys(definitions.STATEMENTS, _definition),
        **dict.fromkeys(
            (
                statements.CreateDatabase,
                statements.DropDatabase,
                statements.AlterDatabase,
                statements.CreateLogin,
                statements.AlterLogin,
                statements.DropLogin,
                statements.Kill,
                statements.Backup,
                statements.Restore,
                statements.Checkpoint,
            ),
            _instance,
        ),
    }


def declared(text: str) -> Iterator[tuple[str, SqlType]]:
    """Names and types of a declaration like `@a int, @b nvarchar(10)`."""
    if not text.strip():
        return
    (statement,) = batch.parse(f"DECLARE {text.replace(' OUTPUT', '').replace(' output', '')}")
    if isinstance(statement, statements.Declare):
        for variable in statement.variables:
            yield variable.name, variable.type


_REFUSED_WHEN_ON = frozenset(
    ("IMPLICIT_TRANSACTIONS", "FMTONLY", "PARSEONLY", "NOEXEC", "NUMERIC_ROUNDABORT")
)
_REFUSED_WHEN_OFF = frozenset(("ANSI_NULLS", "QUOTED_IDENTIFIER", "CONCAT_NULL_YIELDS_NULL"))
_KEEPS_ERROR = frozenset((statements.If, statements.Block, statements.While, statements.TryCatch))
